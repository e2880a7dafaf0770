"""institute.toml: the institute, its term, its bells and its closed days."""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from timetable.models import CODE_LENGTH
from timetable.weeks import TermCalendar

from .cells import BadCell, clock, date, did_you_mean, sane_year, text
from .faults import Faults
from .source import HEAD, Source

LARGEST_HEAD = 1024**2
LONGEST_TERM = dt.timedelta(days=2 * 366)

_SLUG = re.compile(r"[a-z0-9-]+")
_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
_SYNTAX_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    name: str
    starts: dt.time
    ends: dt.time


@dataclass(frozen=True, slots=True)
class ClosureFacts:
    name: str
    starts_on: dt.date
    ends_on: dt.date


@dataclass(frozen=True, slots=True)
class TermFacts:
    name: str
    starts_on: dt.date
    ends_on: dt.date
    mid_semester_on: dt.date
    end_semester_on: dt.date


@dataclass(frozen=True, slots=True)
class InstituteFacts:
    slug: str
    name: str
    timezone: str
    teaching_days: tuple[int, ...]
    weekend_days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Head:
    institute: InstituteFacts
    term: TermFacts
    periods: tuple[PeriodFacts, ...]
    closures: tuple[ClosureFacts, ...]

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.institute.timezone)

    @property
    def calendar(self) -> TermCalendar:
        return TermCalendar.of(
            self.term.starts_on,
            self.term.ends_on,
            ((closure.starts_on, closure.ends_on) for closure in self.closures),
        )


def read_head(source: Source, faults: Faults) -> Head | None:
    """What institute.toml says; None, and the faults, if that cannot be read."""
    if HEAD not in source.sizes:
        faults.add(HEAD, None, None, _("the file is missing: is this a timetable bundle?"))
        return None
    with source.open(HEAD) as stream:
        raw = stream.read(LARGEST_HEAD + 1)
    if len(raw) > LARGEST_HEAD:
        faults.add(HEAD, None, None, _("larger than a mebibyte"))
        return None
    try:
        written = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.add(HEAD, line, None, _("not UTF-8: byte 0x%02x") % raw[error.start])
        return None
    try:
        document = tomllib.loads(written)
    except tomllib.TOMLDecodeError as error:
        faults.add(HEAD, *_syntax_error(error, written))
        return None
    return _Reader(document, _places(written), faults).head()


def _syntax_error(error: Exception, written: str) -> tuple[int, str | None, str]:
    if match := _SYNTAX_PLACE.fullmatch(str(error)):
        return int(match[2]), match[3], _("not readable as TOML: %s") % match[1]
    message = str(error).removesuffix(" (at end of document)")
    return written.count("\n") + 1, None, _("not readable as TOML: %s") % message


def _places(written: str) -> dict[tuple[str, int, str], int]:
    """The line of each table (key "") and of each of its keys; repeated tables are numbered from 0."""
    places: dict[tuple[str, int, str], int] = {}
    table, number = "", 0
    for line, content in enumerate(written.splitlines(), start=1):
        if match := _TABLE.match(content):
            table, number = match[1], 0
            while (table, number, "") in places:
                number += 1
            places[table, number, ""] = line
        elif match := _KEY.match(content):
            places.setdefault((table, number, match[1]), line)
    return places


class _Missing(Exception):
    """Something was not there or not right; the fault has been noted."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of the file, and where it stands in it."""

    name: str
    number: int
    content: dict[str, Any]


