"""The log of a turn that is over shrinks, and still tells every reader how it ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agentos.turns.log import answer_so_far, beat, claim, events_after, finish
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.retention import KEPT, prune
from agentos.turns.states import Status
from sessions_ui.streaming.live import LiveTurn
from tests.integration.turns.conftest import TEAM, Ask

pytestmark = pytest.mark.django_db


def ended(turn: Turn, status: Status, *, run_id: str = "", ago: timedelta = KEPT * 2) -> Turn:
    claim(turn.pk)
    for word in ("one ", "two ", "three"):
        beat(turn.pk, [(TurnEvent.Kind.REASONING, {"text": "hm "}), (TurnEvent.Kind.CONTENT, {"text": word})])
    finish(turn.pk, status, run_id=run_id)
    Turn.objects.filter(pk=turn.pk).update(finished_at=timezone.now() - ago, attachments={"images": [{"id": "1"}]})
    turn.refresh_from_db()
    return turn


def kinds(turn: Turn) -> list[str]:
    return [event.kind for event in events_after(turn.pk, 0)]


def test_a_stored_answer_is_not_kept_twice(ask: Ask) -> None:
    turn = ended(ask("hello"), Status.COMPLETED, run_id="r")
    assert prune() == 1
    turn.refresh_from_db()
    assert (kinds(turn), turn.attachments, turn.is_pruned) == (["done"], {}, True)
    assert prune() == 0


@pytest.mark.parametrize("status", [Status.FAILED, Status.INTERRUPTED, Status.CANCELLED])
def test_what_is_stored_nowhere_else_is_kept_in_one_piece(ask: Ask, status: Status) -> None:
    turn = ended(ask("hello"), status)
    prune()
    turn.refresh_from_db()
    assert kinds(turn) == ["reasoning", "content", "status", "done"]
    assert answer_so_far(turn) == "one two three"
    assert turn.attachments == {"images": [{"id": "1"}]}


def test_recent_and_running_turns_stay_as_they_are(ask: Ask) -> None:
    recent = ended(ask("hello"), Status.COMPLETED, run_id="r", ago=timedelta(minutes=1))
    running = ask("hello", TEAM)
    claim(running.pk)
    assert prune() == 0
    assert len(kinds(recent)) == 8


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
@pytest.mark.parametrize("seen", [0, 3, 5])
def test_a_browser_that_was_away_is_told_the_end_and_the_whole_text(ask: Ask, status: Status, seen: int) -> None:
    turn = ended(ask("hello"), status, run_id="r" if status is Status.COMPLETED else "")
    prune()
    live = LiveTurn.at(turn, seen)
    messages = [*live.catch_up().values(), *live.catch_up().values()]
    assert live.done
    assert b"event: done" in messages[-1]
    if status is Status.FAILED:
        assert live.text == "one two three"


def test_a_reader_of_everything_is_told_the_end(ask: Ask) -> None:
    turn = ended(ask("hello"), Status.COMPLETED, run_id="r")
    TurnEvent.objects.filter(turn=turn).delete()
    live = LiveTurn.at(turn, 0)
    live.catch_up()
    assert live.done
