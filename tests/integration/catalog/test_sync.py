"""The catalog holds what the sources hold: of every corpus database, and after every kind of change by others."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.keeping import keep_fresh
from agentos.catalog.models import CatalogRun, CatalogSession, SourceState
from agentos.catalog.sync import rebuild, refresh_session, refresh_source
from agentos.db.sources import Source, get_source
from tests.conftest import PG_DUMPS, SQLITE_FILES
from tests.corpus import texts, write

pytestmark = pytest.mark.django_db
COUNTS = (
    "run_count", "forest_run_count", "top_level_run_count", "message_count", "own_message_count",
    "tool_call_count", "tool_calls_by_name", "tool_error_count",
)  # fmt: skip
Open = Callable[[str], list[Source]]


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    """A table-layout database as the source `lab`; returns its path."""
    path: Path = corpus_file("agno-v3.db")
    sources(f"lab=sqlite:///{path}")
    return path


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_equals_the_manifest(
    name: str,
    manifest: dict[str, Any],
    sources: Open,
    corpus_file: Callable[[str], Path],
    pg_corpus: Callable[[str], str],
) -> None:
    url = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for _, text, expected in texts(name, url, manifest[name]["sessions"]):
        [source] = sources(text)

        report = refresh_source(source)

        assert (report.problem, report.done, report.changed) == ("", True, len(expected))
        for session in expected:
            assert_equals(source, session)


def assert_equals(source: Source, expected: dict[str, Any]) -> None:
    row = CatalogSession.objects.one(source.name, expected["session_id"])
    assert row is not None
    assert {name: getattr(row, name) for name in COUNTS} == {name: expected[name] for name in COUNTS}
    assert (row.session_name, row.user_id, row.has_summary) == (
        expected["session_name"], expected["user_id"], expected["has_summary"],
    )  # fmt: skip
    assert row.topics == (expected["topics"] or [])
    assert (row.created_at, row.updated_at) == (expected["created_at"], expected["updated_at"])
    tokens = {f"{name}_tokens": getattr(row, f"{name}_tokens") or 0 for name in ("input", "output", "total")}
    assert tokens == {key: expected["run_tokens_sum"][key] for key in tokens}
    stored = CatalogRun.objects.filter(session=row, stored=True).order_by("position")
    assert [run.status for run in stored] == [status or "" for status in expected["statuses"]]
    assert [(run.run_id, run.kind, run.component_id, run.parent_run_id, run.model) for run in stored] == [
        (run["run_id"], run["kind"], run["component_id"], run["parent_run_id"], run["model"])
        for run in expected["runs"]
    ]


def test_a_second_pass_finds_nothing_to_do(lab: Path) -> None:
    os.utime(lab, (1_790_000_000, 1_790_000_000))
    refresh_source(get_source("lab"))

    again = refresh_source(get_source("lab"))

    assert (again.seen, again.changed, again.done) == (0, 0, True)


def test_what_is_written_in_the_same_tick_of_the_clock_is_found(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, now = get_source("lab"), 1_790_000_000
    os.utime(lab, (now, now))
    clock = itertools.count(now * 10**9)
    monkeypatch.setattr("agentos.db.pulse.time.time_ns", lambda: next(clock))
    refresh_source(source)
    write(lab, "UPDATE agno_sessions SET user_id = 'eve' WHERE session_id = 'many-runs'")
    os.utime(lab, (now, now))

    refresh_source(source)

    assert CatalogSession.objects.filter(session_id="many-runs", user_id="eve").exists()


def test_follows_a_rename_a_new_run_and_a_deletion(lab: Path) -> None:
    source = get_source("lab")
    refresh_source(source)
    rename = "UPDATE agno_sessions SET session_data = json_set(session_data, '$.session_name', ?) WHERE session_id = ?"
    write(lab, rename, "A new name", "tools-trouble-01")
    columns = "session_id, run_type, agent_id, user_id, status, run_index, created_at, updated_at"
    write(
        lab,
        f"INSERT INTO agno_runs (run_id, run_data, {columns})"
        f" SELECT 'brand-new', json_set(run_data, '$.run_id', 'brand-new'), {columns} FROM agno_runs"
        " WHERE session_id = 'many-runs' LIMIT 1",
    )
    write(lab, "DELETE FROM agno_sessions WHERE session_id = 'run-errors'")

    report = refresh_source(source)

    assert (report.changed, report.removed) == (2, 1)
    renamed = CatalogSession.objects.one("lab", "tools-trouble-01")
    assert renamed is not None and renamed.title == "A new name"
    assert CatalogRun.objects.filter(run_id="brand-new", session__session_id="many-runs").exists()
    assert CatalogSession.objects.one("lab", "run-errors") is None


def test_an_unchanged_run_is_not_read_again(lab: Path) -> None:
    source = get_source("lab")
    refresh_source(source)
    before = set(CatalogRun.objects.filter(session__session_id="many-runs").values_list("pk", flat=True))
    write(lab, "UPDATE agno_runs SET updated_at = updated_at + 1, status = 'ERROR' WHERE run_index = 3")

    refresh_session(source, "many-runs")

    after = set(CatalogRun.objects.filter(session__session_id="many-runs").values_list("pk", flat=True))
    assert len(before - after) == 1 and len(after) == len(before)


def test_goes_on_where_it_stopped(lab: Path) -> None:
    source = get_source("lab")
    slices = 0
    while not refresh_source(source, budget=0).done:
        slices += 1
        assert slices < 200

    assert slices > 3
    state = SourceState.objects.get(source="lab")
    assert state.is_complete and state.indexed_count == state.session_count == CatalogSession.objects.count()


def test_a_source_that_is_down_says_so_and_keeps_its_rows(lab: Path, sources: Open) -> None:
    refresh_source(get_source("lab"))
    count = CatalogSession.objects.count()
    lab.rename(lab.with_suffix(".gone"))

    report = refresh_source(get_source("lab"))

    assert report.problem
    assert SourceState.objects.get(source="lab").problem == report.problem
    assert CatalogSession.objects.count() == count


def test_one_source_down_does_not_stop_the_others(corpus_file: Callable[[str], Path], sources: Open) -> None:
    sources(f"gone=sqlite:////nowhere/agno.db, lab=sqlite:///{corpus_file('agno-v2.0.db')}")

    states = {state.source: state for state in keep_fresh(budget=20)}

    assert states["gone"].problem and not states["lab"].problem
    assert CatalogSession.objects.of_source("lab").count() == 4


def test_a_leased_source_is_left_alone(lab: Path) -> None:
    from agentos.catalog.sync import _lease

    source = get_source("lab")
    assert _lease(source) is not None

    assert refresh_source(source).seen == 0


def test_rebuild_makes_the_same_catalog(lab: Path) -> None:
    source = get_source("lab")
    refresh_source(source)
    fields = [
        field.attname for field in CatalogSession._meta.fields if field.name not in ("id", "indexed_at", "seen_pass")
    ]
    before = list(CatalogSession.objects.order_by("session_key").values_list(*fields))

    rebuild(source)
    refresh_source(source)

    assert list(CatalogSession.objects.order_by("session_key").values_list(*fields)) == before


@pytest.mark.parametrize(
    "runs", ["{trunc", '"text"', "42", "null", "[null, 1, []]", "[" * 5000, '[{"agent_id": 5, "run_id": 7}]', "[NaN]"]
)
def test_a_malformed_row_stops_nothing(runs: str, corpus_file: Callable[[str], Path], sources: Open) -> None:
    path = corpus_file("agno-v2.db")
    write(path, "UPDATE agno_sessions SET runs = ? WHERE session_id = 'run-errors'", runs)
    [source] = sources(f"lab=sqlite:///{path}")

    report = refresh_source(source)

    assert report.problem == "" and report.done
    row = CatalogSession.objects.one("lab", "run-errors")
    assert row is not None and row.title is not None


def test_ids_of_any_length_and_script(lab: Path) -> None:
    odd = ["x" * 10_000, "0", "a/../b?#%2f", "__proto__", "é́ ‮", "\u2028"]
    for session_id in odd:
        write(lab, "INSERT INTO agno_sessions (session_id, session_type, created_at) VALUES (?, 'agent', ?)",
               session_id, 1_790_000_000_000)  # fmt: skip
    refresh_source(get_source("lab"))

    for session_id in odd:
        row = CatalogSession.objects.one("lab", session_id)
        assert row is not None and row.session_id == session_id
        assert row.created_at == 1_790_000_000