class _Reader:
    def __init__(
        self,
        document: dict[str, Any],
        places: dict[tuple[str, int, str], int],
        faults: Faults,
    ) -> None:
        self.document = document
        self.places = places
        self.faults = faults

    def head(self) -> Head | None:
        before = self.faults.total
        for name in self.document:
            if name not in {"institute", "term", "periods", "closures"}:
                self._complain(_Entry(name, 0, {}), "", _("unknown table or key “%s”") % name)
        institute = self._attempt(self._institute)
        term = self._attempt(self._term)
        periods = self._each("periods", ("name", "starts", "ends"), self._period)
        self._check_names(periods)
        closures = self._each("closures", ("name", "from", "to"), self._closure(term))
        if institute is None or term is None or self.faults.total > before:
            return None
        return Head(institute, term, tuple(periods), tuple(closures))

    def _institute(self) -> InstituteFacts:
        entry = self._table(
            "institute", ("slug", "name", "timezone", "teaching_days", "weekend_days")
        )
        slug = self._get(entry, "slug", _slug)
        name = self._get(entry, "name", _name)
        timezone = self._get(entry, "timezone", _timezone)
        teaching = self._get(entry, "teaching_days", _weekdays)
        weekend = self._get(entry, "weekend_days", _weekdays)
        if teaching == ():
            self._complain(entry, "teaching_days", _("at least one day is needed"))
        if both := sorted(set(teaching or ()) & set(weekend or ())):
            reason = _("a teaching day may not be a weekend day as well: %s")
            self._complain(entry, "weekend_days", reason % ", ".join(map(str, both)))
        return InstituteFacts(
            _there(slug), _there(name), _there(timezone), _there(teaching), _there(weekend)
        )

    def _term(self) -> TermFacts:
        days = ("starts_on", "mid_semester_on", "end_semester_on", "ends_on")
        entry = self._table("term", ("name", *days))
        name = self._get(entry, "name", _term_name)
        found = {key: self._get(entry, key, _day) for key in days}
        previous = None
        for key in days:
            day = found[key]
            if day is not None:
                if previous is not None and day < found[previous]:  # type: ignore[operator]
                    self._complain(entry, key, _("earlier than %s") % previous)
                    found[key] = None
                    continue
                previous = key
        starts_on, mid, end, ends_on = (_there(found[key]) for key in days)
        if ends_on - starts_on > LONGEST_TERM:
            self._complain(entry, "ends_on", _("a term lasts at most two years"))
        return TermFacts(_there(name), starts_on, ends_on, mid, end)

    def _period(self, entry: _Entry) -> PeriodFacts:
        name = self._get(entry, "name", _period_name)
        starts = self._get(entry, "starts", _clock)
        ends = self._get(entry, "ends", _clock)
        if _there(ends) <= _there(starts):
            self._complain(entry, "ends", _("ends before it starts"))
        return PeriodFacts(_there(name), _there(starts), _there(ends))

    def _check_names(self, periods: list[PeriodFacts]) -> None:
        names = [period.name for period in periods]
        for number, name in enumerate(names):
            if name in names[:number]:
                entry = _Entry("periods", number, {})
                self._complain(entry, "name", _("another period is called “%s” too") % name)

    def _closure(self, term: TermFacts | None) -> Callable[[_Entry], ClosureFacts]:
        def read(entry: _Entry) -> ClosureFacts:
            name = self._get(entry, "name", _name)
            first = _there(self._get(entry, "from", _day))
            last = _there(self._get(entry, "to", _day))
            if last < first:
                self._complain(entry, "to", _("earlier than %s") % "from")
            elif term is not None and (last < term.starts_on or first > term.ends_on):
                self._complain(entry, "from", _("lies outside the term"))
            return ClosureFacts(_there(name), first, last)

        return read

    def _attempt(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except _Missing:
            return None

    def _each(self, name: str, keys: tuple[str, ...], read: Callable[[_Entry], T]) -> list[T]:
        tables = self.document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._complain(_Entry(name, 0, {}), "", _("must be written as [[%s]] tables") % name)
            return []
        entries = [_Entry(name, number, table) for number, table in enumerate(tables)]
        for entry in entries:
            self._check_keys(entry, keys)
        found = []
        for entry in entries:
            try:
                found.append(read(entry))
            except _Missing:
                continue
        return found

    def _table(self, name: str, keys: tuple[str, ...]) -> _Entry:
        content = self.document.get(name)
        if not isinstance(content, dict):
            self._complain(_Entry(name, 0, {}), "", _("the table [%s] is missing") % name)
            raise _Missing
        entry = _Entry(name, 0, content)
        self._check_keys(entry, keys)
        return entry

    def _check_keys(self, entry: _Entry, keys: tuple[str, ...]) -> None:
        for key in entry.content:
            if key not in keys:
                hint = did_you_mean(key, [k for k in keys if k not in entry.content])
                self._complain(entry, key, _("unknown key") + hint)

    def _get(self, entry: _Entry, key: str, read: Callable[[Any], T]) -> T | None:
        if key not in entry.content:
            self._complain(entry, key, _("is missing"))
            return None
        try:
            return read(entry.content[key])
        except BadCell as error:
            self._complain(entry, key, str(error))
            return None

    def _complain(self, entry: _Entry, key: str, reason: str) -> None:
        table = (entry.name, entry.number, "")
        line = self.places.get((entry.name, entry.number, key)) or self.places.get(table)
        if line is None:
            # A top-level key, or a table that is not there at all.
            line = self.places.get(("", 0, entry.name))
        self.faults.add(HEAD, line, f"{entry.name}.{key}" if key else entry.name, reason)


def _there(found: T | None) -> T:
    if found is None:
        raise _Missing
    return found


def _string(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise BadCell(gettext_noop("must be a text in quotes"))
        return text(longest)(value.strip())

    return read


_name = _string(200)
_term_name = _string(100)
_period_name = _string(CODE_LENGTH)


def _slug(value: Any) -> str:
    slug = _string(CODE_LENGTH)(value)
    if not _SLUG.fullmatch(slug):
        raise BadCell(gettext_noop("must be lower-case letters, digits and hyphens"))
    return slug


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: Any) -> str:
    name = _string(64)(value)
    if name not in _zones():
        raise BadCell(gettext_noop("“%(name)s” is not an IANA time zone"), name=name)
    return name


def _weekdays(value: Any) -> tuple[int, ...]:
    days = value if isinstance(value, list) else [None]
    if any(type(day) is not int or not 1 <= day <= 7 for day in days):
        raise BadCell(gettext_noop("must be a list of weekdays from 1 (Monday) to 7 (Sunday)"))
    if len(set(days)) < len(days):
        raise BadCell(gettext_noop("names a day twice"))
    return tuple(sorted(days))


def _day(value: Any) -> dt.date:
    if isinstance(value, str):
        return date(value)
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise BadCell(gettext_noop("must be a date like 2027-01-31"))
    return sane_year(value)


def _clock(value: Any) -> dt.time:
    if isinstance(value, dt.time):
        return value.replace(second=0, microsecond=0)
    return clock(_string(8)(value))


def head_text(head: Head) -> str:
    """institute.toml as it is written for these facts."""
    institute, term = head.institute, head.term
    lines = [
        "[institute]",
        f"slug = {_quoted(institute.slug)}",
        f"name = {_quoted(institute.name)}",
        f"timezone = {_quoted(institute.timezone)}",
        f"teaching_days = {list(institute.teaching_days)}",
        f"weekend_days = {list(institute.weekend_days)}",
        "",
        "[term]",
        f"name = {_quoted(term.name)}",
        f"starts_on = {term.starts_on}",
        f"ends_on = {term.ends_on}",
        f"mid_semester_on = {term.mid_semester_on}",
        f"end_semester_on = {term.end_semester_on}",
    ]
    for period in head.periods:
        lines += ["", "[[periods]]", f"name = {_quoted(period.name)}"]
        lines += [f'starts = "{period.starts:%H:%M}"', f'ends = "{period.ends:%H:%M}"']
    for closure in head.closures:
        lines += ["", "[[closures]]", f"name = {_quoted(closure.name)}"]
        lines += [f"from = {closure.starts_on}", f"to = {closure.ends_on}"]
    return "\n".join(lines) + "\n"


def _quoted(written: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for the one character that JSON leaves."""
    return json.dumps(written, ensure_ascii=False).replace("\x7f", "\\u007f")
