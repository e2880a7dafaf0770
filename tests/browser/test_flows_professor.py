"""What an absent professor and the colleagues who are asked do, in each of the ways there are."""

import datetime as dt

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from reallocation import absences, answers, overrides
from reallocation.audit import Who
from reallocation.enums import ActorKind, CaseStatus, StepNumber, WaitingFor
from reallocation.models import Case
from tests.browser.campus import again, everybody_of_the_section_says_no, link_in_mail_to
from tests.factories import MeetingFactory
from timetable import signed_links

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page(case):
    return reverse("reallocation:case-detail", args=[case.uid])


def test_signing_in_by_a_code_from_the_mail(campus, meet):
    ada = meet()
    ada.opens("/")
    ada.follows("Send me a code by e-mail")
    ada.writes("Email", campus.user("ADA").email)
    ada.presses("Request Code")
    code = mail.outbox[-1].body.split("\n\n")[1].strip()
    ada.writes("Code", code)
    ada.presses("Confirm")
    ada.reads("My week")


def test_an_absence_with_a_named_substitute_who_says_yes(campus, meet, worker):
    ada = meet(campus.user("ADA"))
    ada.opens(f"/week/{campus.day}/")
    ada.follows("I can’t teach this")
    ada.picks("Whom shall we ask first?", "Ben Baker")
    ada.writes("For whoever takes the class", "We are at chapter 7")
    ada.answers("file", "1")
    ada.reads("The absence is on file.")
    worker.run()
    case = Case.objects.get()
    assert case.named.code == "BEN"

    ben = meet(campus.user("BEN"))
    ben.opens("/offers/")
    ben.follows("Math")
    ben.reads("We are at chapter 7", "Ada Adler would like it to be you.")
    ben.answers("answer", "accept")
    ben.reads("You said yes")
    worker.run()
    assert again(case).status == CaseStatus.SUBSTITUTED
    ada.opens(page(case))
    ada.reads("Ben Baker takes the class")


def test_finding_someone_a_no_a_yes_and_a_yes_that_comes_too_late(campus, meet, worker):
    third = campus.another_colleague("DORA", "Dora Dorn")
    ada = meet(campus.user("ADA"))
    ada.opens(f"/week/{campus.day}/")
    ada.follows("I can’t teach this")
    ada.reads("3 free colleagues of the section are asked")
    ada.answers("file", "1")
    ada.reads("The absence is on file.")
    worker.run()
    case = Case.objects.get()

    ben = meet()
    ben.opens(link_in_mail_to(campus.user("BEN")))
    ben.writes("If no: why?", "At a conference")
    ben.answers("answer", "decline")
    ben.reads("You said no, and that is fine.")

    slow = meet(third.user)
    slow.opens(reverse("reallocation:offer-detail", args=[case.offers.get(professor=third).uid]))
    slow.reads("Can you take this class?")
    cleo = meet(campus.user("CLEO"))
    cleo.opens(link_in_mail_to(campus.user("CLEO")))
    cleo.answers("answer", "accept")
    cleo.reads("You said yes")
    worker.run()
    slow.answers("answer", "accept")
    slow.reads("Cleo Clark was faster and has already taken this class.")
    slow.follows("See the case")
    slow.reads("Cleo Clark takes the class")
    assert again(case).meeting.professor.code == "CLEO"


def test_a_link_that_is_too_old_says_what_to_do(campus, meet, worker):
    case = campus.file()
    worker.run()
    offer = case.offers.get(professor__code="BEN")
    payload = {"offer": str(offer.uid), "user": offer.professor.user_id}
    over = timezone.now() - dt.timedelta(minutes=1)
    ben = meet()
    ben.opens(
        reverse(
            "reallocation:offer-link", args=[signed_links.make("offer", payload, expires_at=over)]
        )
    )
    ben.reads("This link is too old", "Sign in to see the requests that wait for you.")
    ben.follows("Sign in")
    ben.reads("Send me a code by e-mail")


