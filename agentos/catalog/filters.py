"""What a list is narrowed to, as the URL says it."""

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone

NO_USER = "(none)"
SESSION_TYPES = ("agent", "team", "workflow")
SINCE = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_MAX_VALUES = 50


@dataclass(frozen=True)
class ListFilters:
    """Filters of the session list. Several values of one field are alternatives; fields narrow each other.

    `since` is a key of SINCE; `after` and `before` are days, both included.
    """

    text: str = ""
    source: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    since: str = ""
    after: date | None = None
    before: date | None = None
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_query(cls, query: QueryDict) -> "ListFilters":
        """Read the filters out of a URL's query. What cannot be read is left out, with a sentence in `problems`."""
        problems: list[str] = []
        values = {name: tuple(query.getlist(name)[:_MAX_VALUES]) for name in ("source", "component", "user", "status")}
        given = set(query.getlist("type")) - {""}
        types = tuple(value for value in SESSION_TYPES if value in given)
        if len(types) < len(given):
            problems.append("A session is of type agent, team or workflow.")
        since = query.get("since", "")
        if since and since not in SINCE:
            problems.append(f"“{since[:20]}” is no time span: use {', '.join(SINCE)}.")
            since = ""
        return cls(
            text=query.get("q", "").strip().replace("\0", "")[:500],
            type=types,
            since=since,
            after=_day(query, "from", problems),
            before=_day(query, "to", problems),
            problems=tuple(problems),
            **{name: tuple(value.replace("\0", "") for value in given if value) for name, given in values.items()},
        )

    def without(self, *names: str) -> "ListFilters":
        """Return these filters without the named fields."""
        empty: dict[str, Any] = {one.name: one.default for one in fields(self)}
        return replace(self, **{name: empty[name] for name in names})

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filtered."""
        return self == ListFilters()

    @property
    def earliest(self) -> int | None:
        """Unix seconds before which nothing is listed."""
        if self.since:
            return int((timezone.now() - SINCE[self.since]).timestamp())
        return None if self.after is None else _midnight(self.after)

    @property
    def latest(self) -> int | None:
        """Unix seconds from which on nothing is listed: the end of the last day."""
        return None if self.before is None else _midnight(self.before) + 86_400


def _day(query: QueryDict, name: str, problems: list[str]) -> date | None:
    value = query.get(name, "")
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        problems.append(f"“{value[:20]}” is no day: write it as 2026-11-30.")
        return None


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
