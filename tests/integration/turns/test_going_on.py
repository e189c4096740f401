"""Going on with an answer that broke off: one run holds what had arrived and what the model adds."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentos.db.sources import Source
from agentos.turns.going_on import ABLE, PROMPT
from agentos.turns.log import answer_so_far, beat, claim, events_of, finish, reasoning_so_far
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.retention import prune
from agentos.turns.runner import run_turn
from agentos.turns.service import BadRequest, may_go_on, retry
from agentos.turns.states import Status
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, Ask, runs_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("source")]
Entry = tuple[TurnEvent.Kind, dict[str, Any]]
ARRIVED = "The first half, and then the wo"
STARTED: Entry = (TurnEvent.Kind.STARTED, {ABLE: True})


def cut(turn: Turn, *entries: Entry) -> Turn:
    """Have the turn's process die after these entries of its log."""
    claim(turn.pk)
    beat(turn.pk, entries)
    finish(turn.pk, Status.INTERRUPTED, problem="The program was stopped.")
    turn.refresh_from_db()
    return turn


def said(*pieces: str) -> list[Entry]:
    return [(TurnEvent.Kind.CONTENT, {"text": piece}) for piece in pieces]


def messages_of(fake_model: Any) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = fake_model.brain.log[-1]["body"]["messages"]
    return found


@pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
def test_one_run_holds_both_pieces(ask: Ask, source: Source, fake_model: Any, session_id: str) -> None:
    before = runs_of(source, session_id)
    turn = cut(ask("Tell me.", session_id), STARTED, *said(ARRIVED[:9], ARRIVED[9:]))
    fake_model.brain.enqueue("*", {"content": "rd was said."})

    again = retry(turn, None, go_on=True)
    run_turn(again.pk)

    again.refresh_from_db()
    whole = f"{ARRIVED}rd was said."
    assert (again.status, answer_so_far(again)) == (Status.COMPLETED, whole)
    run = runs_of(source, session_id)[-1]
    assert len(runs_of(source, session_id)) == len(before) + 1
    assert (run.content_text, run.input_text) == (whole, "Tell me.")
    assert [one["role"] for one in messages_of(fake_model)[-3:]] == ["user", "assistant", "user"]
    assert [one["content"] for one in messages_of(fake_model)[-2:]] == [ARRIVED, PROMPT]
    assert PROMPT not in str(run.raw)  # Agno's next answer is told one answer to one message


def test_what_it_thought_is_kept(ask: Ask, source: Source, fake_model: Any) -> None:
    thought: Entry = (TurnEvent.Kind.REASONING, {"text": "Let me see."})
    turn = cut(ask("Tell me."), STARTED, thought, *said(ARRIVED))
    fake_model.brain.enqueue("*", {"content": "rd."})
    again = retry(turn, None, go_on=True)
    run_turn(again.pk)
    assert reasoning_so_far(again) == "Let me see."
    assert runs_of(source, AGENT)[-1].messages[-1].reasoning_content == "Let me see."


def test_it_may_break_off_more_than_once(ask: Ask, source: Source, fake_model: Any) -> None:
    turn = cut(ask("Tell me."), STARTED, *said(ARRIVED))
    fake_model.brain.enqueue("*", {"status": 400, "error": "Not today."})
    second = retry(turn, None, go_on=True)
    run_turn(second.pk)
    second.refresh_from_db()
    assert (second.status, answer_so_far(second)) == (Status.FAILED, ARRIVED)

    fake_model.brain.enqueue("*", {"content": "rd."})
    third = retry(second, None, go_on=True)
    run_turn(third.pk)
    third.refresh_from_db()
    assert (third.status, answer_so_far(third)) == (Status.COMPLETED, f"{ARRIVED}rd.")


def test_sending_it_again_after_all_begins_anew(ask: Ask, fake_model: Any) -> None:
    turn = cut(ask("Tell me."), STARTED, *said(ARRIVED))
    fake_model.brain.enqueue("*", [{"status": 400, "error": "Not today."}, {"content": "All of it."}])
    second = retry(turn, None, go_on=True)
    run_turn(second.pk)
    second.refresh_from_db()
    third = retry(second, None)
    run_turn(third.pk)
    assert answer_so_far(third) == "All of it."
    assert messages_of(fake_model)[-1]["content"] == "Tell me."


def test_it_can_be_gone_on_with_when_the_log_was_shortened(ask: Ask, fake_model: Any) -> None:
    turn = cut(ask("Tell me."), STARTED, *said(*ARRIVED))
    Turn.objects.filter(pk=turn.pk).update(finished_at="2026-01-01T00:00Z")
    prune()
    turn.refresh_from_db()
    assert turn.is_pruned and may_go_on(turn)
    fake_model.brain.enqueue("*", {"content": "rd."})
    again = retry(turn, None, go_on=True)
    run_turn(again.pk)
    assert answer_so_far(again) == f"{ARRIVED}rd."


def test_a_rebuilt_answerer_says_that_it_can(ask: Ask, fake_model: Any) -> None:
    turn = ask("Tell me. [[error 400 no]]")
    run_turn(turn.pk)
    turn.refresh_from_db()
    assert may_go_on(turn)
    with pytest.raises(BadRequest):  # but nothing has arrived
        retry(turn, None, go_on=True)


def test_the_demo_model_cannot(ask: Ask) -> None:
    turn = ask("Tell me.")
    run_turn(turn.pk)
    [started] = events_of(turn, TurnEvent.Kind.STARTED)
    assert started.payload[ABLE] is False


@pytest.mark.parametrize("entries", [[STARTED], said(ARRIVED), [(TurnEvent.Kind.STARTED, {ABLE: False}), *said("x")]])
def test_where_nothing_can_be_gone_on_with(ask: Ask, entries: list[Entry]) -> None:
    turn = cut(ask("Tell me."), *entries)
    with pytest.raises(BadRequest, match="Send the message again"):
        retry(turn, None, go_on=True)
    assert not Turn.objects.filter(retry_of=turn).exists()
