"""A turn from question to stored run, carried out inline; the model is a real server on this machine."""

from typing import Any

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import check_writable
from agentos.records import WorkflowRunOutput
from agentos.turns.log import answer_so_far, events_after, request_cancel
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.states import Status
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, Ask, runs_of

pytestmark = pytest.mark.django_db

LAYOUTS = pytest.mark.parametrize("source", ["agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db"], indirect=True)


def carry_out(turn: Turn) -> Turn:
    run_turn(turn.pk)
    turn.refresh_from_db()
    return turn


@LAYOUTS
@pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
def test_the_run_is_stored_in_every_layout(source: Source, ask: Ask, fake_model: Any, session_id: str) -> None:
    before = runs_of(source, session_id)
    session = Reader(source).session(session_id)
    assert session is not None
    turn = carry_out(ask("[[say All is well.]] [[usage 20 5]]", session_id))
    assert (turn.status, turn.problem, turn.run_id) == (Status.COMPLETED, "", str(turn.pk))
    runs = runs_of(source, session_id)
    assert [run.run_id for run in runs] == [*(run.run_id for run in before), turn.run_id]
    ours = runs[-1]
    check_writable(ours)
    assert (ours.kind, ours.component_id, ours.user_id) == (session.session_type, session.component_id, session.user_id)
    assert (ours.status, ours.content, ours.input_text) == ("COMPLETED", "All is well.", turn.message)
    assert ours.metadata == {"agentos_sessions": {"continued_by": "command line"}}
    after = Reader(source).session(session_id)
    assert after is not None
    assert after.session_metrics is not None
    assert session.session_metrics is not None
    assert (after.session_metrics.total_tokens or 0) - (session.session_metrics.total_tokens or 0) == 25


def test_the_model_receives_instructions_history_and_question(source: Source, ask: Ask, fake_model: Any) -> None:
    carry_out(ask("[[say ok]] next"))
    [request] = fake_model.brain.log
    roles = [message["role"] for message in request["body"]["messages"]]
    assert roles[0] == "system"
    assert roles[-1] == "user"
    assert "tool" in roles
    assert roles.count("system") == 1
    assert request["model"] == "fake-large"
    assert "tools" not in request["body"]


def test_events_tell_the_whole_story_in_order(source: Source, ask: Ask, fake_model: Any) -> None:
    turn = carry_out(ask("[[reason hm hm]] [[say one two three four]] [[slow 0.05]]"))
    events = events_after(turn.pk, 0)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (events[0].kind, events[-2].kind, events[-1].kind) == ("started", "status", "done")
    assert events[-2].payload == {"status": "completed", "run_id": turn.run_id}
    assert sum(event.kind == "content" for event in events) >= 2
    assert answer_so_far(turn) == "one two three four"
    assert runs_of(source, AGENT)[-1].reasoning_content == "hm hm"


def test_a_fast_model_writes_few_events(source: Source, ask: Ask, fake_model: Any) -> None:
    turn = carry_out(ask("[[long 3000]]"))
    assert len(events_after(turn.pk, 0)) < 40
    assert answer_so_far(turn) == runs_of(source, AGENT)[-1].content


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("[[error 401 no]]", "Check OPENAI_API_KEY"),
        ("[[error 429 slow down]]", "takes no more requests"),
        ("[[error 500 exploded]]", "failed (500)"),
        ("[[say one two three]] [[drop 2]]", "before"),
    ],
)
def test_a_model_error_becomes_a_run_that_says_what_to_do(
    source: Source, ask: Ask, fake_model: Any, directive: str, words: str
) -> None:
    turn = carry_out(ask(directive))
    run = runs_of(source, AGENT)[-1]
    assert (turn.status, run.status, run.run_id) == (Status.FAILED, "ERROR", turn.run_id)
    assert words in turn.problem
    assert run.content == turn.problem
    assert [message.text for message in run.messages if message.role == "user"] == [directive]
    check_writable(run)


def test_a_failed_run_is_no_history(source: Source, ask: Ask, fake_model: Any) -> None:
    carry_out(ask("[[error 500 exploded]] lost question"))
    carry_out(ask("[[say ok]]"))
    assert "lost question" not in str(fake_model.brain.log[-1]["body"]["messages"])


def test_silence_is_given_up(source: Source, ask: Ask, fake_model: Any, settings: Any) -> None:
    settings.AGENTOS_MODEL_TIMEOUT = 0.3
    turn = carry_out(ask("[[sleep 5]]"))
    assert turn.problem == "The model server was silent for 0.3 s. Send the message again, or later."


