"""The text of one cell, read as what its column holds. Each reader raises BadCell with the reason."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from timetable.models import CODE_LENGTH
from timetable.weeks import BadWeeks, parse_weeks

LIST_SEPARATOR = ";"
FIRST_YEAR, LAST_YEAR = 1970, 2199

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_email_is_valid = EmailValidator()


class BadCell(ValueError):
    """A cell that cannot be read; as a text, the reason.

    Put into words only when it is shown: a bad file has a million of them.
    """

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return gettext(self.message) % self.values


def text(longest: int = 200) -> Callable[[str], str]:
    """Any printable text up to a number of characters."""

    def read(cell: str) -> str:
        if len(cell) > longest:
            raise BadCell(_("longer than %(most)d characters"), most=longest)
        if _UNPRINTABLE.search(cell):
            raise BadCell(_("holds a control character or a line break"))
        return cell

    return read


_short = text(CODE_LENGTH)


def code(cell: str) -> str:
    """An identifier of the institute's own."""
    return sys.intern(_short(cell))


def listed_code(cell: str) -> str:
    """An identifier that stands in lists elsewhere."""
    if LIST_SEPARATOR in cell:
        raise BadCell(_("a code that stands in lists may not contain “;”"))
    return code(cell)


@lru_cache(maxsize=4096)
def codes(cell: str) -> tuple[str, ...]:
    """A list of identifiers, in the order given, none twice."""
    found = tuple(code(part) for part in map(str.strip, cell.split(LIST_SEPARATOR)) if part)
    if len(set(found)) < len(found):
        twice = next(c for n, c in enumerate(found) if c in found[:n])
        raise BadCell(_("names “%(code)s” twice"), code=twice)
    return found


@lru_cache(maxsize=4096)
def clock(cell: str) -> dt.time:
    match = _CLOCK.fullmatch(cell)
    if match is None:
        raise BadCell(_("“%(cell)s” is not a time like 08:30"), cell=cell[:40])
    return dt.time(int(match[1]), int(match[2]))


@lru_cache(maxsize=4096)
def date(cell: str) -> dt.date:
    if _DATE.fullmatch(cell):
        try:
            day = dt.date.fromisoformat(cell)
        except ValueError:
            raise BadCell(_("there is no day %(day)s"), day=cell) from None
        return sane_year(day)
    raise BadCell(_("“%(cell)s” is not a date like 2027-01-31"), cell=cell[:40])


def sane_year(day: dt.date) -> dt.date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadCell(_("the year %(year)d cannot be meant"), year=day.year)
    return day


def weekday(cell: str) -> int:
    if len(cell) == 1 and cell in "1234567":
        return int(cell)
    raise BadCell(_("“%(cell)s” is not a weekday from 1 (Monday) to 7 (Sunday)"), cell=cell[:40])


def weeks(cell: str) -> str:
    """A pattern of weeks, kept as written."""
    written = text()(cell)
    try:
        parse_weeks(written)
    except BadWeeks as error:
        raise BadCell(error.message, **error.values) from None
    return written


def whole(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise BadCell(_("“%(cell)s” is not a whole number"), cell=cell[:40])
    return int(cell)


def decimal(largest: int) -> Callable[[str], Decimal]:
    """A number from 0 to the largest, with at most two decimals after a point."""

    def read(cell: str) -> Decimal:
        if not _DECIMAL.fullmatch(cell):
            raise BadCell(_("“%(cell)s” is not a number like 12 or 7.5"), cell=cell[:40])
        number = Decimal(cell)
        if number > largest:
            raise BadCell(_("%(number)s is more than %(most)d"), number=cell, most=largest)
        return number

    return read


def email(cell: str) -> str:
    written = text(254)(cell)
    try:
        _email_is_valid(written)
    except ValidationError:
        raise BadCell(_("“%(cell)s” is not an e-mail address"), cell=written) from None
    return written


def phone(cell: str) -> str:
    """A telephone number in E.164: a plus sign, the country, the number, nothing between them."""
    if _E164.fullmatch(cell):
        try:
            if phonenumbers.is_possible_number(phonenumbers.parse(cell)):
                return cell
        except phonenumbers.NumberParseException:
            pass
    raise BadCell(_("“%(cell)s” is not a phone number like +43123456789"), cell=cell[:40])


def choice(words: type[TextChoices]) -> Callable[[str], TextChoices]:
    """One of a closed list of words."""

    def read(cell: str) -> TextChoices:
        try:
            return words(cell)
        except ValueError:
            known = ", ".join(words.values)
            raise BadCell(
                _("“%(word)s” is none of %(known)s"), word=cell[:40], known=known
            ) from None

    return read


def yes_or_no(cell: str) -> bool:
    if cell not in {"yes", "no"}:
        raise BadCell(_("“%(cell)s” is neither yes nor no"), cell=cell[:40])
    return cell == "yes"


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint that ends a reason: the most similar known word, if any is."""
    near = difflib.get_close_matches(word, known, n=1)
    return gettext("; did you mean “%s”?") % near[0] if near else ""
