"""Whoever carries turns out is killed, with turns at every stage of their way: none is lost, none is doubled."""

import signal
import time
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

import httpx2
import pytest

from tests.faults.conftest import Install
from tests.faults.invariants import check
from tests.faults.place import Place, Process, Sent, wait_until

pytestmark = pytest.mark.sqlite_only  # where databases are is each test's own matter

ON = pytest.mark.parametrize("on", ["sqlite", "postgresql"])
WORDS = " ".join(f"word{number}" for number in range(60))
SAY = f"[[say {WORDS}]]"
# What the program promises for a turn whose runner has died.
INTERRUPTED_WITHIN = 15.0


class Stages:
    """Turns held at every stage, each in a session of its own, by what they wait for: the model, a tool, a lock."""

    sessions = ("line", "first-byte", "stream", "tool", "writing")

    def __init__(self, place: Place, locks: ExitStack) -> None:
        brain = place.model.brain
        brain.enqueue("*", {"match": "held-line", "content": WORDS, "chunk_delay": 0.5})
        brain.enqueue("*", {"match": "held-first", "content": WORDS, "delay": 60})
        brain.enqueue("*", {"match": "held-stream", "content": WORDS, "chunk_delay": 0.3})
        brain.enqueue("*", {"match": "held-tool", "tool_calls": [{"name": "dawdle"}]})
        self.ahead, self.queued = place.say("line", f"held-line {SAY}"), place.say("line", f"in line {SAY}")
        self.first = place.say("first-byte", f"held-first {SAY}")
        self.stream = place.say("stream", f"held-stream {SAY}")
        self.tool = place.say("tool", f"held-tool {SAY}")
        wait_until(lambda: "word1 " in self.stream.text and "word1 " in self.ahead.text)
        wait_until(lambda: any(kind == "step" for _, kind, _ in self.tool.events))
        wait_until(lambda: any("held-first" in str(asked["body"]) for asked in brain.log))
        # Writers wait within their transaction where the database lets readers on: everywhere.
        locks.enter_context(place.source.locked("LOCK TABLE ai.agno_runs IN SHARE ROW EXCLUSIVE MODE"))
        self.writing = place.say("writing", SAY)
        wait_until(lambda: self.writing.text == WORDS)
        if place.source.is_postgresql:
            blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%agno_runs%'"
            wait_until(lambda: bool(place.source.rows(blocked)))
        else:
            time.sleep(0.5)

    @property
    def cut(self) -> list[Sent]:
        """Those that are under way."""
        return [self.ahead, self.first, self.stream, self.tool, self.writing]


def kill_amid(place: Place, victim: Process) -> tuple[Stages, dict[str, str], float]:
    """Kill with turns at every stage; return them, what each had said by then, and when it was."""
    with ExitStack() as locks:
        stages = Stages(place, locks)
        assert [turn.status for turn in (*stages.cut, stages.queued)] == ["running"] * 5 + ["queued"]
        seen = {turn.session_id: turn.text for turn in stages.cut}
        victim.kill()
        return stages, seen, time.monotonic()


def check_cut(place: Place, stages: Stages, seen: dict[str, str], killed: float) -> None:
    """All that was cut off says so in time, keeps its text, and is sent again by one click, once."""
    for turn in stages.cut:
        wait_until(lambda: turn.has_ended, killed + INTERRUPTED_WITHIN - time.monotonic(), why=turn.session_id)  # noqa: B023  # called before the loop goes on
        assert turn.status == "interrupted"
        assert turn.text.startswith(seen[turn.session_id]) and WORDS.startswith(turn.text)
    place.gate.touch()
    wait_until(lambda: stages.queued.has_ended, 60)
    assert stages.queued.status == "completed"
    again = [turn.retry() for turn in stages.cut]
    assert [turn.retry().id for turn in stages.cut] == [turn.id for turn in again]
    for turn in again:
        wait_until(partial(getattr, turn, "has_ended"), 60)
        assert (turn.status, turn.text) == ("completed", WORDS)
    for cut, sent in zip(stages.cut, again, strict=True):
        check(place, [cut, *([stages.queued] if cut is stages.ahead else []), sent])


