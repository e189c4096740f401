"""Every session of every corpus database reads as real Agno's own objects read it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.db.reader import Reader, RunStub
from agentos.db.sources import Source, use_sources
from agentos.records import BadRun, Run, tally
from tests.conftest import PG_DUMPS, SQLITE_FILES

pytestmark = pytest.mark.django_db
COUNTS = (
    "run_count", "forest_run_count", "top_level_run_count", "statuses", "message_count", "own_message_count",
    "forest_own_message_count", "tool_call_count", "tool_calls_by_name", "tool_error_count", "run_tokens_sum",
)  # fmt: skip


@pytest.fixture(params=[*SQLITE_FILES, *PG_DUMPS])
def database(
    request: pytest.FixtureRequest,
    manifest: dict[str, Any],
    corpus_file: Callable[[str], Path],
    pg_corpus: Callable[[str], str],
) -> tuple[str, list[dict[str, Any]]]:
    """A corpus database's URL and what the manifest says of its sessions."""
    name = request.param
    url = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    return url, manifest[name]["sessions"]


def read_each(database: tuple[str, list[dict[str, Any]]]) -> Iterator[tuple[Reader, dict[str, Any]]]:
    """Yield each session's entry in the manifest with a reader of the source that it is in."""
    url, sessions = database
    for session in sessions:
        tables = session["tables"]
        parts = {"session_table": tables["session_table"], "schema": tables.get("schema")}
        query = "&".join(f"{key}={value}" for key, value in parts.items() if value)
        with use_sources(f"corpus={url}{'&' if '?' in url else '?'}{query}") as [source]:
            yield Reader(source), session


def test_counts_and_order(database: tuple[str, list[dict[str, Any]]]) -> None:
    for reader, expected in read_each(database):
        runs = reader.all_runs(expected["session_id"])

        counted = tally(runs)
        assert {key: getattr(counted, key) for key in COUNTS} == {key: expected[key] for key in COUNTS}
        assert [run.run_id for run in only_runs(runs)] == [run["run_id"] for run in expected["runs"]]


def test_session_columns(database: tuple[str, list[dict[str, Any]]]) -> None:
    columns = "session_type user_id agent_id team_id workflow_id created_at updated_at session_name metadata".split()
    for reader, expected in read_each(database):
        session = reader.session(expected["session_id"])

        assert session is not None
        assert {name: getattr(session, name) for name in columns} == {name: expected[name] for name in columns}
        assert (session.session_state or {}) == (expected["session_state"] or {})
        assert "runs" not in session.raw


def test_stubs_agree_with_runs(database: tuple[str, list[dict[str, Any]]]) -> None:
    for reader, expected in read_each(database):
        runs = only_runs(reader.all_runs(expected["session_id"]))
        stubs = reader.run_stubs(expected["session_id"])

        assert [(stub.position, stub.run_id, stub.run_type, stub.parent_run_id, stub.status) for stub in stubs] == [
            (position, run.run_id, run.kind, run.parent_run_id, run.status) for position, run in enumerate(runs)
        ]
        assert all(stub.size > 0 for stub in stubs)
        # A row keeps the time at which its run was first stored; the run inside may have gone on since.
        assert all(created_at_agrees(stub, run) for stub, run in zip(stubs, runs, strict=True))


def test_windows_equal_slices(database: tuple[str, list[dict[str, Any]]]) -> None:
    for reader, expected in read_each(database):
        session_id = expected["session_id"]
        runs = [run.raw for run in reader.all_runs(session_id)]

        for start in range(0, len(runs), 3):
            positions = list(range(start, min(start + 3, len(runs))))
            assert [run.raw for run in reader.runs(session_id, positions)] == runs[start : start + 3]
        assert [run.raw for run in reader.runs(session_id, list(reversed(range(len(runs)))))] == runs[::-1]
        assert [run.raw for run in reader.iter_runs(session_id, batch=2)] == runs


def test_stamps_page_through_all_sessions(database: tuple[str, list[dict[str, Any]]]) -> None:
    url, sessions = database
    expected = {s["session_id"]: s for s in sessions if s["tables"]["session_table"] == "agno_sessions"}
    with use_sources(f"corpus={url}") as [source]:
        found = all_stamps(source, limit=7)

        assert [stamp.session_id for stamp in Reader(source).stamps(limit=1000)] == [
            stamp.session_id for stamp in found
        ]
        assert {stamp.session_id for stamp in found} == expected.keys()
        for stamp in found:
            assert stamp == Reader(source).stamp(stamp.session_id)
            assert (stamp.created_at, stamp.updated_at) == (
                expected[stamp.session_id]["created_at"], expected[stamp.session_id]["updated_at"],
            )  # fmt: skip
            assert stamp.run_count_hint in (None, expected[stamp.session_id]["run_count"])


def all_stamps(source: Source, limit: int) -> list[Any]:
    found: list[Any] = []
    while page := Reader(source).stamps(after=found[-1].session_id if found else None, limit=limit):
        found += page
    return found


def only_runs(runs: list[Run | BadRun]) -> list[Run]:
    assert all(isinstance(run, Run) for run in runs)
    return [run for run in runs if isinstance(run, Run)]


def created_at_agrees(stub: RunStub, run: Run) -> bool:
    assert stub.created_at is not None
    created_at = run.raw["created_at"]
    return stub.created_at == created_at or (stub.place == "row" and stub.created_at < created_at)


def test_results_held_apart_are_found_by_their_own_session_alone(database: tuple[str, list[dict[str, Any]]]) -> None:
    for reader, expected in read_each(database):
        for run in only_runs(reader.all_runs(expected["session_id"])):
            for call in run.tool_calls:
                if (apart := call.held_apart) is None:
                    continue
                found = reader.held_apart(expected["session_id"], apart.result_id)
                assert found is not None and len(found[0]) == found[1] > len(call.result or "")
                assert reader.held_apart(expected["session_id"], apart.result_id, 10) == (found[0][:10], found[1])
                assert reader.held_apart("another session", apart.result_id) is None
        assert reader.held_apart(expected["session_id"], "res_none") is None
        assert reader.approvals(expected["session_id"], ["none", "a\0b"]) == {}


def test_approvals_are_those_of_the_session(database: tuple[str, list[dict[str, Any]]]) -> None:
    for reader, expected in read_each(database):
        if expected["session_id"] == "approval-pending":
            tools = [tool for run in only_runs(reader.all_runs("approval-pending")) for tool in run.tools]
            ids = [tool.approval_id for tool in tools if tool.approval_id]
            found = reader.approvals("approval-pending", ids)
            assert ids and {one.status for one in found.values()} == {"pending"}
            assert reader.approvals("another session", ids) == {}
