"""`make translations`: every string of the sources in every catalogue, and the catalogues compiled.

What is to be translated is read from the code itself, by Python's parser and by Django's, so that the
catalogue holds exactly what is looked up when the code runs. GNU gettext is not needed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "config" / "locale"
SOURCES = ("config", "timetable", "voting", "fairness", "reallocation")
TEMPLATES = ROOT / "templates"
FORMAT = re.compile(r"%(\(\w+\))?[sd]|%%")
LITERAL = re.compile(r"""_\((?:"([^"]*)"|'([^']*)')\)""")

MARKERS = {
    "gettext": ("text",),
    "gettext_lazy": ("text",),
    "gettext_noop": ("text",),
    "ngettext": ("text", "plural"),
    "ngettext_lazy": ("text", "plural"),
    "pgettext": ("context", "text"),
    "pgettext_lazy": ("context", "text"),
    "npgettext": ("context", "text", "plural"),
    "npgettext_lazy": ("context", "text", "plural"),
}
"""Django's functions, with what their first arguments are."""


class Text(NamedTuple):
    """What is looked up: a text, or one of two, by number."""

    text: str
    plural: str = ""
    context: str | None = None

    @classmethod
    def of(cls, entry: polib.POEntry) -> Text:
        return cls(entry.msgid, entry.msgid_plural, entry.msgctxt)


@dataclass(frozen=True)
class Found:
    """A text, and the file it stands in."""

    text: Text
    file: str


class NotPlain(ValueError):
    """Something else than a plain text is marked as one to translate: it would never be found."""


def found() -> list[Found]:
    """Everything to translate, file by file as it is read. Django must be set up."""
    code = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    return [
        Found(text, str(path.relative_to(ROOT)))
        for path in sorted(code)
        for text in in_code(path.read_text(encoding="utf-8"))
    ] + [
        Found(text, str(path.relative_to(ROOT)))
        for path in sorted(TEMPLATES.rglob("*"))
        if path.is_file()
        for text in in_template(path.read_text(encoding="utf-8"))
    ]


def in_code(source: str) -> Iterator[Text]:
    """The texts that are given to Django's functions, whatever they are called there."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: MARKERS[alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in MARKERS
    }
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        kinds = names[call.func.id]  # type: ignore[attr-defined]
        given = dict(zip(kinds, call.args[: len(kinds)], strict=True))
        if any(isinstance(one, ast.JoinedStr | ast.BinOp) for one in given.values()):
            raise NotPlain(ast.unparse(call))
        if not all(isinstance(one, ast.Constant) for one in given.values()):
            continue  # A variable, whose text is marked where it is written.
        yield Text(**{kind: one.value for kind, one in given.items()})


def in_template(source: str) -> Iterator[Text]:
    """The texts of a template's tags and arguments, as Django looks them up."""
    from django.template import engines
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode

    template = engines["django"].engine.from_string(source)  # type: ignore[attr-defined]
    for node in nodes(template.nodelist):
        if isinstance(node, TranslateNode):
            value = node.filter_expression.var.literal
            if not isinstance(value, str):
                raise NotPlain(str(node.filter_expression))
            yield Text(value.replace("%", "%%"), context=_context(node))
        elif isinstance(node, BlockTranslateNode):
            one = node.render_token_list(node.singular)[0]
            many = node.render_token_list(node.plural)[0] if node.plural else ""
            yield Text(one, many, _context(node))
    for double, single in LITERAL.findall(source):
        yield Text((double or single).replace("%", "%%"))


def nodes(nodelist: Any) -> Iterator[Any]:
    """Every node of a template, in the order of its text."""
    for node in nodelist:
        yield node
        for name in node.child_nodelists:
            yield from nodes(getattr(node, name, None) or ())


def _context(node: Any) -> str | None:
    context = node.message_context
    return str(context.var) if context else None


def update(catalogue: polib.POFile, sources: list[Found]) -> list[str]:
    """Bring a catalogue up to the sources: what is new is empty, what is gone is dropped.

    Returns the texts that are still to be translated.
    """
    known = {Text.of(entry): entry for entry in catalogue}
    files: dict[Text, list[str]] = {}
    for one in sources:
        files.setdefault(one.text, []).append(one.file)
    catalogue.clear()
    for text, places in files.items():
        entry = known.get(text) or polib.POEntry(
            msgid=text.text,
            msgid_plural=text.plural,
            msgctxt=text.context,
            msgstr_plural={0: "", 1: ""} if text.plural else {},
        )
        # Without line numbers, which change with every edit.
        entry.occurrences = [(file, "") for file in dict.fromkeys(places)]
        entry.flags = ["python-format"] if FORMAT.search(text.plural or text.text) else []
        catalogue.append(entry)
    return [entry.msgid for entry in catalogue if not entry.translated()]


def catalogues() -> list[Path]:
    return sorted(LOCALE.rglob("*.po"))


def main() -> int:
    import django

    django.setup()
    sources = found()
    missing = 0
    for path in catalogues():
        catalogue = polib.pofile(path, wrapwidth=100)
        untranslated = update(catalogue, sources)
        catalogue.save(path)
        catalogue.save_as_mofile(path.with_suffix(".mo"))
        missing += len(untranslated)
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {len(untranslated)} untranslated")
        for text in untranslated:
            print(f"  {text}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
