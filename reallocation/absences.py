"""An absence is filed, changed, withdrawn: cases open and close accordingly."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import (
    BigIntegerField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
)

from timetable import writes
from timetable.availability import DOUBLE_BOOKING, Diaries, EngagementKind
from timetable.enums import MeetingStatus
from timetable.locking import lock_people_and_rooms
from timetable.models import (
    Absence,
    AbsenceException,
    Meeting,
    Offering,
    Professor,
    Teaching,
    User,
)
from timetable.prepared import Many, PreparedQuery, PreparedRows, together
from timetable.querysets import LONGEST

from . import audit, engine
from .audit import SYSTEM, Who
from .candidates import obstacle
from .enums import CaseStatus
from .models import Case, Offer
from .notifications import announce
from .notifications.wording import day_and_time, stretch
from .policy import policy_of
from .refusals import Refused

LONGEST_DAYS = 366

Span = tuple[dt.datetime, dt.datetime]
"""From … to …"""

ELSEWHERE = DOUBLE_BOOKING | {EngagementKind.ABSENT}
"""What keeps a co-teacher from being there."""


@dataclass(frozen=True)
class Affected:
    """A meeting inside an absence. `present` are the co-teachers who are there, so that none is needed."""

    meeting: Meeting
    present: tuple[Professor, ...]

    @property
    def needs_cover(self) -> bool:
        return not self.present


@dataclass(frozen=True)
class Request:
    """What a professor files. `names` and `cover` are by meeting id.

    `names`: whom to ask first. `cover`: True asks for cover of a co-taught meeting all the same, False
    leaves a meeting out. A meeting in neither gets a case if it needs cover.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime
    category: str = ""
    note: str = ""
    handover: str = ""
    offering: Offering | None = None
    names: Mapping[int, Professor] = field(default_factory=dict)
    cover: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Filed:
    absence: Absence
    cases: tuple[Case, ...]


@cache
def _meetings_in(spans: int) -> PreparedRows[Meeting]:
    """What a professor holds in so many spans, with the rules of the institute."""

    def rows(professor: Any, **moments: Any) -> QuerySet[Any]:
        found = Q()
        for n in range(spans):
            starts_at, ends_at = moments[f"starts_at_{n}"], moments[f"ends_at_{n}"]
            # Said anew with each span, so that each is looked up by its index.
            found |= Q(
                professor=professor,
                starts_at__lt=ends_at,
                starts_at__gt=starts_at - LONGEST,
                ends_at__gt=starts_at,
            )
        meetings = Meeting.objects.holding().filter(found).for_list()
        return meetings.select_related("institute__policy").prefetch_related(None)

    kinds: dict[str, Any] = {"professor": BigIntegerField()}
    for n in range(spans):
        kinds |= {f"starts_at_{n}": DateTimeField(), f"ends_at_{n}": DateTimeField()}
    return PreparedRows[Meeting](rows, **kinds)


def meetings_in(professor: Professor, spans: Sequence[Span]) -> list[Meeting]:
    """The meetings that this professor holds in these spans, in one query."""
    values: dict[str, Any] = {"professor": professor.pk}
    for n, (starts_at, ends_at) in enumerate(spans):
        values |= {f"starts_at_{n}": starts_at, f"ends_at_{n}": ends_at}
    return _meetings_in(len(spans))(**values) if spans else []


def other_teachers(offerings: Any, but_for: Any) -> QuerySet[Teaching]:
    """Who else teaches these classes."""
    rows = Teaching.objects.filter(offering__among=offerings, professor__active=True)
    return rows.exclude(professor=but_for).select_related("professor")


_TEACHERS = PreparedRows[Teaching](other_teachers, offerings=Many(), but_for=BigIntegerField())
_OPEN = PreparedQuery(
    lambda professor: (
        Case.objects.open()
        .filter(meeting__professor=professor)
        .order_by()
        .values_list("meeting_id")
    ),
    professor=BigIntegerField(),
)


