"""Turns that a remote server answers: whatever it sends, no text is lost or doubled, and each ends with a sentence."""

import json
import time
from typing import Any

import pytest
from django.db import connections

from agentos.remotes import api, listening
from agentos.turns import remote_answerer
from agentos.turns.log import answer_so_far, reasoning_so_far, request_cancel
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.states import Status
from tests.integration.remotes.conftest import USER, Answer, Store, notes_of
from tests.integration.remotes.fake_os import FakeOs, Line
from tests.integration.turns.conftest import AGENT, runs_of

pytestmark = pytest.mark.django_db

LAYOUTS = pytest.mark.parametrize("source", ["agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db"], indirect=True)
KEPT_ELSEWHERE = "it keeps its sessions in another database"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for what does not come for shorter than people would."""
    monkeypatch.setattr(remote_answerer, "_STORES", 1.0)
    monkeypatch.setattr(remote_answerer, "_LOOK", 0.2)
    monkeypatch.setattr(listening, "GRACE", 1.0)
    monkeypatch.setattr(listening, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(listening, "_HANGS_UP", 0.5)


@LAYOUTS
def test_it_answers_with_what_it_does(fake_os: FakeOs, answer: Answer, store: Store, source: Any) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        line.event("ReasoningContentDelta", reasoning_content="not of the answer")
        line.event("RunContent", content="", reasoning_content="Hm. ")
        line.event("ToolCallStarted", tool={"tool_call_id": "c1", "tool_name": "look", "tool_args": {"at": "x"}})
        line.event("ToolCallCompleted", tool={"tool_call_id": "c1", "tool_name": "look", "result": "seen"})
        line.words("All ", "is ", "wéll 🎉.")
        store(line, "All is wéll 🎉.")
        line.event("RunCompleted", content="All is wéll 🎉.")

    fake_os.runs.append(script)
    turn = answer("How is it?")
    assert (turn.status, turn.problem, turn.run_id) == (Status.COMPLETED, "", str(turn.pk))
    assert (turn.answering, turn.model) == ("Fake, on far", "fake-1")
    assert (answer_so_far(turn), reasoning_so_far(turn)) == ("All is wéll 🎉.", "Hm. ")
    assert runs_of(source, AGENT)[-1].run_id == turn.run_id
    method, path, headers, form = fake_os.log[-1]
    assert (method, path) == ("POST", "/agents/trip-planner/runs")
    assert headers["Authorization"] == "Bearer sk-very-secret"
    assert form == {
        "message": "How is it?", "stream": "true", "background": "true", "session_id": AGENT, "user_id": USER,
        "run_id": str(turn.pk), "metadata": json.dumps({"agentos_sessions": {"continued_by": "command line"}}),
    }  # fmt: skip
    steps = TurnEvent.objects.filter(turn=turn, kind="step").order_by("seq")
    assert [(step.payload["name"], step.payload["state"]) for step in steps] == [("look", "running"), ("look", "ok")]


def test_files_go_along(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        store(line, "Seen.")
        line.event("RunCompleted", content="Seen.")

    fake_os.runs.append(script)
    media = {
        "images": [{"id": "i", "content": "iVBORw==", "mime_type": "image/png", "format": "png"}],
        "files": [{"content": "né", "mime_type": "text/plain", "filename": "notes.txt"}],
    }
    turn = answer("", attachments=media)
    assert turn.status == Status.COMPLETED, turn.problem
    assert fake_os.log[-1][3]["message"] == " "
    assert sorted(fake_os.files) == [
        ("image-1.png", b"\x89PNG", "image/png"), ("notes.txt", "né".encode(), "text/plain"),
    ]  # fmt: skip


def test_a_run_of_another_id_is_believed(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.run_id = "chosen-by-the-server"
        line.event("RunStarted")
        line.words("Mine.")
        store(line, "Mine.")
        line.event("RunCompleted")

    fake_os.runs.append(script)
    turn = answer()
    assert (turn.status, turn.run_id, answer_so_far(turn)) == (Status.COMPLETED, "chosen-by-the-server", "Mine.")


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_line_that_drops_loses_and_repeats_nothing(fake_os: FakeOs, answer: Answer, store: Store, cut: int) -> None:
    """Cut after each event in turn, in the middle of the next one, resumed with events that were heard before."""
    words = ["One ", "two ", "three ", "four."]

    def first(line: Line) -> None:
        line.event("RunStarted")
        for word in words[: cut - 1]:
            line.event("RunContent", content=word)
        line.bytes(b'event: RunContent\ndata: {"event": "RunContent", "content": "hal\xc3')

    def resumed(line: Line) -> None:
        line.run_id = turn_id[0]
        line.frame("catch_up", missed_events=2)
        line.index = max(-1, int(line.form["last_event_index"]) - 2)  # some it has sent before
        for name, word in [("RunStarted", ""), *(("RunContent", word) for word in words)][line.index + 1 :]:
            line.event(name, content=word)
        store(line, "".join(words))
        line.event("RunCompleted")

    turn_id: list[str] = []

    def begun(line: Line) -> None:
        turn_id.append(line.run_id)
        first(line)

    fake_os.runs.append(begun)
    fake_os.resumes.append(resumed)
    turn = answer()
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    assert answer_so_far(turn) == "One two three four."
    assert fake_os.paths() == ["runs", "resume"]
    assert fake_os.log[-1][3]["last_event_index"] == str(cut - 1)
    assert notes_of(turn) == ["The connection to the server far broke and was taken up again."]


def test_a_line_that_drops_at_once_is_resumed_by_our_id(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    fake_os.runs.append(lambda line: None)

    def resumed(line: Line) -> None:
        line.frame("subscribed", status="running")
        line.run_id = fake_os.log[-1][1].split("/")[-2]
        line.event("RunStarted")
        line.words("Here.")
        store(line, "Here.")
        line.event("RunCompleted")

    fake_os.resumes.append(resumed)
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Here."), turn.problem


def test_events_without_numbers_are_not_taken_twice(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def first(line: Line) -> None:
        line.event("RunStarted", number=False)
        line.event("RunContent", number=False, content="Once.")

    def resumed(line: Line) -> None:
        line.run_id = fake_os.log[-1][1].split("/")[-2]
        first(line)
        store(line, "Once.")
        line.event("RunCompleted", number=False)

    fake_os.runs.append(first)
    fake_os.resumes.append(resumed)
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Once."), turn.problem


def test_a_run_that_the_server_has_forgotten_ends_the_turn_and_keeps_the_text(fake_os: FakeOs, answer: Answer) -> None:
    def first(line: Line) -> None:
        line.event("RunStarted")
        line.words("Half of ")

    fake_os.runs.append(first)
    fake_os.resumes.append(lambda line: line.frame("error", error="not found in buffer or database"))
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.FAILED, "Half of ")
    assert turn.problem == "The server far ended its answer before the run was through. What had arrived is kept here."


def test_a_run_in_another_database_is_said_and_its_text_kept(fake_os: FakeOs, answer: Answer) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        line.words("Elsewhere.")
        line.event("RunCompleted")

    fake_os.runs.append(script)
    turn = answer()
    assert (turn.status, answer_so_far(turn), turn.run_id) == (Status.FAILED, "Elsewhere.", "")
    assert KEPT_ELSEWHERE in turn.problem


def test_a_session_that_the_server_does_not_know_is_not_run_there(fake_os: FakeOs, answer: Answer) -> None:
    fake_os.knows = False
    turn = answer()
    assert turn.status == Status.FAILED
    assert "does not know this session" in turn.problem
    assert fake_os.paths() == []


def test_a_run_that_fails_fails_the_turn(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        store(line, "no such model", "ERROR")
        line.event("RunError", content="no such model")

    fake_os.runs.append(script)
    turn = answer()
    assert (turn.status, turn.problem, turn.run_id) == (Status.FAILED, "no such model", str(turn.pk))


def test_a_failed_run_that_is_not_stored_is_told_all_the_same(fake_os: FakeOs, answer: Answer) -> None:
    fake_os.runs.append(lambda line: line.event("RunError", content="no such model"))
    turn = answer()
    assert (turn.status, turn.problem) == (Status.FAILED, "The run failed on the server far: no such model")


def test_a_run_that_pauses_waits(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        store(line, "I need confirmation.", "PAUSED")
        line.event("RunPaused")

    fake_os.runs.append(script)
    assert answer().status == Status.WAITING


@pytest.mark.parametrize(
    ("refuses", "words"),
    [
        ((401, {}, b'{"detail": "sk-very-secret is wrong"}'), "refuses the key. Check AGENTOS_REMOTE_FAR_KEY."),
        ((403, {}, b'{"detail": "Insufficient permissions"}'), "“Insufficient permissions”"),
        ((404, {}, b'{"detail": "Agent not found"}'), "does not know the agent trip-planner"),
        ((422, {}, b'{"detail": [{"msg": "Field required"}]}'), "“Field required”"),
        ((429, {}, b""), "takes no more requests now"),
        ((500, {}, b"<h1>Oh</h1>"), "failed (500). Send"),
        ((307, {"Location": "http://127.0.0.1:9/"}, b""), "to another address"),
        ((200, {"Content-Type": "text/html"}, b"<h1>Hello</h1>"), "no stream of events"),
        ((200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, b"\x1f\x8b"), "compresses"),
    ],
)
def test_each_refusal_fails_the_turn_with_a_sentence(
    fake_os: FakeOs, answer: Answer, refuses: tuple[int, dict[str, str], bytes], words: str
) -> None:
    fake_os.refuses["/runs"] = refuses
    turn = answer()
    assert turn.status == Status.FAILED
    assert words in turn.problem
    assert "sk-very-secret" not in turn.problem and fake_os.url not in turn.problem


def test_a_server_that_is_down_is_said_and_nobody_takes_its_place(
    fake_os: FakeOs, answer: Answer, store: Store
) -> None:
    def script(line: Line) -> None:
        store(line, "Up.")
        line.event("RunCompleted")

    fake_os.runs.append(script)
    assert answer().status == Status.COMPLETED
    fake_os.stop()
    turn = answer()
    assert (turn.status, turn.problem) == (Status.FAILED, "The server far cannot be reached. See that it runs.")
    assert turn.answering == ""


def test_garbage_is_left_out_and_counted(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        line.bytes(b": a comment\n\ndata: {broken\n\ndata: [1, 2]\n\nnonsense\n\n\xff\xfe\x00\n\n")
        line.bytes(b"event: RunContent\ndata: " + b'{"a":' * 5_000 + b"\n\n")
        line.frame("FutureEvent", run_id=line.run_id, anything={"goes": 1})
        line.frame("htmx:afterSwap", run_id=line.run_id, content="<script>alert(1)</script>")
        line.words("Still fine.")
        store(line, "Still fine.")
        line.event("RunCompleted")

    fake_os.runs.append(script)
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Still fine."), turn.problem
    assert notes_of(turn) == ["3 events of the server far could not be read and were left out."]


def test_an_event_of_ten_megabytes_is_taken_in_small(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        line.words("Fine.")
        store(line, "Fine.")
        line.event("RunCompleted", images=[{"content": "A" * 10_000_000}])

    fake_os.runs.append(script)
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Fine."), turn.problem


def test_an_event_beyond_all_bounds_ends_listening_not_the_run(
    fake_os: FakeOs, answer: Answer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MOST_EVENT", 100_000)

    def script(line: Line) -> None:
        line.event("RunStarted")
        line.words("Fine.")
        store(line, "Fine.")
        line.bytes(b"data: " + b"A" * 200_000)

    fake_os.runs.append(script)
    fake_os.resumes.extend([script] * 3)
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Fine."), turn.problem


def test_an_answer_without_end_is_stopped(fake_os: FakeOs, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_ANSWER", 100_000)

    def script(line: Line) -> None:
        line.event("RunStarted")
        while not line.gone.is_set():
            line.words("x" * 1_000)

    fake_os.runs.append(script)
    turn = answer()
    assert turn.status == Status.FAILED
    assert "The answer was stopped at" in turn.problem
    assert fake_os.cancelled.wait(3)


def test_a_server_that_goes_silent_is_given_up(fake_os: FakeOs, answer: Answer, settings: Any) -> None:
    settings.AGENTOS_REMOTE_TIMEOUT = 1.0

    def script(line: Line) -> None:
        line.event("RunStarted")
        line.words("Then ")
        line.gone.wait(5)

    fake_os.runs.append(script)
    fake_os.refuses["/resume"] = (503, {}, b"")
    began = time.monotonic()
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.FAILED, "Then ")
    assert "has not been heard of for 1 s" in turn.problem
    assert time.monotonic() - began < 8


def test_a_server_that_keeps_the_line_open_after_the_end_is_left(fake_os: FakeOs, answer: Answer, store: Store) -> None:
    def script(line: Line) -> None:
        line.words("Done.")
        store(line, "Done.")
        line.event("RunCompleted")
        while not line.gone.wait(0.05):
            line.bytes(b": still here\n\n")

    fake_os.runs.append(script)
    began = time.monotonic()
    turn = answer()
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Done.")
    assert time.monotonic() - began < 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("obeys", [True, False])
def test_a_turn_is_stopped_through_the_server(fake_os: FakeOs, answer: Answer, store: Store, obeys: bool) -> None:
    def script(line: Line) -> None:
        line.event("RunStarted")
        line.words("Working ")
        request_cancel(Turn.objects.get())
        connections.close_all()  # this thread's own
        fake_os.cancelled.wait(5)
        if obeys:
            store(line, "Working ", "CANCELLED")
            line.event("RunCancelled", reason="asked to")
            line.event("RunCompleted", content="Working ")
        else:
            while not line.gone.wait(0.05):
                line.words("on ")

    fake_os.runs.append(script)
    turn = answer()
    assert turn.status == Status.CANCELLED
    assert fake_os.cancelled.is_set()
    assert answer_so_far(turn).startswith("Working ")
    assert turn.problem == ("" if obeys else "The server far did not stop the run within 1 s; it may go on there.")


def test_a_choice_is_kept_and_held_to(fake_os: FakeOs, answer: Answer, fake_model: Any) -> None:
    turn = answer("[[say Alone.]]", answerer="rebuilt")
    assert (turn.status, answer_so_far(turn), turn.answerer) == (Status.COMPLETED, "Alone.", "rebuilt")
    assert fake_os.paths() == []
    for gone in ("remote:near", "registered"):
        turn = answer(answerer=gone)
        assert turn.status == Status.FAILED
        assert "is not configured any more" in turn.problem


def test_a_source_that_the_server_is_not_for_is_answered_here(
    fake_os: FakeOs, answer: Answer, fake_model: Any, settings: Any
) -> None:
    settings.AGENTOS_REMOTES += "?source=other"
    turn = answer("[[say Here.]]")
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Here."), turn.problem
    assert fake_os.log == []
