"""The stream of an export: a batch at a time, in an order that changes of the list cannot disturb."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

from django.db.models import Case, F, Value, When
from django.http import HttpRequest

from agentos.access.rights import AnyUser
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.transfer.rules import can_export
from sessions_ui.permissions import user_as_now
from sessions_ui.presenters.export import Format
from sessions_ui.streaming.stream import in_thread

logger = logging.getLogger(__name__)
BATCH: Final = 1_000
# What was said in a session on hold is not told in a list.
_PREVIEW: Final = Case(When(marks__held=True, then=Value("")), default=F("preview"))


class ExportCut(Exception):
    """The export cannot go on. It leaves the stream, so that no client takes what it has for the whole."""


async def export_stream(
    request: HttpRequest, rows_of: Callable[[AnyUser], SessionQuerySet], form: Format, fields: Sequence[str]
) -> AsyncGenerator[bytes, None]:
    """Yield the file of the sessions `rows_of` gives for the user, whose rights are looked at before each batch.

    Sessions come by their row in the catalog, up to the last there is when the export begins: what is added or
    updated meanwhile neither repeats nor drops one. No connection to the database is held between batches.

    Raises:
        ExportCut: the user lost their account or role, or signed out.
    """
    yield form.head(fields).encode()
    end = await in_thread(_last)
    after: int | None = None
    while end is not None:
        batch = await in_thread(lambda: _batch(request, rows_of, fields, after, end))  # noqa: B023  # run at once
        if not batch:
            return
        after = batch[-1][0]
        yield form.lines(fields, (row[1:] for row in batch)).encode()
        if len(batch) < BATCH:
            return


def _last() -> int | None:
    """Return the greatest id in the catalog, found at the end of an index."""
    last: int | None = CatalogSession.objects.order_by("-pk").values_list("pk", flat=True).first()
    return last


def _batch(
    request: HttpRequest,
    rows_of: Callable[[AnyUser], SessionQuerySet],
    fields: Sequence[str],
    after: int | None,
    end: int,
) -> list[tuple[Any, ...]]:
    user = user_as_now(request)
    if not can_export(user):
        logger.warning("An export was cut short: its reader may not export any more")
        raise ExportCut("Your rights ended while this was exported, so the file is not complete.")
    rows = rows_of(user).filter(pk__lte=end)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    columns = [_PREVIEW if name == "preview" else name for name in fields]
    return list(rows.order_by("pk").values_list("pk", *columns)[:BATCH])
