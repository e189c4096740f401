"""What runs cost: what the provider told, else what the price table makes of their tokens.

A change of the table moves the costs of all runs that follow from it. They are made anew from what the catalog keeps of
each run, some at a time, without a look into any source; sums of days, hours and things follow by their triggers.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from agentos.catalog.facts import total
from agentos.catalog.models import CatalogPricing, CatalogRun, CatalogSession
from agentos.prices.pricing import Priced, PriceTable
from agentos.prices.table import current
from agentos.records import Usage
from agentos.records.usage import from_row

# Runs that are looked at in one transaction.
BATCH: Final = 1_000


@dataclass(frozen=True)
class Progress:
    """How far costs follow the price table: of all runs, the share that does."""

    is_done: bool
    share: float = 1.0


def usage_of(row: CatalogRun) -> list[Usage]:
    """Return what a run used, by model and role."""
    return lines_of(row.usage)


def lines_of(usage: Any) -> list[Usage]:
    """Return the lines of a run's column `usage`."""
    return [line for one in usage if (line := from_row(one)) is not None] if isinstance(usage, list) else []


def priced(told: float | None, usage: Any, at: int | None, table: PriceTable) -> Priced:
    """Return what a run cost, by its columns `told_cost`, `usage` and `created_at`."""
    return Priced(told) if told is not None else table.whole(lines_of(usage), at)


def price(runs: Iterable[CatalogRun], table: PriceTable) -> None:
    """Give runs their costs; they are not stored."""
    for run in runs:
        run.cost = priced(run.told_cost, run.usage, run.created_at, table).cost


def costs_of(runs: Iterable[tuple[float | None, float | None]]) -> dict[str, float | None]:
    """Return a session's columns of costs; `runs` are its readable ones' `cost` and `told_cost`."""
    known = list(runs)
    return {
        "cost": total(cost for cost, _ in known),
        "computed_cost": total(cost for cost, told in known if told is None),
    }


def progress() -> Progress:
    """Return how far the costs of runs are behind a change of the price table. Few statements, whatever there is."""
    table, state = current(), CatalogPricing.objects.filter(pk=1).first() or CatalogPricing()
    if state.token == table.token:
        return Progress(is_done=True)
    last = CatalogRun.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    done = state.cursor if state.towards == table.token else 0
    return Progress(is_done=False, share=min(1.0, done / last) if last else 0.0)


def reprice(budget: float | None = 0.25) -> bool:
    """Have the costs of runs follow the price table, for about `budget` seconds (None: to the end).

    Returns whether there is nothing left to do. Another process at it is left alone.
    """
    deadline = None if budget is None else time.monotonic() + budget
    table = current()
    known = CatalogPricing.objects.filter(pk=1).values_list("token", flat=True).first()
    if table.token == (known or ""):
        return True
    CatalogPricing.objects.get_or_create(pk=1)
    while deadline is None or time.monotonic() < deadline:
        if (is_done := _step(table)) is not False:
            return bool(is_done)
    return False


def _step(table: PriceTable) -> bool | None:
    """Price the next runs; return whether these were the last, None if another process is at it."""
    with transaction.atomic():
        state = CatalogPricing.objects.select_for_update(skip_locked=True).filter(pk=1).first()
        if state is None:
            return None
        if state.towards != table.token:
            state.towards, state.cursor = table.token, 0
        runs = CatalogRun.objects.filter(pk__gt=state.cursor, told_cost=None).exclude(kind__in=("workflow", "bad"))
        columns = ("pk", "session_id", "usage", "created_at", "cost")
        rows = list(runs.order_by("pk").values_list(*columns)[:BATCH])
        _store(_changed(rows, table))
        state.cursor = rows[-1][0] if rows else state.cursor
        if is_last := len(rows) < BATCH:
            state.token = table.token
        state.save()
        return is_last


def _changed(rows: Sequence[tuple[Any, ...]], table: PriceTable) -> dict[int, list[tuple[int, float | None]]]:
    """Return the runs whose costs are others now, with these, by session."""
    found: dict[int, list[tuple[int, float | None]]] = {}
    for pk, session, usage, at, was in rows:
        cost = priced(None, usage, at, table).cost
        if cost != was:
            found.setdefault(session, []).append((pk, cost))
    return found


def _store(changed: dict[int, list[tuple[int, float | None]]]) -> None:
    if not changed:
        return
    # Whoever derives a session locks its row first as well, and writes new rows of its runs by the table as it is now.
    sessions = list(CatalogSession.objects.select_for_update().filter(pk__in=changed).order_by("pk").only("pk"))
    _write(CatalogRun, [(cost, pk) for runs in changed.values() for pk, cost in runs], ("cost",))
    costs: dict[int, list[tuple[float | None, float | None]]] = {row.pk: [] for row in sessions}
    known = CatalogRun.objects.filter(session__in=costs).exclude(kind="bad").order_by("session_id", "ordinal")
    for session, cost, told in known.values_list("session_id", "cost", "told_cost").iterator(chunk_size=5_000):
        costs[session].append((cost, told))
    sums = [(*costs_of(runs).values(), session) for session, runs in costs.items()]
    _write(CatalogSession, sums, ("cost", "computed_cost"))


def _write(model: type[CatalogRun | CatalogSession], rows: Sequence[tuple[Any, ...]], columns: tuple[str, ...]) -> None:
    """Set columns of many rows; each of `rows` ends with its key."""
    values = ", ".join(f"{column} = %s" for column in columns)
    sql = f"UPDATE {model._meta.db_table} SET {values} WHERE id = %s"  # noqa: S608  # a model's names; values are parameters
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)
