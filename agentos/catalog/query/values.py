"""What stands behind a field's colon, read as the field takes it."""

import re
from datetime import date
from decimal import Decimal
from typing import Final, cast

from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.fields import Field, Takes
from agentos.catalog.query.tree import (
    Ago,
    Between,
    Bound,
    Compare,
    Day,
    DaysBack,
    Exact,
    Missing,
    Moment,
    Operator,
    Prefix,
    Test,
)

NONE: Final = "none"
_OPERATOR: Final = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([A-Za-z]*)")
_AGO: Final = re.compile(r"([0-9]{1,4})([mhdw])")
_DAYS_BACK: Final = {"today": 0, "yesterday": 1}
_MOST: Final = 2**63


def read_value(field: Field, text: str, quoted: bool, starred: bool) -> Test:
    """Return what a value asks of its field; `starred`: a * follows its quotes. Raises QueryError, placed in `text`."""
    if field.has_none and not quoted and text.lower() == NONE:
        return Missing()
    if field.takes is Takes.TEXT:
        return _text(text, quoted, starred)
    if starred or (not quoted and "*" in text):
        raise QueryError(f"{field.name}: takes {field.takes}, not the beginning of one.")
    if field.takes is Takes.CHOICE:
        return _choice(field, text, quoted)
    return _amount(field, text)


def _text(text: str, quoted: bool, starred: bool) -> Test:
    if quoted:
        return Prefix(text) if starred else Exact(text)
    star = text.find("*")
    if star >= 0 and star < len(text) - 1:
        raise QueryError(
            "A * stands for any text only at the end of a value. Put the value in quotes to mean a *.", star, 1
        )
    return Exact(text) if star < 0 else Prefix(text[:-1])


def _choice(field: Field, text: str, quoted: bool) -> Test:
    word = text.lower()
    if word in field.choices and not quoted:
        return Exact(field.choices[word])
    if quoted and field.has_none:  # a status that somebody else's program made up
        return Exact(text)
    words = ", ".join([*field.choices, NONE] if field.has_none else field.choices)
    raise QueryError(f"{field.name}: is one of {words}.")


def _amount(field: Field, text: str) -> Test:
    low, dots, high = text.partition("..")
    if dots:
        if field.name in ("after", "before"):
            raise QueryError(f"{field.name}: takes one time. Write updated:{text[:40]} for the days between.")
        return Between(_bound(field, low, in_range=True), _bound(field, high, in_range=True))
    found = _OPERATOR.fullmatch(text)
    operator, value = found.groups() if found else (None, text)
    bound = _bound(field, value or "")
    if field.takes is Takes.TIME and operator not in (None, "="):
        if field.name != "updated":
            raise QueryError(f"{field.name}: takes a time alone, as in {field.example}.")
        if isinstance(bound, Ago):
            raise QueryError(f"Write after:{value} or before:{value}.")
    return Compare(cast(Operator, operator or "="), bound)


def _bound(field: Field, text: str, *, in_range: bool = False) -> Bound:
    if field.takes is Takes.NUMBER:
        return _number(field, text)
    moment = _moment(text)
    if moment is None or (in_range and isinstance(moment, Ago)):
        kind = "a day" if in_range else "a day, today, yesterday or a time span such as 24h or 7d"
        raise QueryError(f"{field.name}: takes {kind}. Write days as 2026-11-30.")
    return moment


def _number(field: Field, text: str) -> Decimal:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise QueryError(f"{field.name}: takes a number, as in {field.example}, or a range such as {field.name}:2..5.")
    units = {unit.lower(): size for unit, size in field.units.items()}
    size = units.get(found[2].lower())
    if size is None:
        known = ", ".join(unit for unit in field.units if unit) or "none"
        raise QueryError(f"“{found[2][:20]}” is no unit here. Units of {field.name}: {known}.")
    value = Decimal(found[1]) * size
    if value >= _MOST:
        raise QueryError("This number is larger than anything that is counted.")
    # The same number is the same tree, however many zeros it was written with.
    return Decimal(format(value.normalize(), "f"))


def _moment(text: str) -> Moment | None:
    word = text.lower()
    if word in _DAYS_BACK:
        return DaysBack(_DAYS_BACK[word])
    if ago := _AGO.fullmatch(word):
        return Ago(int(ago[1]), ago[2])
    try:
        return Day(date.fromisoformat(text)) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
