"""The fields of the query language: what each takes, and in which units."""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from agentos.catalog.health import MARKS


class Takes(StrEnum):
    """What may stand behind a field's colon."""

    TEXT = "a value"
    CHOICE = "one of its words"
    NUMBER = "a number"
    TIME = "a time"


_COUNT: Final = {"": 1, "k": 1_000, "M": 1_000_000}
_MONEY: Final = {"": 1}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "": 1}
_BYTES: Final = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "": 1}


@dataclass(frozen=True)
class Field:
    """A field. `units`: what a unit is in the base unit; `choices`: written word to stored text.

    `has_none`: the word `none`, out of quotes, asks for sessions without a value.
    """

    name: str
    takes: Takes
    hint: str
    example: str
    has_none: bool = False
    choices: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    units: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def in_units(self, value: Decimal) -> str:
        """Return a number as one would write it: in the largest unit that leaves it whole."""
        whole = [(size, unit) for unit, size in self.units.items() if size > 1 and value and value % size == 0]
        size, unit = max(whole, default=(1, next(iter(self.units))))
        return f"{format((value / size).normalize(), 'f')}{unit}"


def _text(name: str, hint: str, example: str, *, has_none: bool = False) -> Field:
    return Field(name, Takes.TEXT, hint, example, has_none)


def _choice(name: str, hint: str, example: str, choices: dict[str, str], *, has_none: bool = False) -> Field:
    return Field(name, Takes.CHOICE, hint, example, has_none, MappingProxyType(choices))


def _number(name: str, hint: str, example: str, units: dict[str, int], *, has_none: bool = False) -> Field:
    return Field(name, Takes.NUMBER, hint, example, has_none, units=MappingProxyType(units))


def _time(name: str, hint: str, example: str) -> Field:
    return Field(name, Takes.TIME, hint, example)


TYPES: Final = ("agent", "team", "workflow")
STATUSES: Final = ("ERROR", "PAUSED", "RUNNING", "PENDING", "CANCELLED", "REGENERATED", "COMPLETED")
HAS: Final = ("error", "summary", "paused", "image", "audio", "video", "file", "reasoning", "flag", "note")
IS: Final = ("held", "taken_over", "archived", "hidden", "deleted", "starred")

FIELDS: Final = {
    one.name: one
    for one in (
        _text("user", "the user's id", "user:bob", has_none=True),
        _text("agent", "id or name of the agent", 'agent:"Trip Planner"'),
        _text("team", "id or name of the team", "team:newsroom"),
        _text("workflow", "id or name of the workflow", "workflow:nightly*"),
        _text("component", "id or name of the agent, team or workflow", "component:none", has_none=True),
        _choice("type", "agent, team or workflow", "type:team", {word: word for word in TYPES}, has_none=True),
        _text("source", "name of the database", "source:lab"),
        _choice(
            "status", "how the last run ended", "status:error", {s.lower(): s for s in STATUSES}, has_none=True
        ),
        _text("model", "a model that any run used", "model:gpt-4o*", has_none=True),
        _text("tool", "a tool that any run called", "tool:wire_money"),
        _choice(
            "has", "an error, a summary, a pause, media, reasoning, a flag or a note", "has:error",
            {word: word for word in HAS},
        ),
        _choice("is", "what people did with it", "is:held", {word: word for word in IS}),
        _choice("health", "what is odd about its data", "health:missing_parents", {word: word for word in MARKS}),
        _number("tokens", "tokens of all runs", "tokens:>1000", _COUNT, has_none=True),
        _number("runs", "runs that are not inside others", "runs:2..5", _COUNT),
        _number("tools", "tool calls", "tools:>=10", _COUNT),
        _number("errors", "failed runs", "errors:>0", _COUNT),
        _number("tool_errors", "failed tool calls", "tool_errors:>0", _COUNT),
        _number("cost", "dollars", "cost:>0.5", _MONEY, has_none=True),
        _number("duration", "time that runs took", "duration:>1.5m", _SECONDS, has_none=True),
        _number("size", "stored size of the runs", "size:>4kB", _BYTES),
        _text("topic", "a topic of the summary", 'topic:"late refunds"'),
        _text("tag", "a tag, of the metadata or of a person", "tag:vip"),
        _time("after", "updated on that day or later", "after:7d"),
        _time("before", "updated before that day", "before:2026-11-01"),
        _time("updated", "updated on a day, or in days", "updated:2026-11-01..2026-11-30"),
        _text("id", "the session's id", "id:5b0c4c1e*"),
        _text("fork_of", "id of the session it was forked from", "fork_of:5b0c4c1e*"),
    )
}  # fmt: skip
TIMES: Final = frozenset(name for name, one in FIELDS.items() if one.takes is Takes.TIME)
# Fields with a path of keys in their names, as in `state.cart.total:42`.
KEYED: Final = {
    one.name: one
    for one in (
        _text("state", "a value of the session state", "state.cart.total:42"),
        _text("meta", "a value of the metadata", "meta.tenant:acme"),
    )
}
# How such a name is written; what `terms` makes terms of has no other keys.
KEYED_NAME: Final = rf"(?:{'|'.join(KEYED)})\.[\w.-]+"


def field_of(name: str) -> Field | None:
    """Return the field of this name, None if there is none. Case counts in the keys of a path alone."""
    first, dot, path = name.partition(".")
    if dot:
        keyed = KEYED.get(first.lower())
        return replace(keyed, name=f"{keyed.name}.{path}") if keyed and re.fullmatch(r"[\w.-]+", path) else None
    return FIELDS.get(first.lower())