def test_choosing_a_candidate_who_says_yes(campus, meet, worker):
    case = campus.file()
    worker.run()
    everybody_of_the_section_says_no(case)
    worker.run()
    ada = meet(campus.user("ADA"))
    ada.opens("/cases/")
    ada.follows("Math")
    ada.chooses("candidate", "EVE")
    ada.presses("Ask this colleague")
    ada.reads("They are asked now.")
    worker.run()

    eve = meet(campus.user("EVE"))
    eve.opens("/offers/")
    eve.follows("Math")
    eve.reads("the students of the class vote")
    eve.answers("answer", "accept")
    eve.reads("You said yes")
    worker.run()
    assert again(case).waiting_for == WaitingFor.CLASS_VOTE


def test_choosing_a_new_time(campus, meet, worker):
    case = campus.file()
    worker.run()
    send_to(case, StepNumber.RESCHEDULE)
    worker.run()
    ranked = again(case).records.get(left_at=None).considered["ranked"]
    best = ranked[1]
    ada = meet(campus.user("ADA"))
    ada.opens(page(case))
    ada.chooses("slot", f"{best['starts_at']}|{best['room']}")
    ada.presses("Take this time")
    ada.reads("The class is moved there")
    worker.run()
    moved = again(case)
    assert moved.status == CaseStatus.RESCHEDULED
    assert moved.meeting.starts_at == dt.datetime.fromisoformat(best["starts_at"])

    student = meet(campus.students[0].user)
    student.opens("/classes/MATH.A/")
    student.reads("Moved")


def test_withdrawing_an_absence(campus, meet, worker):
    case = campus.file()
    worker.run()
    ada = meet(campus.user("ADA"))
    ada.opens(page(case))
    ada.follows("The absence")
    ada.follows("Withdraw")
    ada.reads("This is what becomes of each class")
    ada.presses("Withdraw the absence")
    ada.reads("Withdrawn")
    worker.run()
    assert again(case).status == CaseStatus.WITHDRAWN
    ben = meet(campus.user("BEN"))
    ben.opens("/inbox/")
    ben.reads("No longer needed: MATH")


def test_leaving_a_class_out_of_an_absence(campus, meet, worker):
    MeetingFactory(offering=campus.meeting.offering, day=campus.day, clock=dt.time(14))
    ada = meet(campus.user("ADA"))
    ada.opens(f"{reverse('reallocation:absence-file')}?kind=day&day={campus.day}")
    ada.use(ada.page.get_by_label("Needs cover").last)
    ada.answers("file", "1")
    ada.reads("Nobody is looked for", "No cover is wanted: it stays in the timetable as it is.")
    worker.run()
    assert [case.meeting for case in Case.objects.all()] == [campus.meeting]


def test_prolonging_an_absence(campus, meet, worker):
    case = campus.file()
    worker.run()
    next_day = campus.day + dt.timedelta(days=1)
    MeetingFactory(offering=campus.meeting.offering, day=next_day, clock=dt.time(14))
    ada = meet(campus.user("ADA"))
    ada.opens(reverse("reallocation:absence-detail", args=[case.absence.uid]))
    ada.follows("Change")
    ada.writes("Last day", next_day.isoformat())
    ada.answers("look", "1")
    ada.reads("Classes that come in", "somebody is looked for.")
    ada.presses("Change the absence")
    worker.run()
    assert Case.objects.filter(absence=case.absence).count() == 2


def test_filing_an_absence_of_given_hours(campus, meet, worker):
    MeetingFactory(offering=campus.meeting.offering, day=campus.day, clock=dt.time(14))
    ada = meet(campus.user("ADA"))
    ada.opens(reverse("reallocation:absence-file"))
    ada.chooses("kind", "part")
    ada.writes("Day", campus.day.isoformat())
    ada.writes("From", "09:30")
    ada.writes("Until", "13:05")
    ada.presses("Show the classes affected")
    ada.answers("file", "1")
    ada.reads("The absence is on file.")
    worker.run()
    case = Case.objects.get()
    assert case.meeting == campus.meeting
    moment = campus.institute.moment
    assert case.absence.starts_at == moment(campus.day, dt.time(9, 30))
    assert case.absence.ends_at == moment(campus.day, dt.time(13, 5))


