"""`manage.py worker`: real processes carry turns out, stop gracefully, and die without taking a turn along."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from pytest_django import Settings

from agentos.catalog.models import CatalogSession
from agentos.db.sources import Source, use_sources
from agentos.moderation.models import Case, Flag, FlagRule
from agentos.turns.log import STALE, answer_so_far
from agentos.turns.models import Turn
from agentos.turns.service import retry, submit, sweep_orphans
from agentos.turns.states import Status
from tests.integration.turns.conftest import AGENT, TEAM, runs_of

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]

Worker = subprocess.Popen[str]
Start = Callable[..., Worker]


@pytest.fixture
def source(corpus_file: Any, settings: Settings) -> Iterator[Source]:
    settings.AGENTOS_TURNS = "worker"
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


@pytest.fixture
def start(source: Source, fake_model: Any) -> Iterator[Start]:
    """Call it to start a worker on the test's own database; it is ready when the call returns."""
    workers: list[Worker] = []

    def started(*args: str) -> Worker:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker", *args],
            cwd=ROOT, env=environment(source, fake_model.url),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        workers.append(worker)
        assert worker.stdout and "is ready" in worker.stdout.readline()
        return worker

    yield started
    for worker in workers:
        worker.kill()
        worker.wait()
        assert worker.stdout
        worker.stdout.close()


def environment(source: Source, model: str) -> dict[str, str]:
    url = f"sqlite:///{connection.settings_dict['NAME']}"
    if connection.vendor == "postgresql":
        own = connection.get_connection_params()
        url = f"postgresql://{own['user']}@/{own['dbname']}?host={quote(own['host'], safe='')}"
    return {
        **{key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        "DATABASE_URL": url,
        "AGENTOS_SOURCES": f"lab=sqlite:///{source.path}",
        "OPENAI_API_KEY": "only-for-tests",
        "OPENAI_BASE_URL": model,
    }


def say(message: str, session_id: str = AGENT) -> Turn:
    return submit("lab", session_id, message, user=None, idempotency_key=uuid.uuid4().hex)


def wait_until(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def has_ended(turn: Turn) -> bool:
    turn.refresh_from_db()
    return not turn.is_active


def has_said_something(turn: Turn) -> bool:
    return bool(answer_so_far(turn))


def test_the_web_process_leaves_turns_to_workers(start: Start) -> None:
    turn = say("[[say from a worker]]")
    time.sleep(0.3)
    sweep_orphans()
    turn.refresh_from_db()
    assert turn.status == Status.QUEUED
    start()
    wait_until(lambda: has_ended(turn))
    assert (turn.status, turn.run_id) == (Status.COMPLETED, str(turn.pk))


def test_several_workers_share_the_turns_and_keep_each_sessions_order(start: Start, source: Source) -> None:
    start()
    start()
    turns = [say(f"[[say {number}]]", session) for number in range(4) for session in (AGENT, TEAM)]
    for turn in turns:
        wait_until(partial(has_ended, turn), 60)
    assert {turn.status for turn in turns} == {Status.COMPLETED}
    for session in (AGENT, TEAM):
        asked = [str(turn.pk) for turn in turns if turn.session_id == session]
        stored = Counter(run.run_id for run in runs_of(source, session))
        assert [run.run_id for run in runs_of(source, session) if run.run_id in asked] == asked
        assert all(stored[run_id] == 1 for run_id in asked)


def test_a_killed_worker_leaves_an_interrupted_turn_that_another_one_answers(start: Start, source: Source) -> None:
    worker, before = start(), len(runs_of(source, AGENT))
    turn = say("[[slow 0.3]] [[say one two three four five six seven eight nine ten and so on for long]]")
    wait_until(lambda: has_said_something(turn))
    worker.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    start()
    wait_until(lambda: has_ended(turn), 20)
    assert time.monotonic() - killed < 15
    assert (turn.status, len(runs_of(source, AGENT))) == (Status.INTERRUPTED, before)
    assert answer_so_far(turn).startswith("one")
    again = retry(turn, None)
    wait_until(lambda: has_ended(again), 30)
    assert (again.status, len(runs_of(source, AGENT))) == (Status.COMPLETED, before + 1)


def test_told_to_stop_it_finishes_what_it_began_and_begins_nothing(start: Start) -> None:
    worker = start("--grace", "20")
    turn = say("[[slow 0.2]] [[say one two three four five six]]")
    wait_until(lambda: has_said_something(turn))
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    later = say("[[say later]]", TEAM)
    assert worker.wait(20) == 0
    assert has_ended(turn) and turn.status == Status.COMPLETED
    later.refresh_from_db()
    assert later.status == Status.QUEUED
    assert worker.stdout and "Stopped." in worker.stdout.read()


def test_without_grace_it_says_at_once_what_it_cut_off(start: Start) -> None:
    worker = start("--grace", "0")
    turn = say("[[slow 0.4]] [[say one two three four five six seven eight nine ten]]")
    wait_until(lambda: has_said_something(turn))
    worker.send_signal(signal.SIGINT)
    assert worker.wait(10) == 0
    turn.refresh_from_db()
    assert turn.status == Status.INTERRUPTED
    assert worker.stdout and "1 turns were interrupted" in worker.stdout.read()
    assert STALE.total_seconds() < 15


def test_a_stop_reaches_a_turn_in_another_process(start: Start) -> None:
    start()
    turn = say("[[slow 0.4]] [[say one two three four five six seven eight nine ten eleven twelve]]")
    wait_until(lambda: has_said_something(turn))
    Turn.objects.filter(pk=turn.pk).update(cancel_requested=True)
    wait_until(lambda: has_ended(turn), 10)
    assert turn.status == Status.CANCELLED


def test_rules_flag_while_nobody_looks_at_a_page_and_once(start: Start, source: Source, flag_reasons: None) -> None:
    """Two workers look at the same sessions; each session that matches has one flag of the rule, and one case."""
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    rule = FlagRule.objects.create(
        name="Lisbon", query="user:alice@example.com", reason="Possible fraud", seen_until=beginning, actor="mia"
    )
    start()
    start()

    def matching() -> int:
        return CatalogSession.objects.filter(user_id="alice@example.com").count()

    wait_until(lambda: 0 < matching() == Flag.objects.filter(rule=rule).count(), 60)
    assert Case.objects.count() == matching()
    assert not Flag.objects.exclude(rule=rule).exists()
