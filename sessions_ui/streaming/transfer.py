"""The stream of one session's export: each part made in a worker thread that then lets go of its connections."""

import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from django.http import HttpRequest

from agentos.catalog.models import CatalogSession
from agentos.db.connections import close_connections
from agentos.db.sources import SourceUnavailable
from agentos.transfer.rules import can_export
from sessions_ui.permissions import user_as_now
from sessions_ui.streaming.export import ExportCut
from sessions_ui.streaming.stream import in_thread

logger = logging.getLogger(__name__)
# Characters that are made before some are sent: few enough to hold, many enough to be worth a thread.
AT_ONCE: Final = 500_000


async def transfer_stream(
    request: HttpRequest, row: CatalogSession, pieces: Iterator[str]
) -> AsyncGenerator[bytes, None]:
    """Yield the file as bytes; before each part it is looked at whether its reader may still see the session.

    Raises:
        ExportCut: they may not, or the source cannot be read any more: no client takes what it has for the whole.
    """
    while part := await in_thread(lambda: _part(request, row, pieces)):
        yield part


def _part(request: HttpRequest, row: CatalogSession, pieces: Iterator[str]) -> bytes:
    """Return the next part, b"" at the end."""
    user = user_as_now(request)
    if not can_export(user) or CatalogSession.objects.visible_to(user).one(row.source, row.session_id) is None:
        logger.warning("An export was cut short: its reader may not see the session any more, or export it")
        raise ExportCut("Your rights ended while this was exported, so the file is not complete.")
    made: list[str] = []
    size = 0
    try:
        for piece in pieces:
            made.append(piece)
            size += len(piece)
            if size >= AT_ONCE:
                break
    except SourceUnavailable as error:
        logger.warning("An export was cut short: %s", error)
        raise ExportCut(str(error)) from error
    finally:
        close_connections()
    return "".join(made).encode("utf-8", "replace")
