"""A small institute in term time, whenever the tests are run, and its people before their browsers."""

import datetime as dt
import re

from django.core import mail
from django.utils import timezone

from reallocation import absences, answers
from reallocation.models import Case
from tests.factories import (
    CourseFactory,
    InstituteFactory,
    MeetingFactory,
    OfferingFactory,
    PeriodFactory,
    ProfessorFactory,
    QualificationFactory,
    RoomFactory,
    SectionFactory,
    StaffFactory,
    StudentFactory,
    TermFactory,
)
from voting.models import Ballot

DAYS_AHEAD = 4
"""Far enough for whole windows at whatever hour the tests are run."""

WEEKEND_AHEAD = 6
"""The one day of the week without classes comes after the class that is affected."""


class Campus:
    """Ada, Ben and Cleo teach one section; Eve knows Ada's subject. Ada has a class in four days."""

    def __init__(self):
        today = timezone.localdate()
        weekend = (today + dt.timedelta(days=WEEKEND_AHEAD)).isoweekday()
        self.institute = InstituteFactory(
            timezone="UTC",
            teaching_days=[day for day in range(1, 8) if day != weekend],
            weekend_days=[weekend],
        )
        self.term = TermFactory(
            institute=self.institute,
            starts_on=today - dt.timedelta(days=30),
            mid_semester_on=today + dt.timedelta(days=20),
            end_semester_on=today + dt.timedelta(days=40),
            ends_on=today + dt.timedelta(days=50),
        )
        PeriodFactory(term=self.term, starts=dt.time(10), ends=dt.time(11, 30))
        PeriodFactory(term=self.term, starts=dt.time(14), ends=dt.time(15, 30))
        section = SectionFactory(institute=self.institute, code="A")
        self.students = [
            StudentFactory(institute=self.institute, section=section) for _ in range(5)
        ]
        room = RoomFactory(institute=self.institute, code="R1")
        self.professors = {}
        for name, course in (("Ada Adler", "MATH"), ("Ben Baker", "PHYS"), ("Cleo Clark", "CHEM")):
            code = name.split()[0].upper()
            self.professors[code] = ProfessorFactory(institute=self.institute, code=code, name=name)
            OfferingFactory(
                term=self.term,
                code=f"{course}.A",
                course=CourseFactory(institute=self.institute, code=course, title=course.title()),
                sections=[section],
                professors=[self.professors[code]],
            )
        self.professors["EVE"] = ProfessorFactory(
            institute=self.institute, code="EVE", name="Eve Ernst"
        )
        offering = self.professors["ADA"].offerings.get()
        QualificationFactory(professor=self.professors["EVE"], course=offering.course)
        self.day = today + dt.timedelta(days=DAYS_AHEAD)
        self.meeting = MeetingFactory(
            offering=offering, day=self.day, clock=dt.time(10), planned_room=room
        )
        self.registrar = StaffFactory(institute=self.institute, user__is_staff=True).user

    def user(self, code):
        return self.professors[code].user

    def another_colleague(self, code, name):
        """Somebody else who teaches the section."""
        professor = ProfessorFactory(institute=self.institute, code=code, name=name)
        OfferingFactory(
            term=self.term,
            code=f"{code}.A",
            course=CourseFactory(institute=self.institute),
            sections=[self.meeting.offering.sections.get()],
            professors=[professor],
        )
        return professor

    def file(self, **request):
        (case,) = self.away(days=1, **request)
        return case

    def away(self, *, days, **request):
        """Ada's cases, where she is away for so many days from her class on."""
        starts_at = self.institute.moment(self.day, dt.time())
        asked = absences.Request(starts_at, starts_at + dt.timedelta(days=days), **request)
        return absences.file(self.professors["ADA"], asked, now=timezone.now()).cases


def again(case):
    return Case.objects.for_list().get(pk=case.pk)


def everybody_of_the_section_says_no(case):
    for offer in case.offers.filter(status="sent").select_related("professor"):
        answers.decline(offer, by=offer.professor, now=timezone.now())


def the_class_votes_on(colleague, campus, worker):
    """Ada is away, her section says no, and the colleague whom she chooses says yes: case and ballot."""
    case = campus.file()
    worker.run()
    everybody_of_the_section_says_no(case)
    worker.run()
    answers.choose_candidate(again(case), candidate=colleague, now=timezone.now())
    worker.run()
    answers.accept(case.offers.get(professor=colleague), by=colleague, now=timezone.now())
    worker.run()
    return case, Ballot.objects.get()


def link_in_mail_to(user, *, first=False):
    """The path of the personal link in the last mail to somebody, or in the first."""
    texts = [one.body for one in mail.outbox if user.email in one.to]
    text = texts[0 if first else -1]
    return re.search(r"https?://[^/\s]+(/\S+)", text)[1]
