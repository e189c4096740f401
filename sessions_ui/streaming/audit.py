"""The stream of the audit log's export, oldest entry first, a batch at a time."""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Final

from django.http import HttpRequest

from agentos.audit.models import Entry, EntryQuerySet
from sessions_ui.permissions import may_audit, user_as_now
from sessions_ui.streaming.export import ExportCut
from sessions_ui.streaming.stream import in_thread

BATCH: Final = 1_000


async def audit_stream(
    request: HttpRequest, rows: EntryQuerySet, lines: Callable[[Iterable[Entry]], Iterator[str]], upto: int
) -> AsyncGenerator[bytes, None]:
    """Yield the file of the entries up to number `upto`; the reader's rights are looked at before each batch."""
    after, is_first = 0, True
    while True:
        batch = await in_thread(lambda: _batch(request, rows, after, upto))  # noqa: B023  # run at once
        made = list(lines(batch))
        # CSV begins with a head, once.
        has_head = len(made) > len(batch)
        yield "".join(made if is_first or not has_head else made[1:]).encode()
        if len(batch) < BATCH:
            return
        after, is_first = batch[-1].number, False


def _batch(request: HttpRequest, rows: EntryQuerySet, after: int, upto: int) -> list[Entry]:
    if not may_audit(user_as_now(request)):
        raise ExportCut("Your rights ended while this was exported, so the file is not complete.")
    return list(rows.filter(number__gt=after, number__lte=upto).order_by("number")[:BATCH])
