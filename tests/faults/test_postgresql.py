"""PostgreSQL goes away, with our own tables and the sessions in it, and comes back: all wait, nothing is lost."""

import time
from functools import partial

import pytest

from tests.faults.conftest import Install, PostgresOfItsOwn
from tests.faults.invariants import check
from tests.faults.place import Place, Sent, wait_until

pytestmark = pytest.mark.sqlite_only  # where databases are is each test's own matter

WORDS = " ".join(f"word{number}" for number in range(60))
SAY = f"[[say {WORDS}]]"
SESSIONS = ("line", "first-byte", "stream", "tool", "writing")


def under_way(place: Place) -> list[Sent]:
    """Have turns at every stage of their way."""
    brain = place.model.brain
    brain.enqueue("*", {"match": "held-line", "content": WORDS, "chunk_delay": 0.1})
    brain.enqueue("*", {"match": "held-first", "content": WORDS, "delay": 6})
    brain.enqueue("*", {"match": "held-stream", "content": WORDS, "chunk_delay": 0.3})
    brain.enqueue("*", {"match": "held-tool", "tool_calls": [{"name": "dawdle"}]})
    names = ("held-line", "held-first", "held-stream", "held-tool")
    turns = [place.say(session, f"{name} {SAY}") for session, name in zip(SESSIONS, names, strict=False)]
    turns.append(place.say("line", f"in line {SAY}"))
    wait_until(lambda: all("word1 " in turn.text for turn in (turns[0], turns[2])))
    wait_until(lambda: any(kind == "step" for _, kind, _ in turns[3].events))
    return turns


@pytest.mark.parametrize(("turns", "seconds"), [("thread", 1), ("worker", 14)])
def test_the_server_is_killed_and_comes_back(
    install: Install, postgres: PostgresOfItsOwn, turns: str, seconds: int
) -> None:
    place = install(*SESSIONS, on="postgresql")
    place.start_web(turns)
    if turns == "worker":
        place.start_worker()
    sent = under_way(place)
    with place.source.locked("LOCK TABLE ai.agno_runs IN SHARE ROW EXCLUSIVE MODE"):
        writing = place.say("writing", SAY)
        blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%agno_runs%'"
        wait_until(lambda: bool(place.source.rows(blocked)))
        seen = {turn.id: turn.text for turn in (*sent, writing)}
        postgres.kill()
    time.sleep(seconds)
    place.gate.touch()
    postgres.start()
    for turn in (*sent, writing):
        wait_until(partial(getattr, turn, "has_ended"), 60)
        assert turn.text.startswith(seen[turn.id])
        assert (turn.status, turn.text) == ("completed", WORDS), turn.problem
    ahead, first, stream, tool, behind = sent
    for session in ([ahead, behind], [first], [stream], [tool], [writing]):
        check(place, session)
