"""What a list is narrowed to, as its URL says it: one query, in which facets and times have their own parts."""

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Final

from django.http import QueryDict

from agentos.catalog.keys import index_key
from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.fields import FIELDS, TYPES
from agentos.catalog.query.parser import MAX_CHARACTERS, MAX_TERMS, parse
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import (
    Ago,
    Between,
    Compare,
    Day,
    Exact,
    Missing,
    Node,
    Not,
    Or,
    Term,
    Words,
    all_of,
    any_of,
    conjuncts,
    leaves,
)

# What forms and old links say for sessions without a user, and without a value of another facet.
NO_USER: Final = "(none)"
NO_VALUE: Final = "none"
# The facets with the fields whose terms, alone or joined by `or`, are their state.
FACETS: Final = {
    "status": ("status",),
    "type": ("type",),
    "component": (*TYPES, "component"),
    "user": ("user",),
    "source": ("source",),
    "model": ("model",),
    "tool": ("tool",),
    **({"tag": ("tag",)} if "tag" in FIELDS else {}),
}
SINCE: Final = {"1h": Ago(1, "h"), "24h": Ago(24, "h"), "7d": Ago(7, "d"), "30d": Ago(30, "d")}
_MAX_VALUES: Final = 50
_LONGEST_KEY: Final = 200
_MAX_QUERIES: Final = 10


@dataclass(frozen=True)
class Broken:
    """A text that is no query, with what is wrong and where."""

    text: str
    error: QueryError


