"""What a query means, as a tree of frozen values: compared by value, printed by `printer`, compiled by `compiler`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["=", ">", ">=", "<", "<="]


@dataclass(frozen=True)
class Day:
    """A day of the calendar, in UTC."""

    date: date


@dataclass(frozen=True)
class DaysBack:
    """A day counted from today: 0 is today, 1 yesterday."""

    days: int


@dataclass(frozen=True)
class Ago:
    """A moment so many units before now; `unit` is m, h, d or w."""

    count: int
    unit: str


Moment: TypeAlias = Day | DaysBack | Ago
Bound: TypeAlias = Decimal | Moment


@dataclass(frozen=True)
class Exact:
    """The value is this text."""

    text: str


@dataclass(frozen=True)
class Prefix:
    """The value begins with this text, whatever the case of its letters."""

    text: str


@dataclass(frozen=True)
class Missing:
    """There is no value."""


@dataclass(frozen=True)
class Compare:
    """The value is known and stands so to a bound. Numbers are in the field's base unit: bytes, seconds, dollars."""

    operator: Operator
    bound: Bound


@dataclass(frozen=True)
class Between:
    """The value is known and between two bounds, both included."""

    low: Bound
    high: Bound


Test: TypeAlias = Exact | Prefix | Missing | Compare | Between


@dataclass(frozen=True)
class Words:
    """Words side by side in one of a session's texts; of the last one only its beginning, if `prefix`."""

    text: str
    prefix: bool = False


@dataclass(frozen=True)
class Term:
    """A test of one field."""

    field: str
    test: Test


@dataclass(frozen=True)
class Not:
    """All that `part` does not match."""

    part: "Node"


@dataclass(frozen=True)
class And:
    """What all parts match: at least two, none of them an And."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Or:
    """What one of the parts matches: at least two, none of them an Or."""

    parts: "tuple[Node, ...]"


Node: TypeAlias = Words | Term | Not | And | Or


def all_of(nodes: Iterable[Node]) -> Node | None:
    """Return what matches all nodes; None, which narrows nothing, for none."""
    parts = [part for node in nodes for part in (node.parts if isinstance(node, And) else (node,))]
    return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def any_of(nodes: Iterable[Node]) -> Node | None:
    """Return what matches one of the nodes; None for none."""
    parts = [part for node in nodes for part in (node.parts if isinstance(node, Or) else (node,))]
    return Or(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def conjuncts(node: Node | None) -> tuple[Node, ...]:
    """Return the parts that must all match."""
    return () if node is None else node.parts if isinstance(node, And) else (node,)


def leaves(node: Node | None) -> Iterator[Words | Term]:
    """Yield the words and terms of a query."""
    waiting: list[Node] = list(conjuncts(node))
    while waiting:
        match waiting.pop():
            case (Words() | Term()) as leaf:
                yield leaf
            case Not(part):
                waiting.append(part)
            case And(parts) | Or(parts):
                waiting += parts
