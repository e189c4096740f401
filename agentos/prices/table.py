"""The price table as this process has it at hand, read anew when it has changed."""

from threading import Lock
from typing import Final

from django.db import connection

from agentos.prices.models import Price, PriceState
from agentos.prices.pricing import PriceTable

_lock: Final = Lock()
_known = PriceTable()


def current() -> PriceTable:
    """Return the table as it is now. One statement, as long as it has not changed."""
    return _as_of(PriceState.objects.values_list("token", flat=True).filter(pk=1).first() or "")


def settled() -> PriceTable:
    """Return the table, and keep it from being changed until the transaction of the caller's ends."""
    lock = " FOR SHARE" if connection.vendor == "postgresql" else ""  # SQLite has one writer, which the caller is
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT token FROM {PriceState._meta.db_table} WHERE id = 1{lock}")  # noqa: S608  # our names
        found = cursor.fetchone()
    return _as_of(found[0] if found else "")


def _as_of(token: str) -> PriceTable:
    global _known
    if not token:
        return PriceTable()
    with _lock:
        if _known.token != token:
            _known = PriceTable(tuple(Price.objects.all()), token)
        return _known
