"""Runs that did not change are neither read nor stored again, in either layout, and the forest stays whole."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.db.sources import Source
from tests.corpus import write

pytestmark = pytest.mark.django_db
SESSION = "many-runs"
Open = Callable[[str], list[Source]]


def a_run(number: int, **values: Any) -> dict[str, Any]:
    return {"run_id": f"r{number}", "agent_id": "a", "status": "COMPLETED", "created_at": number, **values}


@pytest.fixture
def listed(sources: Open, corpus_file: Callable[[str], Path]) -> Callable[[list[Any]], list[tuple[int, str | None]]]:
    """Store a list of runs in an Agno 2 database, refresh, and return key and run id of the rows."""
    path = corpus_file("agno-v2.db")
    [source] = sources(f"lab=sqlite:///{path}")
    times = iter(range(1_900_000_000, 2_000_000_000))

    def store(runs: list[Any]) -> list[tuple[int, str | None]]:
        text, at = json.dumps(json.dumps(runs)), next(times)
        write(path, "UPDATE agno_sessions SET runs = ?, updated_at = ? WHERE session_id = ?", text, at, SESSION)
        refresh_session(source, SESSION)
        return list(
            CatalogRun.objects.filter(session__session_id=SESSION).order_by("ordinal").values_list("pk", "run_id")
        )

    return store


def test_entries_of_a_list_that_did_not_change_keep_their_rows(listed: Callable[[list[Any]], Any]) -> None:
    before = listed([a_run(0), a_run(1), 5, 5])
    after = listed([a_run(7), a_run(0), a_run(1, content="new"), 5, 5])

    assert [run_id for _, run_id in after] == ["r7", "r0", "r1", None, None]
    assert {pk for pk, _ in before} & {pk for pk, _ in after} == {before[0][0], before[2][0], before[3][0]}


def test_runs_inside_a_run_are_kept_with_it(listed: Callable[[list[Any]], Any]) -> None:
    team = {"run_id": "t", "team_id": "t", "member_responses": [a_run(1, parent_run_id="t"), a_run(2)]}
    before = listed([team])
    after = listed([team, a_run(9)])

    assert [run_id for _, run_id in after] == ["t", "r1", "r2", "r9"]
    assert after[:3] == before


def test_a_copy_inside_a_run_appears_when_the_stored_run_is_gone(listed: Callable[[list[Any]], Any]) -> None:
    team = {"run_id": "t", "team_id": "t", "member_responses": [a_run(1, parent_run_id="t")]}
    both = listed([a_run(1, parent_run_id="t"), team])
    alone = listed([team])

    assert [run_id for _, run_id in both] == [run_id for _, run_id in alone] == ["t", "r1"]
    assert CatalogRun.objects.get(session__session_id=SESSION, run_id="r1").stored is False


def test_terms_are_written_as_a_difference(sources: Open, corpus_file: Callable[[str], Path]) -> None:
    path = corpus_file("agno-v3.db")
    [source] = sources(f"lab=sqlite:///{path}")
    refresh_source(source)
    terms = CatalogTerm.objects.filter(session__session_id=SESSION)
    before = dict(terms.values_list("term", "pk"))
    metadata = json.dumps({"tags": "one, two", "tier": 3})
    changed = "metadata = ?, updated_at = updated_at + 1000"
    write(path, f"UPDATE agno_sessions SET {changed} WHERE session_id = ?", metadata, SESSION)

    refresh_session(source, SESSION)

    after = dict(terms.values_list("term", "pk"))
    assert {"tag:one", "tag:two", "meta.tier:3", "meta.tags:one, two"} <= after.keys()
    assert set(terms.values_list("updated_at", flat=True)) == {
        CatalogSession.objects.get(session_id=SESSION).updated_at
    }
    same = {term for term in before if not term.startswith(("tag:", "meta."))}
    assert same and all(after[term] == before[term] for term in same)
