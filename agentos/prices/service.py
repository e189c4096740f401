"""Keeping the price table: who may, what a row has to be, and the record of every change."""

import csv
import datetime
import io
import uuid
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, check_has, check_sees_all
from agentos.audit import service as audit
from agentos.audit.acts import Act, register
from agentos.prices.models import ALWAYS, NAME_CHARACTERS, PRICED, Price, PriceState

MOST_ROWS: Final = 2_000
MOST_BYTES: Final = 1_000_000
COLUMNS: Final = ("provider", "model", "valid_from", *PRICED, "cached_inside")
_MOST: Final = Decimal(1_000_000)
_YES: Final = {"1": True, "true": True, "yes": True, "on": True, "": False, "0": False, "false": False, "no": False}

register(
    Act("price.kept", "change", "list", "Kept the price of “{model}”"),
    Act("price.dropped", "change", "list", "Deleted the price of “{model}”"),
    Act("prices.imported", "change", "file", "Imported {count} prices"),
)


class Refused(Exception):
    """A row cannot be kept so; `str()` is a plain sentence that says why."""


def check_can_edit(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may change what models cost."""
    check_has(user, Right.EDIT_PRICES, "change prices")
    check_sees_all(user, "Prices are changed by people who see every session: every cost follows from them.")


def can_edit(user: AnyUser) -> bool:
    """Whether `check_can_edit` lets the user through."""
    try:
        check_can_edit(user)
    except NotAllowed:
        return False
    return True


def save(user: User, values: Mapping[str, str], price: Price | None = None, *, origin: str = "") -> Price:
    """Keep a row, in place of `price` if one is given. `values` are texts by the names of COLUMNS.

    Raises:
        Refused: it cannot be kept so.
        NotAllowed: the user may not change prices.
    """
    check_can_edit(user)
    row = _row(values)
    with transaction.atomic():
        _change()
        was = Price.objects.filter(pk=price.pk).first() if price is not None else None
        taken = _same(row).exclude(pk=price.pk if price is not None else None).first()
        if taken is not None:
            raise Refused("There is a row for this model, provider and day already. Change that one.")
        if price is None and Price.objects.count() >= MOST_ROWS:
            raise Refused(f"The table holds at most {MOST_ROWS:,} rows.")
        row.pk = was.pk if was is not None else None
        _keep(row, user)
        _record("price.kept", user, origin, before=was, after=row, model=row.model)
    return row


def delete(user: User, price: Price, *, origin: str = "") -> None:
    """Delete a row. Raises `NotAllowed` if the user may not."""
    check_can_edit(user)
    with transaction.atomic():
        _change()
        _record("price.dropped", user, origin, before=price, after=None, model=price.model)
        Price.objects.filter(pk=price.pk).delete()


def import_csv(user: User, text: str, *, origin: str = "") -> int:
    """Keep the rows of a table as `written` writes it, each in place of that of the same model, provider and day.

    Returns how many there were. Raises `Refused`, with the number of the line, and keeps none of them if one cannot be
    kept; `NotAllowed` if the user may not change prices.
    """
    check_can_edit(user)
    rows = list(_rows_of(text))
    with transaction.atomic():
        _change()
        for row in rows:
            known = _same(row).first()
            row.pk = known.pk if known is not None else None
            _keep(row, user)
        if Price.objects.count() > MOST_ROWS:
            raise Refused(f"The table holds at most {MOST_ROWS:,} rows.")
        _record("prices.imported", user, origin, before=None, after=None, count=len(rows))
    return len(rows)


def written(prices: Iterable[Price]) -> str:
    """Return the table as CSV, the first line with the names of COLUMNS."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for price in prices:
        table.writerow(as_texts(price).values())
    return out.getvalue()


def as_texts(price: Price) -> dict[str, str]:
    """Return a row as texts by the names of COLUMNS, as forms and files hold it."""
    prices = {name: "" if getattr(price, name) is None else f"{getattr(price, name).normalize():f}" for name in PRICED}
    day = "" if price.holds_always else price.valid_from.isoformat()
    inside = "yes" if price.cached_inside else "no"
    return {"provider": price.provider, "model": price.model, "valid_from": day, **prices, "cached_inside": inside}


def _rows_of(text: str) -> Iterator[Price]:
    if len(text) > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES:,} characters.")
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = reader.fieldnames or []
    if "model" not in names:
        raise Refused(f"The first line has to name the columns: {', '.join(COLUMNS)}.")
    seen: set[tuple[str, str, datetime.date]] = set()
    try:
        for line in reader:
            row = _row({name: line.get(name) or "" for name in COLUMNS} | _inside(line))
            key = row.provider, row.model, row.valid_from
            if key in seen:
                raise Refused("the same model, provider and day stand above it already.")
            seen.add(key)
            if len(seen) > MOST_ROWS:
                raise Refused(f"the table holds at most {MOST_ROWS:,} rows.")
            yield row
    except (Refused, csv.Error) as error:
        raise Refused(f"Line {reader.line_num}: {error}") from None
    if not seen:
        raise Refused("The file has no rows.")


