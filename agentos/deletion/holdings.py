"""What our own tables hold of sessions: counted by session, and removed. The audit log and the reports of jobs stay.

A test goes through the models and fails for one that knows sessions and is neither here nor said to stay.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, F
from django.db.models.functions import Greatest

from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.storing import remove as remove_rows
from agentos.moderation.models import Case, Flag, Note, Star, Subject, Tag, Thumb
from agentos.turns.models import ActingReason, KeptRun, KeptSession, Turn, TurnEvent, session_key
from agentos.turns.states import ACTIVE

_OVER: Final[dict[str, Any]] = {
    "flags": Flag, "cases": Case, "notes": Note, "tags": Tag, "stars": Star, "thumbs": Thumb,
}  # fmt: skip
_OF_TURNS: Final[dict[str, tuple[Any, str]]] = {
    "turns": (Turn, "session_key"), "events": (TurnEvent, "turn__session_key"),
    "copies": (KeptRun, "session__session_key"),
}  # fmt: skip


def counted(source: str, sessions: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return what we hold of sessions, by their keys in the catalog; `sessions`: their ids by these keys."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    if Subject.objects.filter(source=source, session_key__in=sessions).exists():
        for name, model in _OVER.items():
            rows = model.objects.filter(subject__source=source, subject__session_key__in=sessions)
            for key, number in rows.order_by().values_list("subject__session_key").annotate(Count("pk")):
                found[key][name] = number
    turn_keys = {session_key(source, session_id): key for key, session_id in sessions.items()}
    for name, (model, column) in _OF_TURNS.items():
        rows = model.objects.filter(**{f"{column}__in": turn_keys}).order_by()
        for turn_key, number in rows.values_list(column).annotate(Count("pk")):
            found[turn_keys[turn_key]][name] = number
    return {key: dict(found[key]) for key in sessions}


def being_answered(source: str, sessions: Mapping[str, str]) -> set[str]:
    """Return the keys of those in which a turn waits or runs."""
    turn_keys = {session_key(source, session_id): key for key, session_id in sessions.items()}
    active = Turn.objects.filter(session_key__in=turn_keys, status__in=ACTIVE).order_by()
    return {turn_keys[key] for key in active.values_list("session_key", flat=True)}


def remove(source: str, sessions: Mapping[str, str]) -> None:
    """Remove all that we hold of sessions: turns with their events and attachments, what people put over them, rows."""
    turn_keys = [session_key(source, session_id) for session_id in sessions.values()]
    TurnEvent.objects.filter(turn__session_key__in=turn_keys).delete()
    KeptSession.objects.filter(session_key__in=turn_keys).delete()
    Turn.objects.filter(session_key__in=turn_keys).delete()
    ActingReason.objects.filter(session_key__in=turn_keys).delete()
    Subject.objects.filter(source=source, session_key__in=sessions).delete()
    gone = remove_rows(CatalogSession.objects.filter(source=source, session_key__in=sessions))
    fewer = {name: Greatest(F(name) - gone, 0) for name in ("session_count", "indexed_count")}
    SourceState.objects.filter(source=source, session_count__isnull=False).update(**fewer)
