"""classes.csv: one course taught to one roster for the term. The model is called Offering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from timetable.enums import ClassKind
from timetable.exchange.bundle import BundleFile, Complaint, Reading, Row
from timetable.exchange.cells import LIST_SEPARATOR, choice, code, codes
from timetable.exchange.removal import delete, delete_by_id, still_in_use
from timetable.exchange.selection import Selection
from timetable.exchange.store import Because, Store, sync_by_code
from timetable.exchange.table import Column
from timetable.models import Enrolment, Offering, Slot, Teaching

from .courses import COURSES
from .professors import PROFESSORS
from .sections import SECTIONS

ATTENDANCE = Offering.sections.through
OWN_PARTS = (Teaching, Enrolment, Slot, ATTENDANCE)
"""What belongs to a class and goes with it; anything else that refers to it is its history."""


@dataclass(frozen=True)
class ClassRow(Row):
    code: str
    course: str
    sections: tuple[str, ...]
    professors: tuple[str, ...]
    kind: ClassKind


class Classes(BundleFile[ClassRow]):
    name = "classes"
    row = ClassRow
    key = ("code",)
    needed = True
    columns = (
        Column("code", code, required=True),
        Column("course", code, required=True, refers_to=COURSES.name),
        Column("sections", codes, default=(), refers_to=SECTIONS.name),
        Column(
            "professors",
            codes,
            required=True,
            may_be_empty=True,
            default=(),
            refers_to=PROFESSORS.name,
        ),
        Column("kind", choice(ClassKind), default=ClassKind.LECTURE),
    )

    def complaints(self, row: ClassRow, reading: Reading) -> Iterable[Complaint]:
        if not row.professors:
            reading.leaderless.add(row.code)
        return ()

    def write(self, store: Store) -> None:
        rows = store.bundle.of(self)
        courses = store.ids[COURSES.name]
        own_roster = store.bundle.classes_with_own_roster()
        wanted = {
            row.code: {
                "course_id": courses[row.course],
                "kind": row.kind,
                "roster_from_sections": row.code not in own_roster,
            }
            for row in rows
        }
        scope = Offering.objects.filter(term=store.term)
        synced = sync_by_code(store, self.name, scope, wanted, term=store.term)
        store.unwanted[self.name] = list(synced.left)
        changed = self._write_sections(store, rows) | self._write_professors(store, rows)
        changed_only_here = len(changed - synced.touched)
        store.tallies[self.name].updated += changed_only_here
        store.tallies[self.name].unchanged -= changed_only_here

    def _write_sections(self, store: Store, rows: Sequence[ClassRow]) -> set[str]:
        """Returns the codes of the classes whose sections were not these."""
        ids, sections = store.ids[self.name], store.ids[SECTIONS.name]
        existing = _by_class(
            ATTENDANCE.objects.filter(offering__term=store.term).values_list(
                "offering_id", "section_id", "pk"
            )
        )
        changed, new, gone = set(), [], []
        for row in rows:
            attending = dict(existing[ids[row.code]])
            wanted = {sections[section] for section in row.sections}
            if wanted != set(attending):
                changed.add(row.code)
                gone += [pk for section, pk in attending.items() if section not in wanted]
                new += [
                    ATTENDANCE(offering_id=ids[row.code], section_id=section)
                    for section in sorted(wanted - set(attending))
                ]
        delete_by_id(ATTENDANCE, gone)
        store.create("sections of classes", new)
        return changed

    def _write_professors(self, store: Store, rows: Sequence[ClassRow]) -> set[str]:
        """Returns the codes of the classes whose professors were not these, in this order."""
        ids, professors = store.ids[self.name], store.ids[PROFESSORS.name]
        existing = _by_class(
            Teaching.objects.filter(offering__term=store.term)
            .order_by("position")
            .values_list("offering_id", "professor_id", "pk")
        )
        changed, new, gone = set(), [], []
        for row in rows:
            teaching = existing[ids[row.code]]
            wanted = [professors[professor] for professor in row.professors]
            if wanted != [professor for professor, _pk in teaching]:
                changed.add(row.code)
                gone += [pk for _professor, pk in teaching]
                new += [
                    Teaching(offering_id=ids[row.code], professor_id=professor, position=position)
                    for position, professor in enumerate(wanted)
                ]
        delete_by_id(Teaching, gone)
        store.create("professors of classes", new)
        return changed

    def tidy(self, store: Store) -> None:
        """A class with a history stays with the roster it has, now a list of its own."""
        left: list[Offering] = store.unwanted[self.name]
        with_history = still_in_use(left, but_for=OWN_PARTS)
        kept = [offering for offering in left if offering.pk in with_history]
        gone = [offering for offering in left if offering.pk not in with_history]
        for offering in kept:
            store.kept.add("class", Because.HISTORY, code=offering.code)
        changing = [offering for offering in kept if offering.roster_from_sections]
        for offering in changing:
            offering.roster_from_sections = False
        store.change(self.name, changing, ["roster_from_sections"])
        delete(gone)
        store.tallies[self.name].removed += len(gone)

    def export(self, selection: Selection) -> Iterable[Sequence[str]]:
        courses, sections = selection.codes("courses"), selection.codes("sections")
        professors = selection.codes("professors")
        attending = _by_class(
            ATTENDANCE.objects.filter(offering__term=selection.term).values_list(
                "offering_id", "section_id", "pk"
            )
        )
        teaching = _by_class(
            Teaching.objects.filter(offering__term=selection.term)
            .order_by("position")
            .values_list("offering_id", "professor_id", "pk")
        )
        for offering in selection.term.offerings.all():
            yield (
                offering.code,
                courses[offering.course_id],
                LIST_SEPARATOR.join(sorted(sections[pk] for pk, _ in attending[offering.pk])),
                LIST_SEPARATOR.join(professors[pk] for pk, _ in teaching[offering.pk]),
                offering.kind,
            )


def _by_class(
    rows: Iterable[tuple[int, int, int]],
) -> Mapping[int, list[tuple[int, int]]]:
    """By the class's id: (id of what belongs to it, id of the row that says so)."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for offering, other, pk in rows:
        found[offering].append((other, pk))
    return found


CLASSES = Classes()