@dataclass(frozen=True)
class Inside:
    """Some meetings, and who else teaches their classes, before anybody's diary is read."""

    meetings: Sequence[Meeting]
    others: Mapping[int, Sequence[Professor]]
    """By the id of the class."""

    @classmethod
    def of(cls, meetings: Sequence[Meeting], teachings: Iterable[Teaching]) -> Inside:
        others: dict[int, list[Professor]] = defaultdict(list)
        for teaching in teachings:
            others[teaching.offering_id].append(teaching.professor)
        return cls(meetings, others)

    @property
    def people(self) -> set[int]:
        """Whose diaries say who of the others is there."""
        return {other.pk for group in self.others.values() for other in group}

    @property
    def span(self) -> Span:
        """Of which time. Wants a meeting at least."""
        return min(m.starts_at for m in self.meetings), max(m.ends_at for m in self.meetings)

    def affected(self, diaries: Diaries) -> list[Affected]:
        return [
            Affected(
                meeting,
                tuple(
                    other
                    for other in self.others.get(meeting.offering_id, ())
                    if _is_there(other, meeting, diaries)
                ),
            )
            for meeting in self.meetings
        ]


def _is_there(other: Professor, meeting: Meeting, diaries: Diaries) -> bool:
    return not any(
        e.kind in ELSEWHERE
        and e.meeting_id != meeting.pk
        and e.overlaps(meeting.starts_at, meeting.ends_at)
        for e in diaries.of(other.pk)
    )


def affected(
    professor: Professor,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    offering: Offering | None = None,
) -> list[Affected]:
    """The meetings that this professor holds inside the span, and who else is there to teach them."""
    found = [
        meeting
        for meeting in meetings_in(professor, [(starts_at, ends_at)])
        if offering is None or meeting.offering_id == offering.pk
    ]
    if not found:
        return []
    classes = {meeting.offering_id for meeting in found}
    inside = Inside.of(found, _TEACHERS(offerings=classes, but_for=professor.pk))
    return inside.affected(Diaries.load(professor.institute, inside.people, *inside.span))


def file(
    professor: Professor,
    request: Request,
    *,
    now: dt.datetime,
    user: User | None = None,
    who: Who = SYSTEM,
) -> Filed:
    """File an absence and open a case for every meeting that needs cover. All or nothing.

    Raises Refused: absence_ends_before_start, absence_past, absence_too_long, absence_overlaps,
    outside_absence, substitute_not_free.
    """
    institute = professor.institute
    with audit.writing(institute):
        lock_people_and_rooms([professor.pk])
        check_span(professor, request.starts_at, request.ends_at, request.offering, now)
        absence = Absence(
            institute=institute,
            professor=professor,
            starts_at=request.starts_at,
            ends_at=request.ends_at,
            offering=request.offering,
            category=request.category,
            note=request.note,
            handover=request.handover,
            filed_at=now,
            filed_by=user,
        )
        writes.insert(absence)
        _log("absence.filed", absence, now, who)
        inside = _inside(absence)
        if not {*request.names, *request.cover} <= {one.meeting.pk for one in inside}:
            raise Refused("outside_absence")
        AbsenceException.objects.bulk_create(
            AbsenceException(absence=absence, meeting_id=meeting_id, cover=cover)
            for meeting_id, cover in request.cover.items()
        )
        cases = open_missing(absence, now=now, who=who, names=request.names, inside=inside)
        announce.absence_filed(absence, cases, now)
    return Filed(absence, tuple(cases))


def file_all(
    professor: Professor,
    requests: Sequence[Request],
    *,
    now: dt.datetime,
    user: User | None = None,
    who: Who = SYSTEM,
) -> tuple[Filed, ...]:
    """File an absence for each of several times. All or nothing. Raises Refused as `file` does."""
    with audit.writing(professor.institute):
        return tuple(file(professor, one, now=now, user=user, who=who) for one in requests)


