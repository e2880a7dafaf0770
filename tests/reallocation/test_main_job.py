"""The main job, end to end, on a real timetable: in the browser, by mail, to the admin's log.

The bundle's calendar is moved so that its term begins next week, whenever the test is run.
"""

import datetime as dt
import json
import re
import shutil
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from reallocation import overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case
from timetable.models import Institute, Meeting, Staff, User
from voting.models import Ballot

pytestmark = [pytest.mark.data, pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.fixture
def campus(shared_data, tmp_path):
    """The polytechnic of 5,760 students, with a term that begins on the Monday after next."""
    folder = tmp_path / "bundle"
    shutil.copytree(shared_data("telpolytech"), folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    head = folder / "institute.toml"
    today = timezone.localdate()
    monday = today + dt.timedelta(days=14 - today.weekday())
    shift = monday - dt.date(2027, 1, 4)
    text = DATE.sub(
        lambda found: str(dt.date.fromisoformat(found[0]) + shift), head.read_text("utf-8")
    )
    head.write_text(text, "utf-8")
    said = StringIO()
    call_command("import_timetable", str(folder), json=True, stdout=said)
    assert json.loads(said.getvalue())["counts"]["meetings"] == 11392
    institute = Institute.objects.get(slug="telpolytech")
    registrar = User.objects.create_user("registrar@telpolytech.example", is_staff=True)
    Staff.objects.create(user=registrar, institute=institute, role="registrar")
    return Campus(institute, registrar)


class Campus:
    def __init__(self, institute, registrar):
        self.institute = institute
        self.registrar = registrar
        self.meetings = self._taught_by_several()

    def _taught_by_several(self):
        """Meetings of the third week whose course others teach and whose section others know."""
        start = self.institute.terms.get().starts_on + dt.timedelta(days=14)
        found = (
            Meeting.objects.between(
                self.institute.moment(start, dt.time()),
                self.institute.moment(start + dt.timedelta(days=6), dt.time()),
            )
            .filter(offering__course__offerings__teachings__position=0)
            .distinct()
            .for_list()
        )
        seen = set()
        for meeting in found:
            others = meeting.offering.course.offerings.exclude(professors=meeting.professor).values(
                "professors"
            )
            if others.distinct().count() >= 3 and meeting.professor_id not in seen:
                seen.add(meeting.professor_id)
                yield meeting


def send(page, button):
    """Press the button and wait for the page that answers: a click alone does not wait for it."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).first.click()


def click_for(page, url, button):
    page.goto(url)
    send(page, button)


def file_absence(page, live_server, sign_in, meeting):
    """A professor says in the browser that they cannot teach this class."""
    sign_in(meeting.professor.user)
    page.goto(f"{live_server.url}/week/")
    click_for(page, f"{live_server.url}/absences/new/?meeting={meeting.uid}", "File the absence")
    return Case.objects.get(meeting=meeting)


def again(case):
    return Case.objects.for_list().get(pk=case.pk)


def links_in_mail(address, path, live_server):
    """The personal links that somebody got by e-mail, newest last."""
    found = [
        re.search(rf"https?://[^/\s]+({path}\S+)", m.body) for m in mail.outbox if address in m.to
    ]
    return [live_server.url + match[1] for match in found if match]


def answer(browser, live_server, case, button):
    """Everybody who is asked answers by the link in their mail, without logging in."""
    for offer in case.offers.filter(status="sent").select_related("professor"):
        context = browser.new_context()
        page = context.new_page()
        link = links_in_mail(offer.professor.email, "/o/", live_server)[-1]
        click_for(page, link, button)
        assert page.locator("main").inner_text()
        context.close()


def vote(case, live_server, choice, count):
    """So many students answer by the link in their mail."""
    ballot = Ballot.objects.open().get(subject_uid=case.uid)
    for place in ballot.roll.select_related("student")[:count]:
        link = links_in_mail(place.student.email, "/votes/link/", live_server)[-1]
        answered = Client().post(link.removeprefix(live_server.url), {"choice": choice})
        assert answered.status_code in (200, 302)


@pytest.fixture
def file_until(campus, page, live_server, sign_in, worker, browser):
    """File for class after class, all asked in the section declining, until one waits for that."""

    def file_until(wanted):
        for meeting in campus.meetings:
            case = file_absence(page, live_server, sign_in, meeting)
            worker.run()
            while again(case).waiting_for == WaitingFor.COLLEAGUES != wanted:
                answer(browser, live_server, again(case), "No, I can’t")
                worker.run()
            if again(case).waiting_for == wanted:
                return again(case)
        raise AssertionError(f"no class of this timetable gets to {wanted}")

    return file_until


@pytest.fixture
def put_to_vote(page, browser, live_server, worker):
    """The professor chooses, the candidate accepts: the case waits for its students."""

    def put_to_vote(case):
        page.goto(f"{live_server.url}/cases/{case.uid}/")
        page.locator("input[name=candidate]").first.check()
        send(page, "Ask")
        worker.run()
        answer(browser, live_server, again(case), "Yes, I take it")
        worker.run()
        assert again(case).waiting_for == WaitingFor.CLASS_VOTE
        return again(case)

    return put_to_vote


def test_an_absence_is_covered_by_a_colleague_and_everybody_sees_it(
    campus, file_until, page, browser, live_server, sign_in, worker, complaints
):
    case = file_until(WaitingFor.COLLEAGUES)
    meeting = case.meeting
    chosen = case.offers.filter(status="sent").select_related("professor")[0].professor
    guest = browser.new_context()
    offer_page = guest.new_page()
    link = links_in_mail(chosen.email, "/o/", live_server)[-1]
    offer_page.goto(link)
    assert again(case).offers.filter(status="accepted").count() == 0
    send(offer_page, "Yes, I take it")
    guest.close()
    worker.run()
    case = again(case)
    assert (case.status, case.meeting.professor) == (CaseStatus.SUBSTITUTED, chosen)

    student = meeting.offering.students.first()
    sign_in(student.user)
    page.goto(f"{live_server.url}/changes/")
    assert chosen.name in page.locator("main").inner_text()
    told = [m for m in mail.outbox if student.email in m.to]
    assert chosen.name in told[-1].body

    sign_in(campus.registrar)
    page.goto(f"{live_server.url}/admin/reallocation/logentry/?q={chosen.code}")
    assert "offer.accepted" in page.content() or "accepted" in page.content()
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    assert chosen.name in page.locator("main").inner_text()
    assert complaints == []


def test_cases_climb_to_the_vote_the_new_slot_the_weekend_and_the_drop(
    campus, file_until, put_to_vote, page, live_server, sign_in, worker
):
    # Step 3: the professor chooses, the candidate accepts, the students vote yes.
    case = put_to_vote(file_until(WaitingFor.CANDIDATE_CHOICE))
    vote(case, live_server, "yes", case.meeting.offering.students.count() // 2 + 1)
    worker.run()
    case = again(case)
    assert (case.status, case.step) == (CaseStatus.SUBSTITUTED, StepNumber.SUBJECT)

    # Step 4: the students say no to another candidate; the professor picks a slot.
    case = put_to_vote(file_until(WaitingFor.CANDIDATE_CHOICE))
    vote(case, live_server, "no", case.meeting.offering.students.count() // 2)
    worker.run()
    assert again(case).waiting_for == WaitingFor.SLOT_CHOICE
    page.goto(f"{live_server.url}/cases/{case.uid}/")
    page.locator("input[name=slot]").nth(1).check()
    send(page, "Take this time")
    worker.run()
    assert again(case).status == CaseStatus.RESCHEDULED

    # Step 5: sent there by the registrar; one class says yes, another says no and is dropped.
    who = Who.of(campus.registrar, ActorKind.REGISTRAR)
    for choice, status in (("yes", CaseStatus.WEEKEND), ("no", CaseStatus.DROPPED)):
        case = file_absence(page, live_server, sign_in, next(campus.meetings))
        worker.run()
        overrides.send_to(
            again(case), step=StepNumber.WEEKEND, why="No slot suits", now=timezone.now(), who=who
        )
        worker.run()
        case = again(case)
        assert case.waiting_for == WaitingFor.WEEKEND_VOTE
        roll = case.meeting.offering.students.count()
        vote(case, live_server, choice, roll // 2 + 1 if choice == "yes" else (roll + 1) // 2)
        worker.run()
        assert again(case).status == status
    student = case.meeting.offering.students.first()
    sign_in(student.user)
    page.goto(f"{live_server.url}/changes/")
    assert "Dropped" in page.locator("main").inner_text()
    call_command("verify_audit", "telpolytech", stdout=StringIO())
