"""Writes the bundle of a made institute: 25 sections, 60 professors, 1,000 students, a running term.

The timetable has no clash: every class gets its weekly slots one after the other where its section, its
professor and a room are free. The same day and seed give the same institute.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

SLUG = "lakeside"
NAME = "Lakeside Institute of Technology"
ZONE = "Europe/Vienna"

PROGRAMMES = {
    "CS": ("Programming", "Algorithms", "Databases", "Networks", "Operating Systems", "Statistics"),
    "EE": ("Circuits", "Signals", "Electronics", "Fields", "Control", "Power Systems"),
    "ME": ("Statics", "Dynamics", "Materials", "Thermodynamics", "Machine Design", "Fluids"),
    "CE": ("Surveying", "Structures", "Concrete", "Soil Mechanics", "Hydraulics", "Transport"),
    "BA": ("Accounting", "Marketing", "Finance", "Economics", "Law", "Operations"),
}
SECTIONS = 5
STUDENTS = 40
PROFESSORS = 12
MEETINGS_A_WEEK = 2
LEAST_TEACHERS = 3
"""Professors who can teach each course: whom step 3 can turn to."""

BELLS = (("08:30", "10:00"), ("10:15", "11:45"), ("12:30", "14:00"), ("14:15", "15:45"))
DAYS = (1, 2, 3, 4, 5)
ROOMS = 30

WEEKS_RUNNING = 5
WEEKS = 16
MID_WEEK = 8
END_WEEK = 15

FIRST = (  # noqa: SIM905
    "Amira Anton Bela Carla Chiara Daniel Elif Emma Felix Goran Hanna Ida Ivan Jana Jonas Karim Lara "
    "Leon Lina Luca Maja Marko Mila Nadia Nico Noor Olga Omar Paul Petra Rafael Rosa Samir Sara Sofia "
    "Stefan Tara Theo Vera Yusuf"
).split()
LAST = (  # noqa: SIM905
    "Adler Bauer Bernard Costa Demir Eder Fischer Fuchs Garcia Gruber Haas Horvat Huber Ivanova Jansen "
    "Kaya Keller Kovac Lang Lehner Maier Moser Novak Petrov Pichler Reiter Rossi Santos Schmid Silva "
    "Steiner Tanaka Toth Urban Vogel Wagner Weber Wolf Yilmaz Zimmer"
).split()


@dataclass
class _Plan:
    """Which cells of the week are taken, by whom and what."""

    taken: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    load: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def write_bundle(folder: Path, today: dt.date, *, seed: int = 1) -> None:
    """Write the bundle's files into the folder; the term began five weeks before today's Monday."""
    chance = random.Random(seed)  # noqa: S311 - a made timetable keeps no secrets
    folder.mkdir(parents=True, exist_ok=True)
    _write_head(folder, today)
    rooms = [f"H{n:02}" for n in range(1, ROOMS + 1)]
    _write(
        folder,
        "rooms.csv",
        ("code", "name", "building", "capacity"),
        ((r, f"Hall {r[1:]}", "Main" if n < 20 else "Annexe", 60 - n) for n, r in enumerate(rooms)),
    )
    names = [f"{first} {last}" for first, last in product(FIRST, LAST)]
    chance.shuffle(names)
    teachers = _write_people(folder, names)
    _write_classes(folder, teachers, rooms, chance)


def _write_head(folder: Path, today: dt.date) -> None:
    monday = today - dt.timedelta(days=today.weekday() + 7 * WEEKS_RUNNING)

    def friday_of_week(n: int) -> dt.date:
        return monday + dt.timedelta(days=7 * n - 3)

    lines = [
        "[institute]",
        f'slug = "{SLUG}"',
        f'name = "{NAME}"',
        f'timezone = "{ZONE}"',
        f"teaching_days = {list(DAYS)}",
        "weekend_days = [6]",
        "",
        "[term]",
        f'name = "Term of {monday:%B %Y}"',
        f"starts_on = {monday}",
        f"ends_on = {friday_of_week(WEEKS) + dt.timedelta(days=2)}",
        f"mid_semester_on = {friday_of_week(MID_WEEK)}",
        f"end_semester_on = {friday_of_week(END_WEEK)}",
    ]
    for n, (starts, ends) in enumerate(BELLS, start=1):
        lines += ["", "[[periods]]", f'name = "{n}"', f'starts = "{starts}"', f'ends = "{ends}"']
    (folder / "institute.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_people(folder: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Professors by programme, sections and students; returns who can teach each course."""
    left = iter(names)
    teachers: dict[str, list[str]] = defaultdict(list)
    professors, qualifications, sections, students = [], [], [], []
    for programme, courses in PROGRAMMES.items():
        for n in range(1, PROFESSORS + 1):
            code, name = f"{programme}{n:02}", next(left)
            rank = "professor" if n <= 6 else "assistant" if n <= 10 else "phd"
            fte = "1.0" if n % 4 else "0.5"
            professors.append((code, name, _email(name), programme, rank, fte, "6"))
            for offset in range(LEAST_TEACHERS):
                course = f"{programme}{100 + (n + 2 * offset) % len(courses)}"
                teachers[course].append(code)
                qualifications.append((code, course))
        for n in range(1, SECTIONS + 1):
            section = f"{programme}-{n}"
            sections.append((section, f"{programme} year 1, group {n}", programme))
            for m in range(1, STUDENTS + 1):
                name = next(left, None) or f"{FIRST[m % 40]} {LAST[n]}"
                students.append((f"{section}-{m:02}", name, _email(name, "students"), section))
    _write(
        folder,
        "courses.csv",
        ("code", "title", "department"),
        (
            (f"{programme}{100 + n}", title, programme)
            for programme, titles in PROGRAMMES.items()
            for n, title in enumerate(titles)
        ),
    )
    _write(
        folder,
        "professors.csv",
        ("code", "name", "email", "department", "rank", "fte", "max_daily_hours"),
        professors,
    )
    _write(folder, "qualifications.csv", ("professor", "course"), qualifications)
    _write(folder, "sections.csv", ("code", "name", "programme"), sections)
    _write(folder, "students.csv", ("code", "name", "email", "section"), students)
    return teachers


