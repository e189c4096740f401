"""Data health: what is odd about sessions, and what takes room in one."""

from dataclasses import dataclass
from typing import Any, Final

from django.shortcuts import resolve_url

from agentos.catalog.health import ADVICE, MARKS
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.overview import Condition
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Term, all_of
from agentos.catalog.windows import outline
from sessions_ui.presenters.list_state import ListState

_LARGEST: Final = 10


@dataclass(frozen=True)
class Mark:
    """Something odd: its name in queries, what it means, what to do, how many sessions have it and where they are."""

    name: str
    sentence: str
    advice: str
    count: int = 0
    url: str = ""

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ").capitalize()


def listed(found: Condition, query: ListQuery) -> list[Mark]:
    """Return all marks, those of most sessions first."""
    counts = {name: found.marks.get(name, 0) for name in MARKS}
    return [_mark(name, counts[name], query) for name in sorted(counts, key=lambda name: -counts[name])]


def as_data(found: Condition, query: ListQuery) -> list[dict[str, Any]]:
    """Return the same as data."""
    return [
        {"mark": one.name, "sentence": one.sentence, "advice": one.advice, "sessions": one.count, "url": one.url}
        for one in listed(found, query)
    ]


def _mark(name: str, count: int, query: ListQuery) -> Mark:
    asked = ListQuery.of(all_of([*query.parts, Term("health", Exact(name))]))
    url = f"{resolve_url('sessions')}{ListState(asked).url()}"
    return Mark(name, MARKS[name], ADVICE[name], count, url)


@dataclass(frozen=True)
class Part:
    """Bytes of one kind: where it begins in the bar and how wide it is, in percent, and its class."""

    label: str
    size: int
    x: float
    width: float
    style: str


def storage(found: Condition) -> list[Part]:
    """Return what the stored bytes are, as parts of one bar."""
    parts, x = [], 0.0
    kinds = (("Messages and tools", found.rest, "bar-3"), ("Copied history", found.copies, "bar"))
    for label, size, style in (*kinds, ("Media in runs", found.media, "bar-2")):
        width = size / found.stored * 100 if found.stored else 0.0
        parts.append(Part(label, size, round(x, 2), round(width, 2), style))
        x += width
    return parts


@dataclass(frozen=True)
class SessionHealth:
    """What is odd about one session, what its bytes are, and its largest runs."""

    marks: list[Mark]
    condition: Condition
    largest: list[CatalogRun]


def of_session(row: CatalogSession) -> SessionHealth:
    """Return how the data of a session is, from scalars of the catalog."""
    marks = [Mark(name, MARKS[name], ADVICE[name]) for name in MARKS if name in row.health]
    found = Condition({}, 1, row.stored_bytes, row.media_bytes, row.history_bytes)
    scalars = ("run_id", "kind", "component_name", "component_id", "size", "media_bytes", "history_bytes", "ordinal")
    runs = outline(row).filter(stored=True).order_by("-size", "ordinal").only(*scalars, "session")
    return SessionHealth(marks, found, list(runs[:_LARGEST]))