def _inside(line: Mapping[str, Any]) -> dict[str, str]:
    """A file without the column means what the form begins with."""
    return {} if "cached_inside" in line else {"cached_inside": "yes"}


def _row(values: Mapping[str, str]) -> Price:
    model, provider = (" ".join(values.get(name, "").split()) for name in ("model", "provider"))
    if not model.strip("*"):
        raise Refused("Name a model, as runs hold it; a * stands for anything behind or before a part of the name.")
    for name in (model, provider):
        if len(name) > NAME_CHARACTERS or not name.isprintable():
            raise Refused(f"A name has at most {NAME_CHARACTERS} characters, all of which can be seen.")
        if name.count("*") > 3:
            raise Refused("A name may have three * at most.")
    prices = {name: _money(name, values.get(name, "")) for name in PRICED}
    if all(price is None for price in prices.values()):
        raise Refused("Fill in at least one price. What is left empty is not known; 0 is free.")
    inside = _YES.get(values.get("cached_inside", "").strip().lower())
    if inside is None:
        raise Refused("Say yes or no to whether cached tokens are counted among the input.")
    day = _day(values.get("valid_from", "").strip())
    return Price(provider=provider, model=model, valid_from=day, cached_inside=inside, **prices)


def _money(name: str, text: str) -> Decimal | None:
    text = text.strip().removeprefix("$").strip()
    if not text:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise Refused(f"The price of {name.replace('_', ' ')} is no number: {text[:40]}") from None
    if not price.is_finite() or not 0 <= price <= _MOST:
        raise Refused(f"The price of {name.replace('_', ' ')} has to be between 0 and {_MOST:,} dollars.")
    if price != round(price, 6):
        raise Refused(f"The price of {name.replace('_', ' ')} has more than six places behind the point.")
    return round(price, 6)


def _day(text: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(text) if text else ALWAYS
    except ValueError:
        raise Refused(f"The day has to be written like 2026-11-28; this is {text[:40]}") from None
    if not ALWAYS <= day <= datetime.date(2200, 1, 1):
        raise Refused("The day has to be after 1970.")
    return day


def _same(row: Price) -> Any:
    return Price.objects.filter(provider=row.provider, model=row.model, valid_from=row.valid_from)


def _keep(row: Price, user: User) -> None:
    row.changer, row.changed_by = user, user.get_username()
    row.save()


def _change() -> None:
    """Give the table another mark; whoever changes it waits here for whoever prices runs by it."""
    PriceState.objects.get_or_create(pk=1)
    PriceState.objects.select_for_update().get(pk=1)
    PriceState(pk=1, token=uuid.uuid4().hex).save()


def _record(act: str, user: User, origin: str, *, before: Price | None, after: Price | None, **details: Any) -> None:
    told = [None if row is None else as_texts(row) for row in (before, after)]
    audit.record(
        act, actor=user.get_username(), actor_id=user.pk, before=told[0], after=told[1], details=details, origin=origin
    )
