"""Stops what is being answered in sessions that nobody may continue any more."""

from collections.abc import Sequence
from typing import Any

from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.turns.log import request_cancel
from agentos.turns.models import Turn, session_key


def stop_answering(*, sessions: Sequence[tuple[str, str]] = (), agno_user_id: str = "", **_: Any) -> None:
    """Have the turns that wait or run in these sessions (sources and ids) cancelled, or in all of an Agno user."""
    active = Turn.objects.active()
    if not agno_user_id:
        turns = list(active.filter(session_key__in=[session_key(*one) for one in sessions]))
    else:
        key = index_key(agno_user_id)
        turns = [turn for turn in active if _is_of(turn, key)]
    for turn in turns:
        request_cancel(turn)


def _is_of(turn: Turn, user_key: str) -> bool:
    row = CatalogSession.objects.one(turn.source, turn.session_id)
    return row is not None and row.user_key == user_key
