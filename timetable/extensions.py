"""What the other apps add to the pages of this one, which may import none of them.

They register from their `AppConfig.ready`. Each function is called once for a page, with all that
the page shows, so that no page asks once for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.safestring import SafeString, mark_safe

from .accounts import Actor, ActorRequest
from .models import Institute, Meeting

Place = Literal["class", "week", "my-classes", "changes", "device"]
"""At the head of which page a panel stands: the class, a professor's week, a student's pages. Under
`device`: on the pages of what one is asked, where one may want to be told of the next at once."""


@dataclass(frozen=True)
class MeetingNote:
    """One line under a meeting, such as where its case stands. `replaces_absence_link` says that a
    case runs already, so that nobody is invited to file the same meeting again."""

    text: str
    url: str = ""
    replaces_absence_link: bool = False


Counter = Callable[[Actor], "int | QuerySet[Any]"]
"""How much waits: a number, or rows to be counted together with those of the others."""
Panel = Callable[[ActorRequest, Any], SafeString | str]
Annotator = Callable[[Actor, Sequence[Meeting]], dict[int, MeetingNote]]

_counters: dict[str, Counter] = {}
_panels: dict[Place, list[Panel]] = {}
_annotators: list[Annotator] = []


def count_in_navigation(url_name: str, counter: Counter) -> None:
    """Show beside the link to `url_name` how much waits there for the actor; 0 is left out."""
    _counters[url_name] = counter


def waiting(url_names: Iterable[str], actor: Actor) -> dict[str, int]:
    """How much waits for the actor behind each of these links; all rows are counted in one query."""
    asked = {name: _counters[name](actor) for name in url_names if name in _counters}
    rows = {name: _number(one) for name, one in asked.items() if isinstance(one, QuerySet)}
    found = {name: one for name, one in asked.items() if not isinstance(one, QuerySet)}
    if rows and actor.institute is not None:
        at_once = Institute.objects.filter(pk=actor.institute.pk).order_by()
        found |= dict(zip(rows, at_once.values_list(*rows.values()).get(), strict=True))
    return found


def _number(rows: QuerySet[Any]) -> Coalesce:
    bare = rows.order_by().select_related(None).annotate(_=Value(1)).values("_")
    return Coalesce(Subquery(bare.annotate(number=Count("pk")).values("number")), 0)


def add_panel(place: Place, panel: Panel) -> None:
    """Show what `panel(request, subject)` returns. The subject of `class` is the Offering; of the
    other places None. An empty string shows nothing."""
    if panel not in _panels.setdefault(place, []):
        _panels[place].append(panel)


def panels(place: Place, request: ActorRequest, subject: Any) -> SafeString:
    rendered = (panel(request, subject) for panel in _panels.get(place, []))
    # Panels render templates of their own, which escape what they print.
    return mark_safe("".join(rendered))  # noqa: S308


def annotate_meetings(annotator: Annotator) -> None:
    """Let `annotator(actor, meetings)` say a line about some of them, by meeting id."""
    if annotator not in _annotators:
        _annotators.append(annotator)


def notes(actor: Actor, meetings: Iterable[Meeting]) -> dict[int, MeetingNote]:
    rows = list(meetings)
    found: dict[int, MeetingNote] = {}
    for annotator in _annotators if rows else ():
        found.update(annotator(actor, rows))
    return found
