"""The page of a case in the admin: its whole story, and of its votes only what tells on nobody."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reallocation import answers, audit, overrides
from reallocation.models import (
    Case,
    Delivery,
    LogEntry,
    Notice,
    Offer,
    Policy,
)
from tests.factories import (
    DeliveryFactory,
    MeetingFactory,
    MessageFactory,
    StaffFactory,
    UserFactory,
)
from tests.reallocation.browsing import words
from tests.reallocation.office import list_url, live, login, page_url, read, rows, staff
from timetable.enums import StaffRole
from timetable.models import Enrolment
from voting import ballots
from voting.models import Ballot, Vote

pytestmark = pytest.mark.django_db

READ_ONLY = (Case, Offer, LogEntry, Notice, Delivery)
WHOLE_INSTITUTE = (LogEntry, Notice, Delivery)


def test_a_case_tells_its_whole_story(office, registrar):
    text = read(registrar, page_url(office.found))
    for said in (
        "MATH.A · Algebra, Tue 2 Mar 2027, 09:00",
        "Before the case Tue 2 Mar 2027, 09:00–10:30 (Europe/Vienna)",
        "Absent Ada Adler (ADA)",
        "Where it stands",
        "Direct substitute",
        "no substitute was named.",
        "Professors of the section",
        "Ben Baker Declined my cat is ill in northfield Mon 1 Mar, 09:00",
        "on campus that day; knows the section",
        "Same subject and student vote",
        "What was told",
        "Can you take MATH on Tue 2 Mar, 09:00? 1 1 × E-mail: Queued",
        "Offer declined Ben Baker said no. Ben Baker",
    ):
        assert said in text.replace("\xa0", " ")


def test_a_case_leads_to_all_that_belongs_to_it(office, registrar):
    page = registrar.get(page_url(office.found)).content.decode()
    case = office.found
    linked = [
        reverse("reallocation:case-detail", args=[case.uid]),
        reverse("admin:timetable_meeting_change", args=[case.meeting_id]),
        reverse("admin:timetable_absence_change", args=[case.absence_id]),
        *(f"{list_url(model)}?case={case.uid}" for model in (Offer, Notice, LogEntry)),
        *(page_url(offer) for offer in case.offers.all()),
        *(page_url(notice) for notice in case.notices.all()),
        *(page_url(entry) for entry in case.log.all()),
    ]
    assert [url for url in linked if f'href="{url}"' not in page] == []
    assert "Decide on the case's page" in words(registrar.get(page_url(case)))
    for url in linked:
        assert registrar.get(url).status_code == 200


def test_the_words_of_a_refusal_are_for_registrars(office, registrar):
    offer = Offer.objects.get(professor__code="BEN")
    excuse = "my cat is ill in northfield"
    assert excuse in read(registrar, page_url(offer))
    for role in (StaffRole.AUDITOR, StaffRole.HEAD):
        reader = staff(office, role)
        for row in (offer, office.found):
            text = read(reader, page_url(row))
            assert "Ben Baker" in text
            assert excuse not in text


def test_a_head_of_department_is_offered_no_links_to_what_they_may_not_read(office):
    page = staff(office, StaffRole.HEAD).get(page_url(office.found)).content.decode()
    for model in WHOLE_INSTITUTE:
        assert list_url(model) not in page
    assert reverse("admin:voting_ballot_changelist") not in page
    assert list_url(Offer) in page


def test_who_could_not_be_asked_is_told_with_the_reason(office, registrar):
    clash = MeetingFactory(
        offering__term=office.house.term,
        offering__professors=[office.house.professors["EVE"]],
        day=dt.date(2027, 3, 2),
        clock=dt.time(9),
    )
    for offer in office.found.offers.waiting():
        answers.decline(offer, by=offer.professor, now=office.now)
    office.settle()
    text = read(registrar, page_url(office.found))
    assert clash.professor.name in text
    assert "Eve Ernst: teaches another class at that time" in text
    assert "everyone who was asked said no" in text


def voted(office, *choices):
    """A vote on a weekend class, with these votes of the class: the case and its ballot."""
    case = overrides.send_to(
        office.found, step=5, why="the dean wants it so", now=office.now, who=audit.SYSTEM
    )
    office.settle()
    ballot = Ballot.objects.open().get(subject_uid=case.uid)
    voters = ballot.offering.students.order_by("pk")
    for student, choice in zip(voters, choices, strict=False):
        ballots.cast(ballot_uid=ballot.uid, student=student, choice=choice, now=office.now)
    return office.again(case), ballot


def test_of_an_open_vote_only_the_turnout_is_told(office, registrar):
    case, ballot = voted(office, False, False)
    text = read(registrar, page_url(case))
    assert f"Vote: {ballot.question} open. 2 of 5 have voted (40 %)." in text
    assert "0 yes" not in text
    assert "the dean wants it so" in text


def test_of_a_closed_vote_the_sums_are_told_and_never_who_voted(office, registrar):
    case, ballot = voted(office, True, True, False)
    ballots.close_due(ballot.closes_at)
    text = read(registrar, page_url(case))
    assert f"Vote: {ballot.question} Approved, 2 yes, 1 no. 3 of 5 have voted (60 %)." in text
    for student in office.house.students.values():
        assert student.code not in text
        assert student.email not in text
    for receipt in Vote.objects.values_list("receipt", flat=True):
        assert receipt not in text


def test_of_a_vote_among_four_nothing_but_the_result_is_told(office, registrar):
    Enrolment.objects.filter(student=office.house.students["A5"]).delete()
    case, ballot = voted(office, True, True, False)
    ballots.close_due(ballot.closes_at)
    text = read(registrar, page_url(case))
    assert f"Vote: {ballot.question} Approved." in text
    assert "2 yes" not in text
    assert "have voted" not in text


def test_who_had_to_be_reminded_is_told_to_nobody(office, registrar):
    case, ballot = voted(office, True, True)
    ballots.remind_due(ballot.opened_at + (ballot.closes_at - ballot.opened_at) * 0.6)
    notice = Notice.objects.get(kind="ballot-reminder")
    assert notice.messages.count() == 3
    root = login(UserFactory(name="Root", is_staff=True, is_superuser=True))
    silent = [message.user for message in notice.messages.all()]
    for client in (registrar, root, staff(office, StaffRole.AUDITOR)):
        text = read(client, page_url(notice))
        assert "Who they were is shown to nobody." in text
        assert [u for u in silent if u.email in text or u.name in text] == []
        assert not rows(client, Delivery, f"?q={notice.subject.split(':')[0]}")
        hidden = Delivery.objects.filter(message__notice=notice).first()
        assert client.get(page_url(hidden)).status_code == 302
    asked = Notice.objects.get(kind="ballot")
    assert all(student.email in read(registrar, page_url(asked)) for student in case_roll(case))


def case_roll(case):
    return list(case.meeting.offering.students.all())


def test_the_page_of_a_case_costs_the_same_however_long_its_story(office, registrar):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            assert registrar.get(page_url(office.found)).status_code == 200
        return len(captured)

    early = cost()
    case, ballot = voted(office, True, True, False)
    ballots.close_due(ballot.closes_at)
    office.now = ballot.closes_at
    office.settle()
    assert case.log.count() > 20
    assert [early, cost()] == [13, 13]


def test_the_pages_of_messages_cost_the_same_however_many_were_told(office, registrar):
    taken = []
    notice = Notice.objects.filter(case=office.found).first()
    for size in (1, 2, 3):
        assert notice.messages.count() == size
        with CaptureQueriesContext(connection) as captured:
            assert registrar.get(page_url(notice)).status_code == 200
        taken.append(len(captured))
        DeliveryFactory(message=MessageFactory(notice=notice))
    assert taken == [taken[0]] * 3


# Under the strict policy --------------------------------------------------------------------------


INLINE = re.compile(
    r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", re.IGNORECASE
)


def test_no_page_holds_inline_scripts_or_styles(office, registrar):
    voted(office, True)
    pages = [reverse("admin:index"), reverse("admin:reallocation_policy_change", args=[1])]
    pages[1] = page_url(Policy.objects.get())
    for model in READ_ONLY:
        pages += [list_url(model), page_url(model.objects.first())]
    found = {url: INLINE.findall(registrar.get(url).content.decode()) for url in pages}
    assert found == {key: [] for key in pages}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_story_of_a_case_opens_in_a_browser(page, live_server, sign_in, complaints):
    office = live("northfield")
    user = UserFactory(is_staff=True)
    StaffFactory(institute=office.house.institute, user=user)
    sign_in(user)
    page.goto(live_server.url + page_url(office.found))
    page.get_by_text("who could be asked").first.click()
    assert page.locator(".visit details[open] li").first.is_visible()
    page.get_by_role("link", name="Log", exact=True).click()
    page.get_by_role("button", name="Verify the chain").click()
    assert "is whole." in page.locator(".messagelist").inner_text()
    page.goto(live_server.url + page_url(Policy.objects.get()))
    page.get_by_label("Offers in a wave").fill("0")
    page.get_by_role("button", name="Save", exact=True).click()
    assert "was changed successfully" in page.locator(".messagelist").inner_text()
    assert complaints == []