@dataclass(frozen=True)
class ListQuery:
    """A query as its parts, which must all match: those of facets first, then times, others, and free words.

    `broken` texts are kept as they are; nothing matches until they are mended. `problems`: sentences about the URL.
    """

    parts: tuple[Node, ...] = ()
    broken: tuple[Broken, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, node: Node | None) -> "ListQuery":
        """Return the query that asks for `node`."""
        parts = dict.fromkeys(conjuncts(node))
        return cls(tuple(sorted(parts, key=_place)))

    @classmethod
    def from_url(cls, query: QueryDict) -> "ListQuery":
        """Read `q`, several of which narrow each other, and what forms and older links say beside it. Never raises."""
        nodes: list[Node | None] = []
        broken: list[Broken] = []
        problems: list[str] = []
        for text in query.getlist("q")[:_MAX_QUERIES]:
            try:
                nodes.append(parse(text))
            except QueryError as error:
                broken.append(Broken(text[: MAX_CHARACTERS + 1], error))
        # A facet's button that leaves a value out says which term it is.
        left_out = [node for node in map(_term, query.getlist("not")[:_MAX_VALUES]) if node]
        typed = cls.of(all_of([*(node for node in nodes if node), *map(Not, left_out)]))
        if not typed.fits:
            said = QueryError(f"Together these are more than {MAX_CHARACTERS:,} characters or {MAX_TERMS} parts.")
            return cls(broken=(Broken(typed.text[:MAX_CHARACTERS], said),))
        chosen = [*_facets(query), *_times(query, problems)]
        whole = cls.of(all_of([*typed.parts, *chosen]))
        if not whole.fits:
            problems.append("More filters were chosen than a query can hold, so they are left out.")
            whole = typed
        for part in whole.parts:
            for term in set(_terms(part)) & set(left_out):
                whole = whole.less(part, term)
        return replace(whole, broken=tuple(broken), problems=tuple(problems))

    @cached_property
    def node(self) -> Node | None:
        """What must match, None if anything does."""
        return all_of(self.parts)

    @cached_property
    def text(self) -> str:
        """The query in its canonical form, without what is broken."""
        return printed(self.node)

    @property
    def fits(self) -> bool:
        """Whether the canonical text can be parsed again."""
        return len(self.text) <= MAX_CHARACTERS and sum(1 for _ in leaves(self.node)) <= MAX_TERMS

    @property
    def words(self) -> str:
        """The free words, as they stand in the box."""
        return " ".join(printed(part) for part in self.parts if isinstance(part, Words))

    @property
    def rest(self) -> str:
        """What neither the box nor another control of the list of sessions holds."""
        return self.beside(*FACETS, "since", "days")

    def beside(self, *names: str) -> str:
        """Return what neither the box holds nor controls of these facets, `since` or `days`."""
        held = {self.part(name) for name in names}
        return printed(all_of(part for part in self.parts if part not in held and not isinstance(part, Words)))

    def part(self, name: str) -> Node | None:
        """Return the part that is the state of a facet, of the time span `since` or of the range of `days`."""
        return next((part for part in self.parts if _is_of(name, part)), None)

    def chosen(self, facet: str) -> tuple[Term, ...]:
        """Return the terms that are chosen in a facet."""
        return _terms(self.part(facet))

    def without(self, *names: str) -> "ListQuery":
        """Return the query without the parts of these facets, `since` or `days`."""
        dropped = [self.part(name) for name in names]
        return replace(self, parts=tuple(part for part in self.parts if part not in dropped))

    def less(self, part: Node, term: Node | None = None) -> "ListQuery":
        """Return the query without a part, or without one of its alternatives."""
        left = any_of(one for one in _terms(part) if one != term) if term is not None else None
        kept = [left if one == part else one for one in self.parts]
        return replace(self, parts=tuple(one for one in kept if one is not None))

    @property
    def since(self) -> str:
        """The key of SINCE that is chosen, or ""."""
        part = self.part("since")
        return next((name for name, ago in SINCE.items() if part == Term("updated", Compare("=", ago))), "")

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The first and the last day of the range."""
        match self.part("days"):
            case Term(_, Between(Day(first), Day(last))):
                return first, last
            case Term(_, Compare(">=", Day(first))):
                return first, None
            case Term(_, Compare("<=", Day(last))):
                return None, last
        return None, None


def _is_of(name: str, part: Node) -> bool:
    if name in FACETS:
        terms = _terms(part)
        return bool(terms) and all(t.field in FACETS[name] and isinstance(t.test, Exact | Missing) for t in terms)
    match part:
        case Term("updated", Compare("=", Ago() as ago)):
            return name == "since" and ago in SINCE.values()
        case Term("updated", Compare(">=" | "<=", Day()) | Between(Day(), Day())):
            return name == "days"
    return False


def _terms(part: Node | None) -> tuple[Term, ...]:
    """Return a term, or terms joined by `or`; nothing for any other part."""
    among = part.parts if isinstance(part, Or) else (part,)
    terms = tuple(one for one in among if isinstance(one, Term))
    return terms if len(terms) == len(among) else ()


def _term(text: str) -> Term | None:
    try:
        node = parse(text)
    except QueryError:
        return None
    return node if isinstance(node, Term) else None


def _place(part: Node) -> int:
    names = (*FACETS, "since", "days")
    at = next((at for at, name in enumerate(names) if _is_of(name, part)), len(names))
    return at + isinstance(part, Words)


def _facets(query: QueryDict) -> list[Node]:
    """Return the parts that checkboxes and older links ask for: values of one facet are alternatives."""
    found = []
    for facet, names in FACETS.items():
        none = NO_USER if facet == "user" else NO_VALUE
        terms: dict[Term, None] = {}
        for name in names:
            for value in query.getlist(name)[:_MAX_VALUES]:
                if text := value.replace("\0", ""):
                    is_none = text == none and FIELDS[name].has_none
                    terms[Term(name, Missing() if is_none else Exact(_key(text)))] = None
        node = any_of(terms)
        found += [node] if node else []
    return found


def _key(text: str) -> str:
    """Return a value as it may stand in a query: an id that is too long for one by its key."""
    return text if len(text) <= _LONGEST_KEY else index_key(text)


def _times(query: QueryDict, problems: list[str]) -> list[Node]:
    found: list[Node] = []
    since = query.get("since", "")
    if since in SINCE:
        found.append(Term("updated", Compare("=", SINCE[since])))
    elif since:
        problems.append(f"“{since[:20]}” is no time span: use {', '.join(SINCE)}.")
    first, last = (_day(query, name, problems) for name in ("from", "to"))
    if first and last:
        found.append(Term("updated", Between(first, last)))
    elif first or last:
        found.append(Term("updated", Compare(">=", first) if first else Compare("<=", last or Day(date.max))))
    return found


def _day(query: QueryDict, name: str, problems: list[str]) -> Day | None:
    value = query.get(name, "")
    if not value:
        return None
    try:
        return Day(date.fromisoformat(value))
    except ValueError:
        problems.append(f"“{value[:20]}” is no day: write it as 2026-11-30.")
        return None