def change(
    absence: Absence,
    *,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    take_in: Collection[int] = (),
    handover: str | None = None,
    now: dt.datetime,
    who: Who = SYSTEM,
) -> Filed:
    """Prolong or shorten an absence: new cases open, those no longer needed are withdrawn.

    `take_in` are the ids of meetings that were left out, and for which somebody is to be looked for
    after all. With another note as `handover`, whoever has agreed to take a class is told.

    Raises Refused as `file` does, and absence_withdrawn or absence_over; outside_absence or class_begun
    for what cannot be taken in.
    """
    with audit.writing(absence.institute):
        absence = _held(absence)
        if absence.ends_at <= now:
            raise Refused("absence_over")
        check_span(absence.professor, starts_at, ends_at, absence.offering, now, but_for=absence)
        was = {"starts_at": absence.starts_at.isoformat(), "ends_at": absence.ends_at.isoformat()}
        absence.starts_at, absence.ends_at = starts_at, ends_at
        new_note = handover is not None and handover != absence.handover
        if handover is not None:
            absence.handover = handover
        absence.save(update_fields=["starts_at", "ends_at", "handover"])
        more = _taken_in(absence, take_in, now)
        if new_note:
            more["handover"] = "changed"
        _log("absence.changed", absence, now, who, was=was, **more)
        _withdraw_cases(
            absence.cases.exclude(before_starts_at__lt=ends_at, before_ends_at__gt=starts_at),
            now,
            who,
        )
        cases = open_missing(absence, now=now, who=who)
        if cases:
            announce.absence_filed(absence, cases, now)
        if new_note:
            announce.handover_changed(agreed(absence, now), now)
    return Filed(absence, tuple(cases))


def agreed(absence: Absence, now: dt.datetime) -> list[Offer]:
    """By which a class of this absence that lies ahead was accepted: it is theirs, or awaits a vote."""
    theirs = Q(case__status=CaseStatus.SUBSTITUTED, case__meeting__professor=F("professor"))
    rows = Offer.objects.accepted().filter(
        theirs | Q(case__status=CaseStatus.OPEN),
        case__absence=absence,
        case__meeting__starts_at__gt=now,
    )
    return list(rows.for_list().order_by("case__meeting__starts_at", "pk"))


def withdraw(absence: Absence, *, now: dt.datetime, who: Who = SYSTEM) -> Absence:
    """The professor is not away after all. Raises Refused: absence_withdrawn."""
    with audit.writing(absence.institute):
        absence = _held(absence)
        _end(absence, now, who)
        _withdraw_cases(absence.cases.all(), now, who)
        announce.absence_withdrawn(absence, now)
    return absence


def leave_out(case: Case, *, now: dt.datetime, who: Who = SYSTEM) -> Case:
    """The professor teaches this one class after all; the absence stands for the others.

    The case goes the way of those of an absence that is withdrawn, and the class stays left out until
    it is taken in again. An absence that was about this class alone is withdrawn with it.

    Raises Refused: absence_withdrawn, class_begun, cannot_restore, case_closed.
    """
    with audit.writing(case.institute):
        absence = _held(case.absence)
        case = engine.lock(case.pk)
        untold = case.is_open and case.meeting.status == MeetingStatus.SCHEDULED
        AbsenceException.objects.update_or_create(
            absence=absence, meeting_id=case.meeting_id, defaults={"cover": False}
        )
        _log_left_out(case, now, who)
        if not engine.withdraw(case, now=now, who=who):
            raise _too_late(case, now)
        if is_about_alone(case):
            _end(absence, now, who)
            announce.absence_withdrawn(absence, now)
        elif untold:
            announce.class_left_out(case, now)
    return case


def can_leave_out(case: Case, now: dt.datetime) -> bool:
    """Whether `leave_out` has anything to do as the case stands; that the time is free is seen then."""
    if case.absence.withdrawn_at is not None:
        return False
    begun = case.before_starts_at <= now
    if case.is_open:
        return not (begun and case.meeting.status == MeetingStatus.POSTPONED)
    return case.status == CaseStatus.SUBSTITUTED and not begun


