"""The catalogues: whole, of one piece with the sources and with what is compiled, and safe to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polib
import pytest
from django.conf import settings

from tests import catalogue as sources
from tests.catalogue import Text, catalogues
from tests.literals import literals

PLACEHOLDER = re.compile(r"%\(\w+\)0?\d*[sdx]|%0?\d*[sdx]|%%|\{\w*\}|</?\w+>")

TEMPLATES_OF_MARKUP = {
    # They write an element piece by piece, and hold nothing that is read.
    "allauth/elements/button.html",
    "admin/reallocation/case/_told.html",
}


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


def said(entries: Iterable[polib.POEntry]) -> dict[Text, list[str]]:
    return {
        Text.of(entry): list(entry.msgstr_plural.values()) or [entry.msgstr] for entry in entries
    }


def test_every_language_but_the_sources_has_a_catalogue() -> None:
    languages = [path.parent.parent.name for path in catalogues()]
    assert languages == sorted(code for code, _name in settings.LANGUAGES if code != "en")


def test_every_catalogue_holds_the_texts_of_the_sources_and_no_others() -> None:
    wanted = {one.text for one in sources.found()}
    assert len(wanted) > 1000
    for path in catalogues():
        held = {Text.of(entry) for entry in polib.pofile(path)}
        assert (wanted - held, held - wanted) == (set(), set()), "make translations"


def test_every_catalogue_is_whole() -> None:
    assert [fault for path in catalogues() for fault in faults(polib.pofile(path))] == []


def test_what_is_compiled_is_what_is_written() -> None:
    stale = [
        str(path)
        for path in catalogues()
        if not path.with_suffix(".mo").exists()
        or said(polib.mofile(path.with_suffix(".mo")))
        != said(polib.pofile(path).translated_entries())
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


def test_texts_of_code_are_found_under_whatever_name() -> None:
    code = """
from django.utils.translation import gettext as _, gettext_lazy, ngettext, pgettext
from elsewhere import ngettext_lazy
_("one") + gettext_lazy("two " "halves") + pgettext("bank", "seat")
ngettext("%(n)s fish", "%(n)s fishes", 3) + _(variable) + ngettext_lazy("not", "ours", 1)
"""
    assert list(sources.in_code(code)) == [
        Text("one"),
        Text("two halves"),
        Text("seat", context="bank"),
        Text("%(n)s fish", "%(n)s fishes"),
    ]


@pytest.mark.parametrize("call", ['_(f"{who} teaches")', '_("one" + "two")'])
def test_what_could_never_be_looked_up_is_refused(call: str) -> None:
    with pytest.raises(sources.NotPlain):
        list(sources.in_code(f"from django.utils.translation import gettext as _\n{call}"))


def test_texts_of_templates_are_found_as_they_are_looked_up() -> None:
    template = """{% load i18n %}
{% if a %}{% translate "50 %" %}{% else %}{% translate "On" context "next page" %}{% endif %}
{% blocktranslate trimmed count n=n with who=who %}
  {{ who }} has
  one class
{% plural %}
  {{ who }} has {{ n }} classes
{% endblocktranslate %}{{ b|yesno:_("Yes,No") }}"""
    assert list(sources.in_template(template)) == [
        Text("50 %%"),
        Text("On", context="next page"),
        Text("%(who)s has one class", "%(who)s has %(n)s classes"),
        Text("Yes,No"),
    ]


def test_an_update_keeps_what_is_translated_and_drops_what_is_gone() -> None:
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(msgid="kept", msgstr="behalten"))
    catalogue.append(polib.POEntry(msgid="gone", msgstr="fort"))
    found = [
        sources.Found(Text("new"), "b.py"),
        sources.Found(Text("kept"), "b.py"),
        sources.Found(Text("kept"), "c.html"),
    ]
    assert sources.update(catalogue, found) == ["new"]
    assert [(entry.msgid, entry.msgstr, entry.occurrences) for entry in catalogue] == [
        ("new", "", [("b.py", "")]),
        ("kept", "behalten", [("b.py", ""), ("c.html", "")]),
    ]


def test_no_template_says_anything_in_one_language_only() -> None:
    bare = {
        name: found
        for path in sorted(sources.TEMPLATES.rglob("*"))
        if path.is_file()
        and (name := str(path.relative_to(sources.TEMPLATES))) not in TEMPLATES_OF_MARKUP
        and (found := literals(path.read_text(encoding="utf-8")))
    }
    assert bare == {}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ("{% if a %}word{% endif %}", ["word"]),
        ('<a title="Look here" href="{% url \'x\' %}" class="plain">{{ b }}</a>', ["Look here"]),
        ('{% translate "Hello" %}: {{ b }} – 5 · Understudy', []),
        ("{% blocktranslate %}Hello{% endblocktranslate %}{# aside #}", []),
        ("{% comment %}aside{% endcomment %}{% block page_class %}wide{% endblock %}", []),
    ],
)
def test_bare_words_are_found(template: str, found: list[str]) -> None:
    assert literals(template) == found
