"""The audit log as rows of its page."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.shortcuts import resolve_url
from django.utils import timezone

from agentos.access.roles import AnyUser
from agentos.audit.acts import KINDS, find
from agentos.audit.asking import Asked
from agentos.audit.models import Entry, Head
from agentos.catalog.keys import index_key, quote_id
from agentos.catalog.models import CatalogSession

_HASH_SHOWN: Final = 8


@dataclass(frozen=True)
class Row:
    """One entry: what it says in words, where what it is about is, and what unfolds."""

    entry: Entry
    icon: str
    sentence: str
    on: str
    on_url: str
    same_url: str
    facts: list[tuple[str, str]]

    @property
    def short_hash(self) -> str:
        """The beginning of the hash."""
        return self.entry.hash[:_HASH_SHOWN]


@dataclass(frozen=True)
class Tab:
    """A kind of act, with how many entries there are of it in all."""

    name: str
    url: str
    count: int
    is_chosen: bool


def days(entries: Iterable[Entry], user: AnyUser, asked: Asked) -> list[tuple[Any, list[Row]]]:
    """Return the entries by the day they were done, in the order they are in."""
    entries = list(entries)
    titles = _titles(entries, user)
    rows = [_row(entry, titles, asked) for entry in entries]
    return [(day, list(of_day)) for day, of_day in groupby(rows, lambda row: timezone.localdate(row.entry.at))]


def tabs(asked: Asked, head: Head | None) -> list[Tab]:
    """Return the kinds to choose among; the counts are of the whole log."""
    counts = head.counts if head else {}
    total = head.number if head else 0
    every = Tab("All", asked.url(kind=""), total, not asked.kind)
    return [
        every,
        *(Tab(word, asked.url(kind=kind), counts.get(kind, 0), asked.kind == kind) for kind, word in KINDS.items()),
    ]


def chips(asked: Asked) -> list[str]:
    """Return in words what narrows the list besides its form's fields."""
    return [f"{asked.source}/{asked.session_id}"] if asked.session_id else []


def _titles(entries: list[Entry], user: AnyUser) -> dict[tuple[str, str], str]:
    keys = {index_key(entry.session_id) for entry in entries if entry.is_whole}
    if not keys:
        return {}
    found = CatalogSession.objects.visible_to(user).filter(session_key__in=keys)
    return {
        (source, session_id): title for source, session_id, title in found.values_list("source", "session_id", "title")
    }


def _row(entry: Entry, titles: dict[tuple[str, str], str], asked: Asked) -> Row:
    act = find(entry.act)
    title = titles.get((entry.source, entry.session_id))
    url = resolve_url("session", entry.source, quote_id(entry.session_id)) if title is not None else ""
    if url and entry.run_id:
        url = f"{url}?run={quote_id(entry.run_id)}#here"
    same = Asked(source=entry.source, session_id=entry.session_id).url() if entry.is_whole else ""
    return Row(
        entry=entry,
        icon=act.icon if act else "help",
        sentence=act.told(entry.facts) if act else entry.act,
        on=title or entry.object or entry.session_id,
        on_url=url,
        same_url=same if not asked.session_id else "",
        facts=[(name, value) for name, value in _facts(entry) if value],
    )


def _facts(entry: Entry) -> list[tuple[str, str]]:
    where = "/".join(filter(None, (entry.source, entry.session_id)))
    return [
        ("Before", _indented(entry.before)), ("After", _indented(entry.after)), ("Details", _indented(entry.details)),
        ("Session", where), ("Run", entry.run_id), ("Object", entry.object), ("Act", entry.act),
        ("Entry", f"{entry.number}"), ("Hash", entry.hash),
    ]  # fmt: skip


def _indented(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=True) if text else ""
