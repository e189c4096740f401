"""Changes of a turn: each is one short transaction that also writes the events that tell of it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField, F, Func, Q
from django.db.models.functions import Now
from django.db.models.lookups import LessThan
from django.utils import timezone

from agentos.turns.channel import announce
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.states import Status, leading_to
from agentos.turns.wakeups import notify

Entry = tuple[TurnEvent.Kind, dict[str, Any]]

# A running turn whose runner has not been heard of for so long has none any more: its process ended. Readers look for
# such turns every few seconds, so within 15 s of its end each of them says so.
STALE: Final = timedelta(seconds=10)
INTERRUPTED: Final = (
    "The program was stopped while this was being answered. What had arrived is kept here and is not in the session."
)

_BEAT: Final = """
    UPDATE turns_turn SET heartbeat_at = %s, last_seq = last_seq + %s WHERE id = %s AND status = %s
    RETURNING cancel_requested, last_seq"""
_turnstile: Final = threading.Lock()


class _ServerStart(Func):
    """When PostgreSQL began to serve."""

    function, arity, output_field = "pg_postmaster_start_time", 0, DateTimeField()


class TurnLost(Exception):
    """The turn does not run any more as far as the table says: its runner has nothing to do."""


@contextmanager
def _writing() -> Iterator[None]:
    """Hold a transaction. On SQLite the threads of this process come one after the other.

    There all but one would have to try again and again, and pages that write would find no gap between them.
    """
    takes_turns = connection.vendor == "sqlite" and not connection.in_atomic_block
    with _turnstile if takes_turns else nullcontext(), transaction.atomic():
        yield


def claim(turn_id: UUID) -> Turn | None:
    """Set a queued turn running and return it; None unless it is the first in its session's line and none runs.

    Two runners may try at once: the table lets one of them through.
    """
    turn = Turn.objects.filter(pk=turn_id, status=Status.QUEUED).first()
    if turn is None or first_in_line(turn.session_key) != turn_id:
        return None
    now = timezone.now()
    try:
        with transaction.atomic():
            claimed = Turn.objects.filter(pk=turn_id, status=Status.QUEUED).update(
                status=Status.RUNNING, started_at=now, heartbeat_at=now
            )
    except IntegrityError:  # another turn of this session runs
        return None
    if not claimed:
        return None
    turn.status, turn.started_at, turn.heartbeat_at = Status.RUNNING, now, now
    return turn


def first_in_line(key: str) -> UUID | None:
    """Return the id of the session's oldest queued turn; `key` as `models.session_key()` gives it."""
    queued = Turn.objects.filter(session_key=key, status=Status.QUEUED).order_by("created_at", "id")
    return queued.values_list("pk", flat=True).first()


def beat(turn_id: UUID, entries: Sequence[Entry] = (), **changes: str) -> bool:
    """Append events and say that the runner is alive; return whether somebody asked to stop it.

    Raises:
        TurnLost: the turn does not run any more.
    """
    with _writing():
        cancel_requested, last_seq = _beaten(turn_id, len(entries))
        if changes:
            Turn.objects.filter(pk=turn_id).update(**changes)
        if entries:
            _insert(turn_id, last_seq, entries)
            announce(turn_id)
    if entries:
        notify()
    return cancel_requested