def test_filing_several_times_in_one_go(campus, meet, worker):
    next_day = campus.day + dt.timedelta(days=1)
    MeetingFactory(offering=campus.meeting.offering, day=next_day, clock=dt.time(14))
    ada = meet(campus.user("ADA"))
    ada.opens(f"/week/{campus.day}/")
    ada.follows("I can’t teach this")
    ada.writes("For whoever takes the class", "We are at chapter 7")
    ada.answers("more", "1")
    ada.reads("Time 1", "Time 2")
    ada.writes("Day", next_day.isoformat(), within="fieldset:has-text('Time 2')")
    ada.presses("Show the classes affected")
    ada.answers("file", "1")
    ada.reads("2 absences are on file.")
    worker.run()
    assert [case.absence.handover for case in Case.objects.all()] == ["We are at chapter 7"] * 2


def test_teaching_one_of_the_classes_after_all(campus, meet, worker):
    """Part of an absence is taken back by shortening it."""
    later = MeetingFactory(offering=campus.meeting.offering, day=campus.day, clock=dt.time(14))
    starts_at = campus.institute.moment(campus.day, dt.time())
    asked = absences.Request(starts_at, starts_at + dt.timedelta(days=1))
    absence = absences.file(campus.professors["ADA"], asked, now=timezone.now()).absence
    worker.run()
    ada = meet(campus.user("ADA"))
    ada.opens(reverse("reallocation:absence-detail", args=[absence.uid]))
    ada.follows("Change")
    ada.writes("Until", "13:00")
    ada.answers("look", "1")
    ada.reads("Classes that you can teach after all", "Nobody is asked any more")
    ada.presses("Change the absence")
    worker.run()
    statuses = {case.meeting_id: case.status for case in Case.objects.filter(absence=absence)}
    assert statuses == {campus.meeting.pk: CaseStatus.OPEN, later.pk: CaseStatus.WITHDRAWN}


def test_teaching_one_class_after_all_and_having_it_covered_again(campus, meet, worker):
    """Of two days away one class is taken back by itself, and later taken in again."""
    next_day = campus.day + dt.timedelta(days=1)
    MeetingFactory(offering=campus.meeting.offering, day=next_day, clock=dt.time(14))
    case, other = campus.away(days=2)
    worker.run()
    ada = meet(campus.user("ADA"))
    ada.opens(reverse("reallocation:absence-detail", args=[case.absence.uid]))
    ada.follows("Math")
    ada.unfolds("I can teach this one after all")
    ada.reads("Nobody is asked any more", "The absence stays on file.")
    assert again(case).status == CaseStatus.OPEN
    ada.presses("I teach this class")
    ada.reads(
        "The class is yours, and everybody concerned is told.", "You teach the class after all."
    )
    worker.run()
    assert (again(case).status, again(other).status) == (CaseStatus.WITHDRAWN, CaseStatus.OPEN)
    ben = meet(campus.user("BEN"))
    ben.opens("/inbox/")
    ben.reads("No longer needed: MATH")

    ada.follows("The absence")
    ada.follows("Change")
    ada.use(ada.page.get_by_role("checkbox"))
    ada.answers("look", "1")
    ada.reads("Classes that come in", "somebody is looked for.")
    ada.presses("Change the absence")
    worker.run()
    assert case.meeting.cases.filter(status=CaseStatus.OPEN).count() == 1


def test_a_registrar_says_that_the_professor_can_teach_after_all(campus, meet, worker):
    case = campus.file()
    worker.run()
    answers.accept(
        case.offers.get(professor__code="BEN"), by=campus.professors["BEN"], now=timezone.now()
    )
    worker.run()
    registrar = meet(campus.registrar)
    registrar.opens(page(case))
    registrar.unfolds("The professor can teach this one after all")
    registrar.reads("Ben Baker is released.")
    registrar.presses("Give it back to the professor")
    registrar.reads("The class is the professor’s again", "Ada Adler teaches the class after all.")
    worker.run()
    assert again(case).meeting.professor.code == "ADA"


def test_giving_a_class_back(campus, meet, worker):
    case = campus.file()
    worker.run()
    answers.accept(
        case.offers.get(professor__code="BEN"), by=campus.professors["BEN"], now=timezone.now()
    )
    worker.run()
    ben = meet(campus.user("BEN"))
    ben.opens(page(case))
    ben.unfolds("I can no longer come")
    ben.presses("Give the class back")
    ben.reads("You are released.")
    worker.run()
    assert again(case).status == CaseStatus.OPEN


def send_to(case, step):
    who = Who(ActorKind.REGISTRAR, name="Registrar")
    overrides.send_to(again(case), step=step, why="To try it", now=timezone.now(), who=who)
