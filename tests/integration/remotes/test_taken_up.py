"""A message that is sent again goes on with the run that its server began for it, and calls no tool twice."""

from collections.abc import Callable
from typing import Any

import pytest

from agentos.db.connections import close_connections
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.records import RunOutput
from agentos.remotes import listening
from agentos.turns import remote_answerer
from agentos.turns.log import answer_so_far
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.service import retry, submit
from agentos.turns.states import Status
from tests.integration.remotes.conftest import USER, Store, notes_of
from tests.integration.remotes.fake_os import FakeOs, Line
from tests.integration.turns.conftest import AGENT, runs_of

pytestmark = pytest.mark.django_db
TAKEN_UP = "The server far was answering this already: its run is gone on with, and not begun again."


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_answerer, "_STORES", 1.0)
    monkeypatch.setattr(remote_answerer, "_LOOK", 0.2)
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(listening, "_HANGS_UP", 0.5)


def left(source: Source, before: Turn | None = None, **options: Any) -> Turn:
    """A turn whose worker died when its run had begun at the server."""
    again = {"retry_of": before} if before else {}
    turn = submit("lab", AGENT, "Hello", user=None, idempotency_key=f"k{Turn.objects.count()}", **options)
    Turn.objects.filter(pk=turn.pk).update(status=Status.INTERRUPTED, **again)
    turn.refresh_from_db()
    return turn


def sent_again(turn: Turn) -> Turn:
    again = retry(turn, None)
    run_turn(again.pk)
    again.refresh_from_db()
    return again


def store_as(store: Store, run_id: str, content: str, status: str) -> None:
    """Store a run of this id as the server would."""

    class Of:
        pass

    line: Any = Of()
    line.run_id = run_id
    store(line, content, status)


def ends(source: Source, run_id: str, content: str) -> None:
    """Store the end of a run that is stored as under way."""
    run: dict[str, Any] = {
        "run_id": run_id,
        "agent_id": "trip-planner",
        "session_id": AGENT,
        "content": content,
        "user_id": USER,
    }
    run |= {"content_type": "str", "status": "COMPLETED", "created_at": 1_795_000_000}
    Writer(source).replace_run(AGENT, RunOutput.from_dict(run), expect_user_id=USER)
    close_connections()


def test_a_run_that_is_under_way(fake_os: FakeOs, source: Source, store: Store) -> None:
    turn = left(source)
    store_as(store, str(turn.pk), "", "RUNNING")

    def script(line: Line) -> None:
        line.run_id = str(turn.pk)
        line.frame("catch_up", missed_events=3)
        line.event("RunStarted")
        line.words("All ", "of ")
        line.frame("subscribed")
        line.words("it.")
        ends(source, line.run_id, "All of it.")
        line.event("RunCompleted", content="All of it.")

    fake_os.resumes.append(script)
    again = sent_again(turn)
    assert (again.status, again.problem, again.run_id) == (Status.COMPLETED, "", str(turn.pk))
    assert (answer_so_far(again), notes_of(again)) == ("All of it.", [TAKEN_UP])
    assert fake_os.paths() == ["resume"]
    assert "last_event_index" not in fake_os.log[-1][3]
    assert [run.run_id for run in runs_of(source, AGENT)].count(str(turn.pk)) == 1


def test_a_run_that_has_ended_since_it_was_last_tried(fake_os: FakeOs, source: Source, store: Store) -> None:
    first = left(source)
    second = left(source, first)
    store_as(store, str(first.pk), "It was done.", "COMPLETED")

    def unknown(line: Line) -> None:
        line.frame("error", error="not found in buffer or database")

    fake_os.resumes.append(unknown)  # of the second one, which began no run
    again = sent_again(second)
    assert (again.status, again.run_id, answer_so_far(again)) == (Status.COMPLETED, str(first.pk), "It was done.")
    assert fake_os.paths() == ["resume"]


def unknown_to_it(line: Line) -> None:
    line.frame("error", error="Run not found in buffer or database")


def only_stored(line: Line) -> None:
    line.frame("replay", status="RUNNING", total_events=1)
    line.event("RunStarted", run_id=line.form.get("run_id", ""))
    line.words("half of ")


@pytest.mark.parametrize("script", [unknown_to_it, only_stored])
@pytest.mark.parametrize("status", ["RUNNING", None])
def test_a_run_that_died_with_its_server_is_begun_anew(
    fake_os: FakeOs, source: Source, store: Store, script: Callable[[Line], None], status: str | None
) -> None:
    turn = left(source)
    if status:
        store_as(store, str(turn.pk), "", status)

    def anew(line: Line) -> None:
        line.event("RunStarted")
        line.words("Anew.")
        store(line, "Anew.")
        line.event("RunCompleted", content="Anew.")

    fake_os.resumes.append(script)
    fake_os.runs.append(anew)
    again = sent_again(turn)
    assert (again.status, again.run_id, answer_so_far(again)) == (Status.COMPLETED, str(again.pk), "Anew.")
    assert (fake_os.paths(), notes_of(again)) == (["resume", "runs"], [])


def test_a_server_that_cannot_take_runs_up(fake_os: FakeOs, source: Source, store: Store) -> None:
    turn = left(source)

    def anew(line: Line) -> None:
        store(line, "Anew.")
        line.event("RunCompleted", content="Anew.")

    fake_os.refuses["/resume"] = (404, {}, b'{"detail": "Not Found"}')
    fake_os.runs.append(anew)
    assert (sent_again(turn).status, fake_os.paths()) == (Status.COMPLETED, ["resume", "runs"])


def test_one_that_was_stopped_is_begun_anew(fake_os: FakeOs, source: Source, store: Store) -> None:
    turn = left(source)
    Turn.objects.filter(pk=turn.pk).update(status=Status.CANCELLED)
    turn.refresh_from_db()

    def anew(line: Line) -> None:
        store(line, "Anew.")
        line.event("RunCompleted", content="Anew.")

    fake_os.runs.append(anew)
    assert (sent_again(turn).status, fake_os.paths()) == (Status.COMPLETED, ["runs"])
