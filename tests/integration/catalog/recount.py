"""The sums by day, thing and hour, counted anew in Python from the catalog's rows."""

from collections import Counter
from typing import Any

import pytest

from agentos.catalog.figures import KINDS, key_of
from agentos.catalog.hours import HOUR, bucket_of
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.rollup_models import CatalogDay, CatalogHour, CatalogThing, Sums


def place(value: int, length: int) -> int:
    """As SQL divides: towards zero."""
    return int(value / length)


def known(values: list[Any]) -> Any:
    found = [value for value in values if value is not None]
    return sum(found) if found else None


def recounted(kind: str) -> dict[tuple[int, str], Counter[str]]:
    """Count in Python what the kept sums of a kind are, as far as they are whole numbers."""
    found: dict[tuple[int, str], Counter[str]] = {}
    for session in CatalogSession.objects.all():
        runs = [run for run in CatalogRun.objects.filter(session=session) if run.kind != "bad"]
        for key, sums in shares(kind, session, runs).items():
            entry = found.setdefault((place(session.updated_at, 86_400), key), Counter())
            entry.update({"sessions": 1, "failed_sessions": session.error_count > 0} | sums)
    return found


def shares(kind: str, session: CatalogSession, runs: list[CatalogRun]) -> dict[str, dict[str, int]]:
    """What one session adds, by key."""
    if kind == "tool":
        failed = session.tool_failures
        return {
            key_of(index_key(name)): {"calls": calls, "failed_calls": failed.get(name, 0)}
            for name, calls in session.tool_calls_by_name.items()
        }
    if kind == "health":
        return {key_of(mark): {"failed_sessions": 0} for mark in session.health}
    if kind == "model":
        models = {run.model for run in runs if run.model} | ({session.model} if session.model else set())
        return {
            key_of(index_key(model)): {
                "runs": sum(run.model == model for run in runs),
                "failed_runs": sum(run.model == model and run.status == "ERROR" for run in runs),
                "tokens": sum(run.total_tokens or 0 for run in runs if run.model == model),
                "cost_unknown": sum(run.model == model and run.cost is None for run in runs),
            }
            for model in models
        }
    keys = {
        "user": key_of(session.user_key),
        "component": key_of(session.session_type, session.component_key),
        "all": key_of(),
    }
    sums = {
        "runs": session.top_level_run_count,
        "calls": session.tool_call_count,
        "failed_calls": session.tool_error_count,
        "tokens": session.total_tokens or 0,
        "cost_unknown": int(bool(session.forest_run_count) and session.cost is None),
        "stored_bytes": session.stored_bytes,
    }
    return {keys[kind]: sums}


def assert_exact() -> None:
    """Hold every kept sum to the count."""
    for kind in KINDS:
        expected = recounted(kind)
        kept = {(row.day, row.key): row for row in CatalogDay.objects.filter(kind=kind)}
        assert kept.keys() == expected.keys()
        totals: dict[str, Counter[str]] = {}
        for (day, key), sums in expected.items():
            assert_equal(kept[day, key], sums)
            totals.setdefault(key, Counter()).update(sums)
        things = {thing.key: thing for thing in CatalogThing.objects.filter(kind=kind)}
        assert things.keys() == totals.keys()
        for key, sums in totals.items():
            assert_equal(things[key], sums)
    assert_hours_exact()


def assert_equal(row: Sums, sums: Counter[str]) -> None:
    assert {name: getattr(row, name) or 0 for name in sums} == dict(sums)


def assert_hours_exact() -> None:
    runs = [run for run in CatalogRun.objects.exclude(kind="bad") if run.created_at is not None]
    by_hour: dict[int, list[CatalogRun]] = {}
    for run in runs:
        by_hour.setdefault(place(run.created_at or 0, HOUR), []).append(run)
    kept = {row.hour: row for row in CatalogHour.objects.all()}
    assert kept.keys() == by_hour.keys()
    for hour, among in by_hour.items():
        roots = [run for run in among if run.depth == 0]
        row = kept[hour]
        assert (row.runs, row.failed) == (len(roots), sum(run.status == "ERROR" for run in roots))
        assert (row.tokens, row.input_tokens) == (
            known([run.total_tokens for run in among]), known([run.input_tokens for run in among])
        )  # fmt: skip
        assert row.cost == pytest.approx(known([run.cost for run in among]))
        assert row.durations == Counter(str(bucket_of(run.duration)) for run in roots if run.duration is not None)