def is_about_alone(case: Case, others: Sequence[Sequence[object]] | None = None) -> bool:
    """Whether nothing is left of its absence without this case: it was filed for this class or for its
    time, and no other class of it is, or was, covered or moved.

    `others` are the rows of `others_beside`, for who has just read them.
    """
    absence = case.absence
    its_time = case.before_starts_at <= absence.starts_at and absence.ends_at <= case.before_ends_at
    if absence.offering_id is None and not its_time:
        return False
    return not any(together(*others_beside(case.pk)) if others is None else others)


def others_beside(case: Any) -> tuple[QuerySet[Any, Any], QuerySet[Any, Any]]:
    """What an absence is about beside the case with this id: a case that is, or was, covered or moved; and
    a class within its span that is not left out. Of each the first is enough."""
    left_out = AbsenceException.objects.filter(
        meeting=OuterRef("pk"), absence__cases=case, cover=False
    )
    meetings = Meeting.objects.holding().filter(
        Q(professor__absences__offering=None) | Q(offering=F("professor__absences__offering")),
        ~Exists(left_out),
        ~Exists(Case.objects.filter(pk=case, meeting=OuterRef("pk"))),
        professor__absences__cases=case,
        starts_at__lt=F("professor__absences__ends_at"),
        ends_at__gt=F("professor__absences__starts_at"),
    )
    cases = (
        Case.objects.filter(absence__cases=case)
        .exclude(pk=case)
        .exclude(status=CaseStatus.WITHDRAWN)
    )
    return cases.order_by().values_list("pk")[:1], meetings.order_by().values_list("pk")[:1]


def left_out(absence: Absence, now: dt.datetime) -> list[Meeting]:
    """The classes ahead that its professor teaches though the absence spans them: `change` takes them in."""
    rows = Meeting.objects.holding().filter(
        professor=absence.professor_id,
        starts_at__gt=now,
        absence_exceptions__in=absence.exceptions.filter(cover=False),
    )
    return list(rows.for_list().order_by("starts_at", "pk"))


def leaving_out(professor: Professor, meeting: Any, now: dt.datetime) -> Absence | None:
    """The absence that spans the class with this uid and leaves it out: it cannot be filed anew, but
    `change` takes it in."""
    absence: Absence | None = (
        professor.absences.standing()
        .filter(
            ends_at__gt=F("exceptions__meeting__starts_at"),
            starts_at__lt=F("exceptions__meeting__ends_at"),
            exceptions__cover=False,
            exceptions__meeting__uid=meeting,
            exceptions__meeting__professor=professor,
            exceptions__meeting__status=MeetingStatus.SCHEDULED,
            exceptions__meeting__starts_at__gt=now,
        )
        .first()
    )
    return absence


def coming_in(
    absence: Absence, starts_at: dt.datetime, ends_at: dt.datetime, take_in: Collection[int] = ()
) -> list[Affected]:
    """The classes without an open case that a changed absence would hold, as `change` would see them.

    Those that are left out are not among them; who is there does not count where cover is asked for.
    """
    has_case = {meeting_id for (meeting_id,) in _OPEN(professor=absence.professor_id)}
    decided = dict(absence.exceptions.values_list("meeting_id", "cover"))
    decided |= dict.fromkeys(take_in, True)
    return [
        replace(one, present=()) if decided.get(one.meeting.pk) else one
        for one in affected(absence.professor, starts_at, ends_at, absence.offering)
        if one.meeting.pk not in has_case and decided.get(one.meeting.pk, True)
    ]


