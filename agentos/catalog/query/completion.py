"""What could stand at the cursor: names of fields, and values that sessions the person may see have."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Count

from agentos.catalog.query.fields import FIELDS, KEYED, KEYED_NAME, TYPES, Field, Takes, field_of
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
_OF_TERMS: Final = ("tool", "model", "topic", "tag")
_TIMES: Final = ("today", "yesterday", "24h", "7d", "30d")
_COLUMNS: Final = {"user": "user_key", "source": "source"}
# Terms are taken from fewer sessions: each has several. A longer one may have been shortened.
TERM_SESSIONS: Final = 500
_MAX_TERM: Final = 120
_TOKENS: Final = re.compile(
    rf'(?P<field>{KEYED_NAME}|[A-Za-z][\w.]*):(?P<value>"(?:[^"\\]|\\.)*"?|[^\s"()]*)'
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
        first, dot, _ = last[0].partition(".")
        keyed = bool(dot) and first.lower() in KEYED
        return Completion(last.start(), _paths(rows, last[0]) if keyed else _fields(last[0]))
    field = field_of(last["field"] or "")
    if field is None or last["value"].endswith("*"):
        return Completion(last.start(), [])
    return Completion(last.start(), _values(rows, field, last["value"].strip('"')))


def _fields(begun: str) -> list[Suggestion]:
    names = {f"{name}:": one for name, one in FIELDS.items()} | {f"{name}.": one for name, one in KEYED.items()}
    found = [(text, one) for text, one in names.items() if text.startswith(begun.lower())]
    return [Suggestion(text, f"{one.hint}, as in {one.example}") for text, one in found]


def _paths(rows: "SessionQuerySet", begun: str) -> list[Suggestion]:
    """Suggest the keys of session state or metadata that recent sessions have."""
    name, _, path = begun.partition(".")
    counted: Counter[str] = Counter()
    for term, number in _terms(rows, f"{name.lower()}."):
        counted[term.partition(":")[0]] += number
    found = [key for key, _ in counted.most_common() if path.casefold() in key.partition(".")[2].casefold()]
    found = [key for key in found if not key.endswith("~")][:MAX_OPTIONS]
    return [Suggestion(f"{key}:", KEYED[name.lower()].hint) for key in found]


def _values(rows: "SessionQuerySet", field: Field, begun: str) -> list[Suggestion]:
    if field.takes is Takes.TIME:
        return [Suggestion(f"{field.name}:{word}", "") for word in _TIMES if word.startswith(begun.lower())]
    if field.takes is Takes.CHOICE:
        words = [*field.choices, NONE] if field.has_none else field.choices
        return [Suggestion(f"{field.name}:{word}", "") for word in words if word.startswith(begun.lower())]
    counted = _counted(rows, field.name)
    begun = begun.casefold()
    found = [(value, n) for value, n in counted.items() if begun in value.casefold()]
    found.sort(key=lambda one: (not one[0].casefold().startswith(begun), -one[1], one[0]))
    suggestions = [
        Suggestion(printed(Term(field.name, Exact(value))), f"{n} recent session{'s' if n > 1 else ''}")
        for value, n in found[:MAX_OPTIONS]
    ]
    nothing = [Suggestion(f"{field.name}:{NONE}", "sessions without one")] if field.has_none else []
    return suggestions + [one for one in nothing if NONE.startswith(begun)]


def _counted(rows: "SessionQuerySet", name: str) -> Counter[str]:
    """Return the values of a field with the number of recent sessions that have them."""
    if name in _COLUMNS or name in TYPES or name == "component":
        return Counter(value for value in _recent(rows, name) if value and len(value) <= _MAX_LABEL)
    if name not in _OF_TERMS and "." not in name:
        return Counter()
    return Counter({term[len(name) + 1 :]: number for term, number in _terms(rows, f"{name}:") if term != f"{name}:"})


def _recent(rows: "SessionQuerySet", name: str) -> Iterable[str | None]:
    recent = rows.order_by("-updated_at", "-id")
    if name in _COLUMNS:
        return recent.values_list(_COLUMNS[name], flat=True)[:RECENT]
    kind = recent if name == "component" else recent.filter(session_type=name)
    return (label or key for label, key in kind.values_list("component_name", "component_key")[:RECENT])


def _terms(rows: "SessionQuerySet", begun: str) -> Iterable[tuple[str, int]]:
    """Return the terms that begin so with the number of recent sessions that have them."""
    from agentos.catalog.models import CatalogTerm

    recent = rows.order_by("-updated_at", "-id").values("pk")[:TERM_SESSIONS]
    terms = CatalogTerm.objects.filter(session__in=recent, term__startswith=begun).order_by()
    return [
        (term, number)
        for term, number in terms.values_list("term").annotate(number=Count("pk"))
        if term.startswith(begun) and len(term) <= _MAX_TERM
    ]