def _beaten(turn_id: UUID, events: int) -> tuple[bool, int]:
    """Note in the turn's row that so many events come; return whether somebody asked to stop it, and their last number.

    In words of SQL, as each turn does it ten times a second: Django would need two statements, and twice the time.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    key = Turn._meta.pk.get_db_prep_value(turn_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [now, events, key, Status.RUNNING.value])
        found = cursor.fetchone()
    if found is None:
        raise TurnLost
    return bool(found[0]), int(found[1])


def beat_all(turn_ids: Sequence[UUID]) -> list[UUID]:
    """Say that the runner of these turns is alive; return those that somebody asked to stop."""
    running = Turn.objects.filter(pk__in=turn_ids, status=Status.RUNNING)
    running.update(heartbeat_at=timezone.now())
    return list(running.filter(cancel_requested=True).values_list("pk", flat=True))


def finish(turn_id: UUID, status: Status, *, run_id: str = "", problem: str = "", before: Status | None = None) -> bool:
    """Bring a turn to its end and tell its readers; return whether it was in a state that allows it.

    `before`: it must be in this state.
    """
    entries: list[Entry] = [(TurnEvent.Kind.ERROR, {"sentence": problem})] if problem else []
    entries.append((TurnEvent.Kind.STATUS, {"status": status.value, "run_id": run_id}))
    entries.append((TurnEvent.Kind.DONE, {}))
    with _writing():
        changed = Turn.objects.filter(pk=turn_id, status__in=[before] if before else leading_to(status)).update(
            status=status,
            run_id=run_id,
            problem=problem,
            finished_at=timezone.now(),
            last_seq=F("last_seq") + len(entries),
        )
        if changed:
            _insert(turn_id, Turn.objects.values_list("last_seq", flat=True).get(pk=turn_id), entries)
            announce(turn_id)
    if changed:
        notify()
    return bool(changed)


def request_cancel(turn: Turn) -> None:
    """Ask for a turn to be stopped. One that waits is stopped at once, one that runs when its runner next looks."""
    if not finish(turn.pk, Status.CANCELLED, before=Status.QUEUED):
        Turn.objects.filter(pk=turn.pk, status=Status.RUNNING).update(cancel_requested=True)


def is_stale() -> Q:
    """Return the filter of running turns whose runner has not been heard of for too long.

    While our own database was away nobody could be heard of: a server that came back waits for as long again.
    """
    stale = Q(status=Status.RUNNING, heartbeat_at__lt=timezone.now() - STALE)
    return stale & Q(LessThan(_ServerStart(), Now() - STALE)) if connection.vendor == "postgresql" else stale


def interrupt(turn_id: UUID) -> bool:
    """Mark a running turn as interrupted: its runner, this process, ends. Return whether it ran."""
    return finish(turn_id, Status.INTERRUPTED, problem=INTERRUPTED)


def finish_stale(turn_id: UUID, status: Status, *, run_id: str = "", problem: str = "") -> bool:
    """Bring a turn whose runner has died to its end, unless the runner was heard of meanwhile; return whether."""
    with transaction.atomic():
        # Looked at again under the row's lock.
        stale = list(Turn.objects.select_for_update().filter(is_stale(), pk=turn_id).values_list("pk"))
        return bool(stale) and finish(turn_id, status, run_id=run_id, problem=problem, before=Status.RUNNING)


def _insert(turn_id: UUID, last: int, entries: Sequence[Entry]) -> None:
    """Insert the events so that the last of them has the number `last`."""
    first = last - len(entries) + 1
    TurnEvent.objects.bulk_create(
        TurnEvent(turn_id=turn_id, seq=first + index, kind=kind, payload=payload)
        for index, (kind, payload) in enumerate(entries)
    )


def count_of(turn_id: UUID, kinds: Sequence[TurnEvent.Kind]) -> int:
    """Return how many events of these kinds the turn's log has."""
    return TurnEvent.objects.filter(turn_id=turn_id, kind__in=kinds).count()


def events_after(turn_id: UUID, seq: int) -> list[TurnEvent]:
    """Return the turn's events with a higher number than `seq`, in their order."""
    return list(TurnEvent.objects.filter(turn_id=turn_id, seq__gt=seq).order_by("seq"))


def events_of(turn: Turn, kind: TurnEvent.Kind) -> list[TurnEvent]:
    """Return the turn's events of one kind, in their order."""
    return list(TurnEvent.objects.filter(turn=turn, kind=kind).order_by("seq"))


def answer_so_far(turn: Turn, seq: int | None = None) -> str:
    """Return the answer's text up to and including event `seq`, all of it when None."""
    return _text(turn, TurnEvent.Kind.CONTENT, seq)


def reasoning_so_far(turn: Turn, seq: int | None = None) -> str:
    """Return the reasoning's text up to and including event `seq`, all of it when None."""
    return _text(turn, TurnEvent.Kind.REASONING, seq)


def steps_so_far(turn: Turn, seq: int) -> list[dict[str, Any]]:
    """Return the payloads of the step events up to and including event `seq`."""
    events = TurnEvent.objects.filter(turn=turn, kind=TurnEvent.Kind.STEP, seq__lte=seq)
    return list(events.order_by("seq").values_list("payload", flat=True))


def _text(turn: Turn, kind: TurnEvent.Kind, seq: int | None) -> str:
    events = TurnEvent.objects.filter(turn=turn, kind=kind)
    if seq is not None:
        events = events.filter(seq__lte=seq)
    return "".join(payload["text"] for payload in events.order_by("seq").values_list("payload", flat=True))