@ON
def test_a_worker_is_killed(install: Install, on: str) -> None:
    place = install(*Stages.sessions, on=on)
    place.start_web("worker")
    stages, seen, killed = kill_amid(place, place.start_worker())
    place.start_worker()
    check_cut(place, stages, seen, killed)


@ON
def test_a_web_process_that_carries_turns_out_is_killed(install: Install, on: str) -> None:
    place = install(*Stages.sessions, on=on)
    stages, seen, killed = kill_amid(place, place.start_web("thread"))
    place.start_web("thread")  # and nobody looks at any page of it
    check_cut(place, stages, seen, killed)


@ON
def test_a_worker_is_killed_between_storing_the_run_and_saying_so(install: Install, on: str) -> None:
    place = install("stored", on=on)
    place.start_web("worker")
    worker = place.start_worker()
    with ExitStack() as own, place.source.locked("SELECT 1 FROM ai.agno_sessions FOR UPDATE"):
        turn = place.say("stored", SAY)
        wait_until(lambda: turn.text == WORDS)
        time.sleep(0.3)  # it has said that it is alive, and waits for the source
        own.enter_context(turn.lock_row())
        held = own.pop_all()
    with held:
        wait_until(lambda: len(place.runs("stored")) == 2)
        assert turn.status == "running"
        worker.kill()
    killed = time.monotonic()
    wait_until(lambda: turn.has_ended, killed + INTERRUPTED_WITHIN - time.monotonic())
    assert turn.status == "completed"
    check(place, [turn])
    refused = place.post(f"/turns/{turn.id}/retry/")
    assert refused.status_code == 422 and "answered" in refused.text


@ON
def test_a_worker_that_was_taken_for_dead_and_comes_back_adds_nothing(install: Install, on: str) -> None:
    place = install("stream", "writing", on=on)
    place.start_web("worker")
    asleep = place.start_worker()
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.3})
    stream = place.say("stream", f"held {SAY}")
    wait_until(lambda: "word1 " in stream.text)
    asleep.signal(signal.SIGSTOP)
    wait_until(lambda: stream.has_ended, INTERRUPTED_WITHIN)
    place.start_worker()
    again = stream.retry()
    wait_until(lambda: again.has_ended, 60)
    asleep.signal(signal.SIGCONT)
    later = place.say("stream", SAY)
    wait_until(lambda: "was taken for dead" in asleep.said and later.has_ended)
    assert [stream.status, again.status, later.status] == ["interrupted", "completed", "completed"]
    check(place, [stream, again, later])


@ON
def test_an_answer_that_its_worker_took_along_is_gone_on_with(install: Install, on: str) -> None:
    place = install("stream", on=on)
    place.start_web("worker")
    worker = place.start_worker()
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.3})
    cut = place.say("stream", f"held {SAY}")
    wait_until(lambda: "word3 " in cut.text)
    worker.kill()
    place.start_worker()
    wait_until(lambda: cut.has_ended, INTERRUPTED_WITHIN + 5)
    place.model.brain.enqueue("*", {"match": "was cut off", "content": WORDS[len(cut.text) :]})
    whole = cut.retry(go_on="1")
    wait_until(lambda: whole.has_ended, 60)
    assert (cut.status, whole.status, whole.text) == ("interrupted", "completed", WORDS)
    assert [run.raw["content"] for run in place.runs("stream")][1:] == [WORDS]
    check(place, [cut, whole])


@ON
def test_the_web_process_is_killed_while_a_worker_answers(install: Install, on: str) -> None:
    place = install("stream", on=on)
    web = place.start_web("worker")
    place.start_worker()
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.1})
    turn = place.say("stream", f"held {SAY}")
    shown: list[tuple[int, str, str]] = []
    with pytest.raises(httpx2.HTTPError):
        for message in place.messages(turn.id):
            shown.append(message)
            if "word5 " in message[2] and web.is_alive():
                web.kill()
    place.start_web("worker")
    shown += place.messages(turn.id, after=shown[-1][0])
    answers = [data for _, name, data in shown if name == "answer"]
    assert all(len(earlier) <= len(later) for earlier, later in pairwise(answers))
    assert WORDS in answers[-1] and shown[-1][1:] == ("done", "completed")
    check(place, [turn])