def _write_classes(
    folder: Path, teachers: dict[str, list[str]], rooms: Sequence[str], chance: random.Random
) -> None:
    plan = _Plan()
    classes, slots = [], []
    cells = [(day, bell) for day in DAYS for bell in range(len(BELLS))]
    for programme, courses in PROGRAMMES.items():
        for n, group in product(range(len(courses)), range(1, SECTIONS + 1)):
            course, section = f"{programme}{100 + n}", f"{programme}-{group}"
            code = f"{course}.{section}"
            professor = min(teachers[course], key=lambda p: (plan.load[p], p))
            classes.append((code, course, section, professor))
            for day, bell, room in _places(plan, section, professor, rooms, cells, chance):
                plan.load[professor] += 1
                slots.append((code, day, *BELLS[bell], room))
    _write(folder, "classes.csv", ("code", "course", "sections", "professors"), classes)
    _write(folder, "slots.csv", ("class", "weekday", "starts", "ends", "room"), slots)


def _places(
    plan: _Plan,
    section: str,
    professor: str,
    rooms: Sequence[str],
    cells: Sequence[tuple[int, int]],
    chance: random.Random,
) -> list[tuple[int, int, str]]:
    """Weekly places for a class, on different days while there are any."""
    places: list[tuple[int, int, str]] = []
    for cell in chance.sample(cells, len(cells)):
        busy = cell in plan.taken[section] or cell in plan.taken[professor]
        room = next((r for r in rooms if cell not in plan.taken[r]), None)
        if busy or room is None or any(cell[0] == day for day, *_ in places):
            continue
        for who in (section, professor, room):
            plan.taken[who].add(cell)
        places.append((*cell, room))
        if len(places) == MEETINGS_A_WEEK:
            break
    return places


def _email(name: str, host: str = "staff") -> str:
    return f"{name.lower().replace(' ', '.')}@{host}.lakeside.example"


def _write(
    folder: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