def open_missing(
    absence: Absence,
    *,
    now: dt.datetime,
    who: Who = SYSTEM,
    names: Mapping[int, Professor] | None = None,
    inside: Sequence[Affected] | None = None,
) -> list[Case]:
    """Open a case for each meeting of the absence that needs cover and has none yet.

    `inside` are its meetings, for who has just read them.
    Raises Refused (substitute_not_free) if somebody named cannot take the meeting.
    """
    # A settled case does not count: the absence may have been shortened and prolonged since, or come
    # to cover the place that its meeting was moved to.
    has_case = {meeting_id for (meeting_id,) in _OPEN(professor=absence.professor_id)}
    decided = dict(absence.exceptions.values_list("meeting_id", "cover"))
    names = names or {}
    policy = policy_of(absence.institute)
    cases = []
    for entry in _inside(absence) if inside is None else inside:
        meeting = entry.meeting
        wanted = decided.get(meeting.pk, entry.needs_cover or meeting.pk in names)
        if meeting.pk in has_case or not wanted:
            continue
        named = names.get(meeting.pk)
        try:
            with transaction.atomic():
                case = engine.open_case(absence, meeting, named=named, now=now, who=who)
        except IntegrityError:
            continue  # a registrar has just reopened an earlier one
        if named is not None and (why := obstacle(case, named, policy)):
            raise Refused(
                "substitute_not_free",
                name=named.name,
                what=f"{meeting.offering.course.code} "
                f"({day_and_time(absence.institute, meeting.starts_at)})",
                why=why.sentence(),
            )
        cases.append(case)
    return cases


def catch_up(absence: Absence, *, now: dt.datetime) -> list[Case]:
    """As `open_missing`, for an absence that may have been withdrawn since it was read."""
    with audit.writing(absence.institute):
        try:
            absence = _standing(absence)
        except Refused:
            return []
        return open_missing(absence, now=now)


def lacking_cases(now: dt.datetime) -> QuerySet[Absence]:
    """Absences with a meeting ahead that has appeared since: the sweep opens its case."""
    case = Case.objects.open().filter(meeting=OuterRef("pk"))
    left_out = AbsenceException.objects.filter(
        meeting=OuterRef("pk"), absence=OuterRef(OuterRef("pk")), cover=False
    )
    uncovered = (
        Meeting.objects.holding()
        .filter(
            professor=OuterRef("professor"),
            starts_at__lt=OuterRef("ends_at"),
            ends_at__gt=OuterRef("starts_at"),
            starts_at__gt=now,
        )
        .filter(~Exists(case), ~Exists(left_out))
    )
    of_one_class = uncovered.filter(offering=OuterRef("offering"))
    return (
        Absence.objects.standing()
        .filter(ends_at__gt=now)
        .filter(Q(Exists(uncovered), offering=None) | Q(Exists(of_one_class)))
        .for_list()
    )


def _inside(absence: Absence) -> Sequence[Affected]:
    return affected(absence.professor, absence.starts_at, absence.ends_at, absence.offering)


def check_span(
    professor: Professor,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    offering: Offering | None,
    now: dt.datetime,
    *,
    but_for: Absence | None = None,
    known: Iterable[Absence] | None = None,
) -> None:
    """Raise Refused, as `file` does, if an absence from … to … cannot be.

    `known`: what is `on_file`, if that has been read.
    """
    institute = professor.institute
    if ends_at <= starts_at:
        raise Refused("absence_ends_before_start")
    if ends_at - starts_at > dt.timedelta(days=LONGEST_DAYS):
        raise Refused("absence_too_long", days=LONGEST_DAYS)
    today = institute.moment(institute.local(now).date(), dt.time())
    # A class missed earlier today still wants a new time; what is over since yesterday is history.
    started = but_for.starts_at if but_for else today
    if ends_at <= now or starts_at < min(today, started):
        raise Refused("absence_past")
    if known is None:
        known = professor.absences.standing().overlapping(starts_at, ends_at)
    other = next(
        (
            one
            for one in known
            if one.starts_at < ends_at
            and starts_at < one.ends_at
            and one != but_for
            and (offering is None or one.offering_id in {None, offering.pk})
        ),
        None,
    )
    if other is not None:
        raise Refused(
            "absence_overlaps",
            span=stretch(institute, other.starts_at, other.ends_at),
            absence=str(other.uid),
        )


