"""Sessions as nobody should write them: each gets a row, none keeps the others out of the catalog."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.keeping import keep_fresh
from agentos.catalog.models import CatalogRun, CatalogSession, SourceState
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.catalog.windows import find_run
from agentos.db.reader import Reader
from agentos.db.sources import Source, SourceUnavailable, get_source
from agentos.records import Session

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
SESSION = "run-errors"
HUGE = 2**62


def nested(depth: int) -> dict[str, Any]:
    run: dict[str, Any] = {"run_id": "leaf", "agent_id": "a"}
    for at in range(depth):
        run = {"run_id": f"n{at}", "team_id": "a", "member_responses": [run]}
    return run


RUNS: dict[str, list[dict[str, Any]]] = {
    "sums beyond 64 bits": [
        {"run_id": f"r{at}", "agent_id": "a", "metrics": {"total_tokens": HUGE, "cost": 1e308, "duration": 1e308}}
        for at in range(4)
    ],
    "NUL and surrogates": [
        {"run_id": "r\0x", "agent_id": "a\0", "agent_name": "\ud800", "status": "O\0K", "model": "\0",
         "content": "\0\ud800", "parent_run_id": "\0", "tools": [{"tool_name": "a\0b"}, {"tool_name": "\udfff"}]},
    ],
    "absurd times": [
        {"run_id": "r", "agent_id": "a", "created_at": 10**30},
        {"run_id": "s", "agent_id": "a", "created_at": -5},
        {"run_id": "t", "agent_id": "a", "created_at": 1.5e300},
    ],
    "long texts": [
        {"run_id": "r" * 20_000, "agent_id": "é" * 20_000, "agent_name": "n" * 20_000, "status": "S" * 9000,
         "model": "m" * 9999, "tools": [{"tool_name": "é" * 5000}]},
    ],
    "parents in a circle": [
        {"run_id": "a", "agent_id": "x", "parent_run_id": "b"},
        {"run_id": "b", "agent_id": "x", "parent_run_id": "a"},
        {"run_id": "a", "agent_id": "x"},
    ],
    "members without ids": [
        {"run_id": "t", "team_id": "x", "member_responses": [
            {"run_id": "t", "agent_id": "y"}, {"agent_id": "n"}, {"run_id": "m", "agent_id": "z", "parent_run_id": "m"},
            {"run_id": "q", "team_id": "z", "member_responses": [{"run_id": "m", "agent_id": "k"}, {"agent_id": "n"}]},
        ]},
    ],
    "nested 400 deep": [nested(400)],
}  # fmt: skip


def change(path: Path, sql: str, *params: Any) -> None:
    with sqlite3.connect(path) as database:
        database.execute(sql, params)
    database.close()


@pytest.mark.parametrize("which", list(RUNS))
@pytest.mark.parametrize("file", ["agno-v2.db", "agno-v3.db"])
def test_runs(file: str, which: str, corpus_file: Callable[[str], Path], sources: Open) -> None:
    path = corpus_file(file)
    if file == "agno-v2.db":
        change(path, "UPDATE agno_sessions SET runs = ? WHERE session_id = ?", json.dumps(RUNS[which]), SESSION)
    else:
        change(path, "DELETE FROM agno_runs WHERE session_id = ?", SESSION)
        for at, run in enumerate(RUNS[which]):
            columns = "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
            change(path, f"{columns} VALUES (?, ?, 'agent', ?, ?, 1)", f"row{at}", SESSION, at, json.dumps(run))
    [source] = sources(f"lab=sqlite:///{path}")

    report = refresh_source(source)

    assert (report.problem, report.failed, report.done) == ("", 0, True)
    row = CatalogSession.objects.one("lab", SESSION)
    assert row is not None
    runs = list(CatalogRun.objects.filter(session=row).order_by("ordinal"))
    assert [run.ordinal for run in runs] == list(range(len(runs)))
    assert row.forest_run_count == len(runs) >= row.run_count
    assert all(run.run_id is None or find_run(row, run.run_id) is not None for run in runs)
    assert refresh_source(source).changed == 0


@pytest.mark.parametrize(
    "session_id", ["nul\0inside", "\0", "", "long\0" + "y" * 500, "\ufffe", "\ufffe0000", "é" * 9000]
)
def test_a_session_id_with_anything_in_it_opens(
    session_id: str, corpus_file: Callable[[str], Path], sources: Open
) -> None:
    path = corpus_file("agno-v3.db")
    columns = "INSERT INTO agno_sessions (session_id, session_type, user_id, created_at)"
    change(path, f"{columns} VALUES (?, 'agent', ?, 5)", session_id, session_id)
    [source] = sources(f"lab=sqlite:///{path}")

    while not refresh_source(source, budget=0).done:
        pass

    row = CatalogSession.objects.get(created_at=5)
    assert (row.session_id, row.user_id) == (session_id, session_id)
    assert refresh_session(source, row.session_id) == row
    assert refresh_source(source).removed == 0


@pytest.mark.parametrize(
    ("created_at", "updated_at", "expected"),
    [
        (1_790_000_000_000, None, (1_790_000_000, 1_790_000_000)),
        (1_790_000_000, 1_790_000_005_000, (1_790_000_000, 1_790_000_005)),
        (-5, 0, (-5, -5)),
        (2**63 - 1, -(2**63), (0, 0)),
        ("soon", "later", (0, 0)),
        (1.5e300, float("inf"), (0, 0)),
        (9_000_000_000, None, (9_000_000_000, 9_000_000_000)),
    ],
)
def test_times(
    created_at: Any, updated_at: Any, expected: tuple[int, int], corpus_file: Callable[[str], Path], sources: Open
) -> None:
    path = corpus_file("agno-v3.db")
    sql = "UPDATE agno_sessions SET created_at = ?, updated_at = ? WHERE session_id = ?"
    change(path, sql, created_at, updated_at, SESSION)
    [source] = sources(f"lab=sqlite:///{path}")

    refresh_source(source)

    row = CatalogSession.objects.one("lab", SESSION)
    assert row is not None and (row.created_at, row.updated_at) == expected


@pytest.fixture
def lab(corpus_file: Callable[[str], Path], sources: Open) -> Source:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    return source


def fail_for(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    read = Reader.sessions

    def sessions(self: Reader, session_ids: Sequence[str]) -> list[Session]:
        if SESSION in session_ids:
            raise error
        return read(self, session_ids)

    monkeypatch.setattr(Reader, "sessions", sessions)


def test_a_session_that_makes_us_stumble_says_so_and_stops_nothing(
    lab: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh_source(lab)
    before = CatalogSession.objects.one("lab", SESSION)
    CatalogSession.objects.filter(source="lab").update(mark="old")
    SourceState.objects.update(pulse="")
    fail_for(monkeypatch, RuntimeError("no such thing was thought of"))

    report = refresh_source(lab)

    assert (report.failed, report.problem, report.done) == (1, "", True)
    row = CatalogSession.objects.one("lab", SESSION)
    assert before is not None and row is not None
    assert "cannot be read" in row.problem
    assert (row.title, row.run_count) == (before.title, before.run_count)
    SourceState.objects.update(pulse="")
    assert refresh_source(lab).changed == 0


def test_a_session_that_the_source_does_not_give_is_tried_twice(lab: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "A question took too long and was stopped."
    fail_for(monkeypatch, SourceUnavailable(sentence))

    first, second, third = (refresh_source(lab) for _ in range(3))

    assert (first.failed, second.changed, second.failed, third.changed) == (1, 1, 1, 0)
    row = CatalogSession.objects.one("lab", SESSION)
    assert row is not None and row.problem == sentence and row.created_at > 0
    assert SourceState.objects.get(source="lab").problem == ""


def test_what_the_source_gives_again_has_no_problem_any_more(lab: Source) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fail_for(patch, SourceUnavailable("It is locked."))
        refresh_source(lab)

    assert keep_fresh(budget=20)[0].problem == ""
    SourceState.objects.update(checked_at=None)
    keep_fresh(budget=20)

    row = CatalogSession.objects.one("lab", SESSION)
    assert row is not None and row.problem == "" and row.title
    assert get_source("lab") == lab