def test_a_stopped_answer_is_kept_as_far_as_it_came(source: Source, ask: Ask, fake_model: Any) -> None:
    turn = ask("[[slow 0.2]] [[say one two three four five six seven eight nine]]")
    Turn.objects.filter(pk=turn.pk).update(cancel_requested=True)  # seen at the first write
    carry_out(turn)
    run = runs_of(source, AGENT)[-1]
    assert (turn.status, run.status, run.run_id) == (Status.CANCELLED, "CANCELLED", turn.run_id)
    assert str(run.content)
    assert "nine" not in str(run.content)


def test_a_waiting_turn_is_stopped_at_once(source: Source, ask: Ask) -> None:
    turn = ask("hello")
    request_cancel(turn)
    assert carry_out(turn).status == Status.CANCELLED
    assert [event.kind for event in events_after(turn.pk, 0)] == ["status", "done"]
    assert turn.run_id == ""


def test_without_a_key_the_demo_model_answers_and_says_so(source: Source, ask: Ask) -> None:
    turn = carry_out(ask("hello"))
    run = runs_of(source, AGENT)[-1]
    assert turn.status == Status.COMPLETED
    assert "no model key is set" in str(run.content)
    assert run.model == "demo"


def test_a_workflow_run_has_the_shape_agno_expects(source: Source, ask: Ask, fake_model: Any) -> None:
    turn = carry_out(ask("[[say Done.]] [[usage 20 5]]", WORKFLOW))
    run = runs_of(source, WORKFLOW)[-1]
    assert isinstance(run, WorkflowRunOutput)
    assert "messages" not in run.raw
    assert run.raw["input"] == turn.message
    [step] = run.embedded
    assert (step.kind, step.parent_run_id) == ("agent", turn.run_id)
    assert [message.role for message in step.messages] == ["system", "user", "assistant"]
    assert run.raw["metrics"]["steps"]["Continuation"]["metrics"]["total_tokens"] == 25


def test_nul_is_kept_out(source: Source, ask: Ask, fake_model: Any) -> None:
    fake_model.brain.enqueue("*", {"content": "a\0b c"})
    turn = carry_out(ask("one\0two"))
    assert (turn.status, turn.message) == (Status.COMPLETED, "onetwo")
    assert runs_of(source, AGENT)[-1].content == "ab c"


def test_a_deleted_session_is_a_clear_failure(source: Source, ask: Ask) -> None:
    turn = carry_out(ask("hello", "no-such-session"))
    assert (turn.status, turn.run_id) == (Status.FAILED, "")
    assert turn.problem == "The session has been deleted, so nothing can be added to it."


def test_a_source_that_went_away_is_a_clear_failure(source: Source, ask: Ask) -> None:
    turn = ask("hello")
    Turn.objects.filter(pk=turn.pk).update(source="gone")
    assert carry_out(turn).problem == "The source gone is not configured any more, so this session cannot be continued."


def test_what_cannot_be_stored_stays_in_the_turn(source: Source, ask: Ask, fake_model: Any) -> None:
    other = change_owner_while_answering(source, fake_model)
    turn = carry_out(ask("[[say precious]] [[sleep 1]]"))
    other.join()
    assert turn.status == Status.FAILED
    assert turn.problem == (
        "The answer was received but could not be stored: "
        "This session belongs to another user, so nothing was written to it."
    )
    assert answer_so_far(turn) == "precious"
    assert turn.run_id == ""


def change_owner_while_answering(source: Source, fake_model: Any) -> Any:
    """Give the session to another user as soon as the model has been asked."""
    import sqlite3
    import threading
    import time

    def change() -> None:
        while not fake_model.brain.log:
            time.sleep(0.02)
        with sqlite3.connect(source.path) as connection:
            connection.execute("UPDATE agno_sessions SET user_id = 'else' WHERE session_id = ?", [AGENT])
        connection.close()

    thread = threading.Thread(target=change)
    thread.start()
    return thread


def test_a_right_lost_while_waiting_counts(source: Source, ask: Ask, teammate: Person) -> None:
    turn = ask("hello", user=teammate.user)
    teammate.user.groups.clear()
    assert "no role" in carry_out(turn).problem
    assert len(events_after(turn.pk, 0)) == 3


def test_the_person_is_named_and_the_run_stays_the_sessions(
    source: Source, ask: Ask, teammate: Person, fake_model: Any
) -> None:
    carry_out(ask("[[say ok]]", user=teammate.user))
    run = runs_of(source, AGENT)[-1]
    assert run.user_id == "alice@example.com"
    assert run.metadata == {"agentos_sessions": {"continued_by": "teammate"}}
