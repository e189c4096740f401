"""A limit to the time that statements on our own database may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

# How many steps of SQLite's machine lie between two looks at the clock.
_STEPS = 20_000


@dataclass
class Timebox:
    """`over`: the statements were broken off, because they took too long."""

    over: bool = False


@contextmanager
def timebox(seconds: float) -> Iterator[Timebox]:
    """Break off the statements inside after `seconds`; the block then ends early and the box says so."""
    box = Timebox()
    began = time.monotonic()
    try:
        with _limited(seconds):
            yield box
    except OperationalError:
        if time.monotonic() - began < seconds:
            raise
        box.over = True


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    if connection.vendor == "postgresql":
        inside = connection.in_atomic_block
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            yield
            if inside:  # or the end of this transaction ends it
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
        return
    connection.ensure_connection()
    until = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)
