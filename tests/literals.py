"""Words that stand in a template as they are, instead of being looked up in the reader's language."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.template.base import Lexer, TokenType

SAID = {"title", "alt", "label", "placeholder", "aria-label", "aria-description", "data-label"}
"""Attributes that somebody reads or hears."""

WORD = re.compile(r"[^\W\d_]{2,}")
UNSAID = re.compile(r"\b(Understudy|API|JSON|CSV)\b")
"""Names that are the same in every language."""

GAP = "\x00"
"""What stands for a tag or a variable."""


def literals(source: str) -> list[str]:
    """The words in the text and in the attributes of a template, by runs without a gap."""
    reader = _Reader()
    reader.feed(_without_tags(source))
    reader.close()
    return reader.found


def _without_tags(source: str) -> str:
    parts, until = [], ""
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.TEXT:
            parts.append(GAP if until else token.contents)
        elif token.token_type == TokenType.BLOCK:
            name, *arguments = token.contents.split()
            if name == until:
                until = ""
            elif not until and (
                name in {"blocktranslate", "comment"} or _is_class(name, arguments)
            ):
                until = "endblock" if name == "block" else f"end{name}"
            parts.append(GAP)
        else:
            parts.append(GAP)
    return "".join(parts)


def _is_class(name: str, arguments: list[str]) -> bool:
    """The blocks with which a page names its own style."""
    return name == "block" and arguments[0] == "page_class"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in SAID:
                self._look(value or "")

    def handle_data(self, data: str) -> None:
        self._look(data)

    def _look(self, text: str) -> None:
        runs = (" ".join(run.split()) for run in UNSAID.sub("", text).split(GAP))
        self.found += [run for run in runs if WORD.search(run)]
