"""Timetables of any size, without a clash: `python -m tests.benchmarks.bundles FOLDER` writes the big one.

Every section has eleven hours a week in five classes; ten neighbouring sections share their courses, so
that there are always colleagues of the same subject. The same size gives the same bytes.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

DAYS, BELLS = 5, 9
GRID = DAYS * BELLS
HOURS_OF_CLASSES = (2, 2, 2, 2, 3)
SECTIONS_PER_PROGRAMME = 10
SEATS = 40
"""Of each room, or as many as a section has students."""
ROOMS_PER_CLASS = 3, 2
"""Three rooms to two classes at a time: two in three are taken, as where rooms are used well."""

HEAD = """\
[institute]
slug = "{slug}"
name = "University of {slug}"
timezone = "Europe/Vienna"
teaching_days = [1, 2, 3, 4, 5]
weekend_days = [6, 7]

[term]
name = "Spring 2027"
starts_on = 2027-01-04
ends_on = 2027-04-25
mid_semester_on = 2027-02-26
end_semester_on = 2027-04-16

[[closures]]
name = "Easter Monday"
from = 2027-03-29
to = 2027-03-29
"""


@dataclass(frozen=True)
class Size:
    sections: int
    professors: int
    students: int


BIG = Size(sections=1100, professors=2100, students=26_000)


def write_bundle(folder: Path, size: Size = BIG, *, slug: str = "big") -> Path:
    """Write a bundle of this size into the folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    bells = [(f"{8 + bell:02}:00", f"{8 + bell:02}:50") for bell in range(BELLS)]
    head = HEAD.format(slug=slug) + "".join(
        f'\n[[periods]]\nname = "{n}"\nstarts = "{starts}"\nends = "{ends}"\n'
        for n, (starts, ends) in enumerate(bells, start=1)
    )
    (folder / "institute.toml").write_text(head, encoding="utf-8")

    classes, slots, rooms = _plan(size, bells)
    programmes = (size.sections - 1) // SECTIONS_PER_PROGRAMME + 1
    seats = max(SEATS, -(-size.students // size.sections))
    _write(folder, "rooms", ("code", "capacity"), ((f"R{n:04}", seats) for n in range(rooms)))
    _write(
        folder,
        "courses",
        ("code", "title", "department"),
        (
            (f"C{n:03}{part}", f"Course {n:03}.{part}", f"Department {n % 12}")
            for n in range(programmes)
            for part in range(len(HOURS_OF_CLASSES))
        ),
    )
    _write(
        folder,
        "professors",
        ("code", "name", "email", "department", "weekly_hours"),
        (
            (f"P{n:04}", f"Professor {n:04}", f"p{n:04}@{slug}.example", f"Department {n % 12}", 8)
            for n in range(size.professors)
        ),
    )
    _write(
        folder,
        "sections",
        ("code", "programme"),
        ((f"S{n:04}", f"Programme {n // SECTIONS_PER_PROGRAMME}") for n in range(size.sections)),
    )
    _write(
        folder,
        "students",
        ("code", "name", "email", "section"),
        (
            (f"T{n:05}", f"Student {n:05}", f"t{n:05}@{slug}.example", f"S{n % size.sections:04}")
            for n in range(size.students)
        ),
    )
    _write(folder, "classes", ("code", "course", "sections", "professors"), classes)
    _write(folder, "slots", ("class", "weekday", "starts", "ends", "room"), slots)
    return folder


def _plan(
    size: Size, bells: Sequence[tuple[str, str]]
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], int]:
    """The classes, their slots, and how many rooms there are."""
    classes, taken = [], []
    rooms_used: dict[int, int] = defaultdict(int)
    busy: dict[int, set[int]] = defaultdict(set)
    turn = count()
    for section in range(size.sections):
        hour = count()
        for part, hours in enumerate(HOURS_OF_CLASSES):
            # Four is no divisor of the grid's size: no section meets itself.
            times = [(section * 7 + next(hour) * 4) % GRID for _ in range(hours)]
            professor = next(
                who
                for _ in range(size.professors)
                if busy[who := next(turn) % size.professors].isdisjoint(times)
            )
            busy[professor].update(times)
            course = f"C{section // SECTIONS_PER_PROGRAMME:03}{part}"
            code = f"{course}.S{section:04}"
            classes.append((code, course, f"S{section:04}", f"P{professor:04}"))
            for time in times:
                taken.append((code, time, rooms_used[time]))
                rooms_used[time] += 1
    rooms = max(rooms_used.values()) * ROOMS_PER_CLASS[0] // ROOMS_PER_CLASS[1]
    slots = [
        # Another room is the first at each time, so that the free ones are not always the same.
        (code, str(time // BELLS + 1), *bells[time % BELLS], f"R{(number + 11 * time) % rooms:04}")
        for code, time, number in taken
    ]
    return classes, slots, rooms


def _write(
    folder: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    write_bundle(parser.parse_args().folder)


if __name__ == "__main__":
    main()
