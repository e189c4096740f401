"""Stops what is being answered in sessions that nobody may continue any more."""

from typing import Any

from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.turns.log import request_cancel
from agentos.turns.models import Turn


def stop_answering(*, source: str = "", session_id: str = "", agno_user_id: str = "", **_: Any) -> None:
    """Have the turns that wait or run in a session cancelled, or those in all sessions of an Agno user."""
    active = Turn.objects.active()
    if not agno_user_id:
        turns = list(active.of_session(source, session_id))
    else:
        key = index_key(agno_user_id)
        turns = [turn for turn in active if _is_of(turn, key)]
    for turn in turns:
        request_cancel(turn)


def _is_of(turn: Turn, user_key: str) -> bool:
    row = CatalogSession.objects.one(turn.source, turn.session_id)
    return row is not None and row.user_key == user_key
