"""The links at the head of every page: one list, and for whom each one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils.translation import pgettext_lazy as _

from . import extensions
from .accounts import Actor

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Link:
    label: StrPromise
    icon: str
    url_name: str
    is_for: Callable[[Actor], bool]


@dataclass(frozen=True)
class ShownLink:
    """A link as one page shows it: `waiting` is how much stands behind it for the reader."""

    label: StrPromise
    icon: str
    url: str
    waiting: int
    is_current: bool


def teaches(actor: Actor) -> bool:
    return actor.professor is not None


def studies(actor: Actor) -> bool:
    return actor.student is not None


def registers(actor: Actor) -> bool:
    return actor.is_registrar


def works_in_admin(actor: Actor) -> bool:
    user = actor.user
    return user is not None and user.is_staff and (bool(actor.role) or user.is_superuser)


def teaches_or_registers(actor: Actor) -> bool:
    return teaches(actor) or registers(actor)


def teaches_or_studies(actor: Actor) -> bool:
    return teaches(actor) or studies(actor)


def is_told(actor: Actor) -> bool:
    """Whether messages come for them."""
    return teaches(actor) or studies(actor) or registers(actor)


# Short words: on a phone six of them stand side by side at the foot of the screen.
LINKS = (
    Link(_("menu", "My week"), "calendar-days", "timetable:week", teaches_or_studies),
    Link(_("menu", "My cases"), "list-checks", "reallocation:case-list", teaches),
    Link(_("menu", "Offers"), "hand-helping", "reallocation:offer-list", teaches),
    Link(_("menu", "Absence"), "calendar-off", "reallocation:absence-file", teaches),
    Link(_("menu", "My classes"), "book-open", "timetable:my-classes", studies),
    Link(_("menu", "Changes"), "arrow-right-left", "timetable:changes", studies),
    Link(_("menu", "Votes"), "vote", "voting:ballot-list", studies),
    Link(
        _("menu", "Cases"),
        "list-checks",
        "reallocation:case-list",
        lambda actor: registers(actor) and not teaches(actor),
    ),
    Link(_("menu", "Rehearsals"), "clapperboard", "reallocation:rehearsal-list", registers),
    Link(_("menu", "Fairness"), "scale", "fairness:report", teaches_or_registers),
    Link(_("menu", "Inbox"), "inbox", "reallocation:inbox", is_told),
    Link(
        _("menu", "Import"),
        "upload",
        "admin:timetable_import",
        lambda actor: registers(actor) and works_in_admin(actor),
    ),
    Link(_("menu", "Admin"), "shield", "admin:index", works_in_admin),
)


def links_for(actor: Actor, path: str) -> list[ShownLink]:
    """The links that the actor has, with the one marked that leads to this path or above it."""
    rows = []
    for link in LINKS:
        if not link.is_for(actor):
            continue
        try:
            url = reverse(link.url_name)
        except NoReverseMatch:
            continue
        rows.append((link, url))
    current = max((url for _link, url in rows if path.startswith(url)), key=len, default=None)
    waiting = extensions.waiting([link.url_name for link, _url in rows], actor)
    return [
        ShownLink(link.label, link.icon, url, waiting.get(link.url_name, 0), url == current)
        for link, url in rows
    ]
