"""Lets the log of turns that are over shrink: what it holds of a stored answer is in the session as well."""

import time
from datetime import timedelta
from threading import Lock
from typing import Final

from django.db import transaction
from django.utils import timezone

from agentos.turns.models import Turn, TurnEvent
from agentos.turns.states import ACTIVE, Status

# How long the log of a turn is kept as it was written: browsers that were away replay it.
KEPT: Final = timedelta(hours=1)
# Seconds between two looks for such turns, and how many are done at a look.
_EVERY: Final = 600.0
_AT_ONCE: Final = 100
_TEXTS: Final = (TurnEvent.Kind.CONTENT, TurnEvent.Kind.REASONING)

_lock: Final = Lock()
_looked_at = -_EVERY


def prune_if_due() -> None:
    """Prune, unless this process did so a moment ago."""
    global _looked_at
    with _lock:
        if time.monotonic() - _looked_at < _EVERY:
            return
        _looked_at = time.monotonic()
    prune()


def prune() -> int:
    """Shrink the logs of turns that ended over KEPT ago; return how many turns were looked at, at most a hundred.

    A turn whose run is stored keeps its last event alone, and no attachments. Of any other the log is all there is: its
    text is kept, in one piece.
    """
    over = Turn.objects.exclude(status__in=ACTIVE).filter(is_pruned=False, finished_at__lt=timezone.now() - KEPT)
    turns = list(over.order_by("finished_at").only("status", "run_id")[:_AT_ONCE])
    for turn in turns:
        with transaction.atomic():
            if turn.status == Status.COMPLETED and turn.run_id:
                TurnEvent.objects.filter(turn=turn).exclude(kind=TurnEvent.Kind.DONE).delete()
                Turn.objects.filter(pk=turn.pk).update(is_pruned=True, attachments={})
            else:
                for kind in _TEXTS:
                    _in_one_piece(turn, kind)
                Turn.objects.filter(pk=turn.pk).update(is_pruned=True)
    return len(turns)


def _in_one_piece(turn: Turn, kind: TurnEvent.Kind) -> None:
    pieces = list(TurnEvent.objects.filter(turn=turn, kind=kind).order_by("seq"))
    if len(pieces) > 1:
        *earlier, last = pieces
        last.payload = {"text": "".join(str(piece.payload["text"]) for piece in pieces)}
        last.save(update_fields=["payload"])
        TurnEvent.objects.filter(pk__in=[piece.pk for piece in earlier]).delete()
