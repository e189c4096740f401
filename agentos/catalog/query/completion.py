"""What could stand at the cursor: names of fields, and values that sessions the person may see have."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentos.catalog.query.fields import FIELDS, TYPES, Field, Takes
from agentos.catalog.query.parser import MAX_CHARACTERS
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import Exact, Term
from agentos.catalog.query.values import NONE

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

# Values are taken from the sessions updated last, so that a suggestion costs the same however many there are.
RECENT: Final = 2_000
MAX_OPTIONS: Final = 12
_MAX_LABEL: Final = 200
_TIMES: Final = ("today", "yesterday", "24h", "7d", "30d")
_COLUMNS: Final = {"user": "user_key", "source": "source", "model": "model"}
_LISTS: Final = {"tool": "tool_calls_by_name", "topic": "topics"}
_TOKENS: Final = re.compile(
    r'(?P<field>[A-Za-z][\w.]*):(?P<value>"(?:[^"\\]|\\.)*"?|[^\s"()]*)'
    r'|"(?:[^"\\]|\\.)*"?\*?|-|(?P<word>[^\s"()\-][^\s"()]*)',
    re.DOTALL,
)


@dataclass(frozen=True)
class Suggestion:
    """A text that may take the place of what is being typed, and what it means."""

    text: str
    hint: str


@dataclass(frozen=True)
class Completion:
    """Suggestions for the characters from `start` to the cursor."""

    start: int
    suggestions: list[Suggestion]


def completion(rows: "SessionQuerySet", text: str) -> Completion:
    """Return what could stand at the end of `text`, the query up to the cursor. `rows`: what the person may see."""
    tokens = [*_TOKENS.finditer(text[:MAX_CHARACTERS])]
    last = tokens[-1] if tokens else None
    if last is None or last.end() != len(text) or last[0] == "-":
        return Completion(len(text), _fields(""))
    if last["word"] is not None:
        return Completion(last.start(), _fields(last[0]))
    field = FIELDS.get((last["field"] or "").lower())
    if field is None or last["value"].endswith("*"):
        return Completion(last.start(), [])
    return Completion(last.start(), _values(rows, field, last["value"].strip('"')))


def _fields(begun: str) -> list[Suggestion]:
    names = [name for name in FIELDS if name.startswith(begun.lower())]
    return [Suggestion(f"{name}:", f"{FIELDS[name].hint}, as in {FIELDS[name].example}") for name in names]


def _values(rows: "SessionQuerySet", field: Field, begun: str) -> list[Suggestion]:
    if field.takes is Takes.TIME:
        return [Suggestion(f"{field.name}:{word}", "") for word in _TIMES if word.startswith(begun.lower())]
    if field.takes is Takes.CHOICE:
        words = [*field.choices, NONE] if field.has_none else field.choices
        return [Suggestion(f"{field.name}:{word}", "") for word in words if word.startswith(begun.lower())]
    counted = Counter(value for value in _recent(rows, field.name) if value and len(value) <= _MAX_LABEL)
    begun = begun.casefold()
    found = [(value, n) for value, n in counted.items() if begun in value.casefold()]
    found.sort(key=lambda one: (not one[0].casefold().startswith(begun), -one[1], one[0]))
    suggestions = [
        Suggestion(printed(Term(field.name, Exact(value))), f"{n} recent session{'s' if n > 1 else ''}")
        for value, n in found[:MAX_OPTIONS]
    ]
    nothing = [Suggestion(f"{field.name}:{NONE}", "sessions without one")] if field.has_none else []
    return suggestions + [one for one in nothing if NONE.startswith(begun)]


def _recent(rows: "SessionQuerySet", name: str) -> Iterable[str]:
    recent = rows.order_by("-updated_at", "-id")
    if name in _COLUMNS:
        return recent.values_list(_COLUMNS[name], flat=True)[:RECENT]
    if name in _LISTS:
        return (value for values in recent.values_list(_LISTS[name], flat=True)[:RECENT] for value in values)
    if name in TYPES or name == "component":
        kind = recent if name == "component" else recent.filter(session_type=name)
        return (label or key or "" for label, key in kind.values_list("component_name", "component_key")[:RECENT])
    return ()