def on_file(professor: Professor, now: dt.datetime) -> QuerySet[Absence]:
    """The absences of today and later: none that is filed may overlap one of them."""
    today = professor.institute.moment(professor.institute.local(now).date(), dt.time())
    rows: QuerySet[Absence] = professor.absences.standing().filter(ends_at__gt=today)
    return rows


def _standing(absence: Absence) -> Absence:
    """The absence as it is now, held until the transaction ends, so that it gets no other cases."""
    rows = Absence.objects.for_list().select_related("professor__institute")
    absence = rows.select_for_update(of=("self",), no_key=True).get(pk=absence.pk)
    if absence.withdrawn_at is not None:
        raise Refused("absence_withdrawn")
    return absence


def _held(absence: Absence) -> Absence:
    """As `_standing`, with all that changing it or withdrawing from it may touch."""
    absence = _standing(absence)
    engine.lock_cases_of(absence)
    lock_people_and_rooms([absence.professor_id])
    return absence


def _end(absence: Absence, now: dt.datetime, who: Who) -> None:
    absence.withdrawn_at = now
    absence.save(update_fields=["withdrawn_at"])
    _log("absence.withdrawn", absence, now, who)


def _taken_in(absence: Absence, wanted: Collection[int], now: dt.datetime) -> dict[str, object]:
    """Have these meetings covered that were left out. What the log says of it."""
    if not wanted:
        return {}
    rows = absence.exceptions.filter(cover=False, meeting__in=wanted).select_related(
        "meeting__offering"
    )
    meetings = [row.meeting for row in rows.order_by("meeting__starts_at", "pk")]
    inside = {one.meeting.pk for one in _inside(absence)}
    if {meeting.pk for meeting in meetings} != set(wanted) or not set(wanted) <= inside:
        raise Refused("outside_absence")
    if any(meeting.starts_at <= now for meeting in meetings):
        raise Refused("class_begun")
    absence.exceptions.filter(meeting__in=wanted).update(cover=True)
    return {"taken_in": [_named(meeting, meeting.starts_at) for meeting in meetings]}


def _too_late(case: Case, now: dt.datetime) -> Refused:
    """Why the engine has left the case as it is."""
    settled = engine.later_cases(case).order_by("-pk").first() or case
    if settled.status not in (CaseStatus.OPEN, CaseStatus.SUBSTITUTED):
        return Refused("case_closed", status=settled.get_status_display())
    return Refused("class_begun" if case.before_starts_at <= now else "cannot_restore")


def _withdraw_cases(cases: QuerySet[Case], now: dt.datetime, who: Who) -> None:
    for case_id in cases.order_by("pk").values_list("pk", flat=True):
        engine.withdraw(engine.lock(case_id), now=now, who=who)


def _log(kind: str, absence: Absence, now: dt.datetime, who: Who, **more: object) -> None:
    """The log says when and for whom; the category and the notes are nobody's business."""
    data: dict[str, object] = {
        "absence": str(absence.uid),
        "professor": absence.professor.code,
        "name": absence.professor.name,
        "starts_at": absence.starts_at.isoformat(),
        "ends_at": absence.ends_at.isoformat(),
        **more,
    }
    audit.record(kind, institute=absence.institute, at=now, who=who, data=data)


def _log_left_out(case: Case, now: dt.datetime, who: Who) -> None:
    audit.record(
        "absence.left_out",
        institute=case.institute,
        case=case,
        at=now,
        who=who,
        data={
            "absence": str(case.absence.uid),
            "professor": case.professor.code,
            "name": case.professor.name,
            **_named(case.meeting, case.before_starts_at),
        },
    )


def _named(meeting: Meeting, starts_at: dt.datetime) -> dict[str, object]:
    return {"class": meeting.offering.code, "starts_at": starts_at.isoformat()}
