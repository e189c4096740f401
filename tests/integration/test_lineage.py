"""Where runs come from and what became of them is told of every run of the corpus, on its page and in the session."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.records import Run, build_forest, walk
from sessions_ui.presenters.lineage import Tie
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts
from tests.integration.test_compare_page import stored
from tests.integration.test_run_page import ATTACKS, url

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def expected(run: Run) -> Iterator[str]:
    """How the lines begin that a run's record calls for."""
    if run.regenerated_from:
        yield "Made anew in place of"
    elif run.forked_from_run_id:
        yield "Forked"
    if run.forked_from_session_id:
        yield "Copied with its session from"
    if run.status == "REGENERATED":
        yield "Replaced by"
    if run.status != "PAUSED" and any(tool.confirmed is not None or tool.answered for tool in run.tools):
        yield "Paused for a person and was continued"
    if isinstance(run.compaction, dict):
        yield "Earlier messages|[0-9,]+ earlier message"
    if run.cancellation_stage:
        yield "Cancelled while"
    if any(message.checkpoint_status for message in run.messages):
        yield "Checkpoint,"
    elif run.last_checkpoint_at_message_index is not None:
        yield "The last checkpoint"
    if run.parent_run_id:
        yield "Part of"


def tells(ties: list[Tie], beginning: str) -> bool:
    return any(re.match(beginning, tie.words) for tie in ties)


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_it_is_told_of_every_run_of_the_corpus(
    name: str, manifest: dict[str, Any], sources: Open, corpus_file: Any, pg_corpus: Any, viewer: Person
) -> None:
    at = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    seen: set[str] = set()
    for source_name, text, sessions in texts(name, at, manifest[name]["sessions"]):
        [source] = sources(text)
        refresh_source(source)
        for session in sessions:
            for node in walk(build_forest(Reader(source).all_runs(session["session_id"]))):
                if not isinstance(node.run, Run) or node.run.run_id is None or not (wanted := list(expected(node.run))):
                    continue
                ties = viewer.client.get(url(session["session_id"], node.run.run_id, source_name)).context["page"].ties
                for beginning in wanted:
                    later = beginning == "Replaced by" and tells(ties, "A later run replaced")
                    assert tells(ties, beginning) or later, (session["session_id"], node.run.run_id, beginning)
                seen |= set(wanted)
                row = CatalogRun.objects.get(session__session_id=session["session_id"], session__source=source_name,
                                             run_id=node.run.run_id)  # fmt: skip
                if row.depth == 0:
                    assert_told_in_session(viewer, row, wanted)
    if name in ("agno-v3.db", "agno-v3.pg.sql.gz"):
        assert len(seen) == 10, seen


def assert_told_in_session(viewer: Person, row: CatalogRun, wanted: list[str]) -> None:
    page = viewer.client.get(f"/sessions/{row.session.source}/{row.session.quoted_id}/", {"run": row.quoted_id})
    [view] = [view for view in page.context["page"].view.runs if view.row.ordinal == row.ordinal]
    for beginning in wanted:
        if beginning != "Part of":
            assert tells(view.lineage, "A later run replaced" if beginning == "Replaced by" else beginning), beginning


def test_lines_lead_to_the_other_end(lab: Path, viewer: Person) -> None:
    old, new = CatalogRun.objects.filter(session__session_id="regenerated", depth=0).order_by("ordinal")[:2]
    html = viewer.client.get(f"/sessions/lab/regenerated/?run={new.quoted_id}").content.decode()
    assert f'<a href="?run={old.quoted_id}#here">' in html
    assert viewer.client.get(f"/sessions/lab/regenerated/?run={old.quoted_id}").context["page"].view.mark is not None
    page = viewer.client.get(url("regenerated", old.quoted_id)).content.decode()
    assert f"/compare/?a=lab/regenerated/runs/{old.quoted_id}&amp;b=lab/regenerated/runs/{new.quoted_id}" in page
    fork = CatalogSession.objects.get(source="lab", session_id="b174a798-922b-4821-a092-b8206bf2411c")
    html = viewer.client.get(f"/sessions/lab/{fork.quoted_id}/").content.decode()
    assert "Copied with its session from" in html


@pytest.mark.parametrize("attack", ATTACKS)
def test_stored_ids_never_become_markup(attack: str, lab: Path, viewer: Person) -> None:
    run = {
        "run_id": "r1",
        "agent_id": "a",
        "status": "COMPLETED",
        "cancellation_stage": attack,
        "content": "x",
        "compaction": {"summary": attack},
        "messages": [{"role": "user", "content": "x", "checkpoint_status": attack}],
    }
    copied = run | {"run_id": "r2", "forked_from_run_id": attack, "forked_from_session_id": attack}
    stored(lab, "attacked", run | {"regenerated_from": attack}, copied)
    html = viewer.client.get("/sessions/lab/attacked/").content.decode()
    assert "Made anew in place of" in html and "Copied with its session from" in html
    lowered = html.lower()
    assert "<script>" not in lowered and "<img" not in lowered and "<svg onload" not in lowered
    assert 'href="javascript' not in lowered and "\x00" not in html and "\x1b" not in html
    assert "\u202e" not in re.sub("<[^>]*>", "", html.partition("</title>")[2])
