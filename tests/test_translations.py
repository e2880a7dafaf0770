"""The catalogues: whole, of one piece with what is compiled from them, and safe to fill in."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

LOCALE = Path(__file__).resolve().parent.parent / "config" / "locale"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def catalogues() -> list[Path]:
    return sorted(LOCALE.rglob("*.po"))


def placeholders(text: str) -> list[str]:
    return sorted(set(PLACEHOLDER.findall(text)))


def texts(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Source and translation, of each plural form too: the first form may leave the number out."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    return [(entry.msgid_plural, text) for form, text in entry.msgstr_plural.items() if form]


def faults(catalogue: polib.POFile) -> list[str]:
    """What is missing, doubtful or would break when it is filled in."""
    current = [entry for entry in catalogue if not entry.obsolete]
    return [
        *(f"untranslated: {entry.msgid}" for entry in current if not entry.translated()),
        *(f"fuzzy: {entry.msgid}" for entry in current if entry.fuzzy),
        *(
            f"placeholders: {entry.msgid}"
            for entry in current
            if entry.translated()
            for source, text in texts(entry)
            if placeholders(source) != placeholders(text)
        ),
    ]


def test_every_catalogue_is_whole() -> None:
    assert [fault for path in catalogues() for fault in faults(polib.pofile(path))] == []


def test_what_is_compiled_is_what_is_written() -> None:
    stale = [
        str(path)
        for path in catalogues()
        if not path.with_suffix(".mo").exists()
        or {entry.msgid: entry.msgstr for entry in polib.mofile(path.with_suffix(".mo"))}
        != {entry.msgid: entry.msgstr for entry in polib.pofile(path).translated_entries()}
    ]
    assert stale == []


@pytest.mark.parametrize(
    ("msgid", "msgstr", "fault"),
    [
        ("One class", "", "untranslated: One class"),
        ("%(count)s classes", "%(zahl)s Klassen", "placeholders: %(count)s classes"),
        ("{who} teaches", "unterrichtet", "placeholders: {who} teaches"),
    ],
)
def test_a_fault_is_found(msgid: str, msgstr: str, fault: str) -> None:
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(msgid=msgid, msgstr=msgstr))
    assert faults(catalogue) == [fault]
