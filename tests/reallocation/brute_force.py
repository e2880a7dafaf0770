"""Every free place, found the slow and obvious way: the yardstick for the slot search."""

import datetime as dt

from timetable.models import (
    Absence,
    Availability,
    Closure,
    Enrolment,
    Hold,
    Meeting,
    Period,
    Room,
    Teaching,
)

ONE_DAY = dt.timedelta(days=1)


def overlaps(row, starts_at, ends_at):
    return row.starts_at < ends_at and starts_at < row.ends_at


def free_places(case, *, days, earliest, last_day, clash_percent=0):  # noqa: C901
    """(start, clashing students) of each place where professor, students and some room are free."""
    institute, offering = case.institute, case.meeting.offering
    length = case.before_ends_at - case.before_starts_at
    scheduled = Meeting.objects.filter(institute=institute, status="scheduled")
    ahead = scheduled.filter(
        ends_at__gt=earliest, starts_at__lt=institute.moment(last_day + ONE_DAY, dt.time())
    )
    meetings = list(ahead.exclude(pk=case.meeting_id))
    holds = list(Hold.objects.filter(institute=institute).exclude(case_uid=case.uid))
    people = {case.professor_id}
    co_teachers = (
        set(offering.teachings.filter(position__gt=0).values_list("professor_id", flat=True))
        - people
    )
    assisted = {
        pk: set(
            Teaching.objects.filter(professor=pk, position__gt=0).values_list("offering", flat=True)
        )
        for pk in people | co_teachers
    }
    taught = {
        pk: {m.pk for m in meetings if m.professor_id == pk or m.offering_id in assisted[pk]}
        for pk in people | co_teachers
    }
    roster = set(offering.enrolments.values_list("student_id", flat=True))
    others = {}
    for offering_id, student in Enrolment.objects.filter(student__in=roster).values_list(
        "offering_id", "student_id"
    ):
        others.setdefault(offering_id, set()).add(student)
    absences = list(Absence.objects.filter(professor=case.professor_id, withdrawn_at=None))
    weekly = list(Availability.objects.filter(professor=case.professor_id, kind="unavailable"))
    usual = case.before_room or case.meeting.planned_room
    rooms = [
        r
        for r in Room.objects.filter(institute=institute)
        if r == usual or (r.capacity or 0) >= len(roster)
    ]
    if offering.kind == "lab":
        labs = {m.planned_room_id for m in Meeting.objects.filter(offering__kind="lab")}
        rooms = [r for r in rooms if r == usual or r.pk in labs]
    bells = list(Period.objects.filter(term=offering.term))
    closing = max(bell.ends for bell in bells)
    found = []
    day = institute.local(earliest).date()
    while day <= min(last_day, offering.term.ends_on):
        closed = Closure.objects.filter(term=offering.term, starts_on__lte=day, ends_on__gte=day)
        for bell in [] if day.isoweekday() not in days or closed.exists() else bells:
            starts_at = institute.moment(day, bell.starts)
            ends_at = starts_at + length
            if starts_at < earliest or ends_at > institute.moment(day, closing):
                continue
            busy = [m for m in meetings if overlaps(m, starts_at, ends_at)]
            if any(m.pk in taught[pk] for m in busy for pk in taught):
                continue
            if any(overlaps(a, starts_at, ends_at) for a in absences):
                continue
            if any(
                w.weekday == day.isoweekday()
                and institute.moment(day, w.starts) < ends_at
                and starts_at < institute.moment(day, w.ends)
                for w in weekly
            ):
                continue
            held = [h for h in holds if overlaps(h, starts_at, ends_at)]
            if any(h.professor_id in taught for h in held):
                continue
            clashing = set()
            for row in [*busy, *(h for h in held if h.room_id)]:
                clashing |= others.get(row.offering_id, set()) & roster
            if len(clashing) > len(roster) * clash_percent // 100:
                continue
            taken = {row.room_id for row in [*busy, *held]}
            if usual is None or any(room.pk not in taken for room in rooms):
                found.append((starts_at, len(clashing)))
        day += ONE_DAY
    return found
