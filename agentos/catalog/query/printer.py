"""From a query's tree to its one canonical text: `parse(printed(node)) == node`."""

import re
from decimal import Decimal
from typing import Final

from agentos.catalog.query.fields import Field, Takes, field_of
from agentos.catalog.query.tree import (
    Ago,
    And,
    Between,
    Bound,
    Compare,
    Day,
    Exact,
    Missing,
    Node,
    Not,
    Or,
    Prefix,
    Term,
    Test,
    Words,
)
from agentos.catalog.query.values import NONE

_BARE_WORD: Final = re.compile(r'[^\s"():*\0-][^\s"():*\0]*')
_BARE_VALUE: Final = re.compile(r'[^\s"()*\0]+')


def printed(node: Node | None) -> str:
    """Return the text of a query; "" for one that narrows nothing."""
    match node:
        case None:
            return ""
        case Words(text, prefix):
            bare = _BARE_WORD.fullmatch(text) and text.lower() != "or"
            return f"{text if bare else _quoted(text)}{'*' if prefix else ''}"
        case Term(name, test):
            return f"{name}:{_test(_field(name), test)}"
        case Not(part):
            return f"-{_bracketed(part)}"
        case And(parts):
            return " ".join(f"({printed(part)})" if isinstance(part, Or) else printed(part) for part in parts)
        case Or(parts):
            return " or ".join(f"({printed(part)})" if isinstance(part, And) else printed(part) for part in parts)


def value_of(term: Term) -> str:
    """Return what stands behind the colon of a term."""
    return _test(_field(term.field), term.test)


def _field(name: str) -> Field:
    field = field_of(name)
    if field is None:
        raise KeyError(name)
    return field


def _bracketed(node: Node) -> str:
    return printed(node) if isinstance(node, Words | Term) else f"({printed(node)})"


def _test(field: Field, test: Test) -> str:
    match test:
        case Missing():
            return NONE
        case Exact(text):
            return _exact(field, text)
        case Prefix(text):
            return f"{text}*" if not text or _BARE_VALUE.fullmatch(text) else f"{_quoted(text)}*"
        case Between(low, high):
            return f"{_bound(field, low)}..{_bound(field, high)}"
        case Compare(operator, bound):
            return f"{'' if operator == '=' else operator}{_bound(field, bound)}"


def _exact(field: Field, text: str) -> str:
    if field.takes is Takes.CHOICE:
        words = {stored: word for word, stored in field.choices.items()}
        return words.get(text) or _quoted(text)
    bare = _BARE_VALUE.fullmatch(text) and not (field.has_none and text.lower() == NONE)
    return text if bare else _quoted(text)


def _bound(field: Field, bound: Bound) -> str:
    if isinstance(bound, Decimal):
        return field.in_units(bound)
    if isinstance(bound, Day):
        return bound.date.isoformat()
    return f"{bound.count}{bound.unit}" if isinstance(bound, Ago) else ("today", "yesterday")[bound.days]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
