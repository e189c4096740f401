"""The run page shows every stored and embedded run, bounded, escaped, and to those alone who may see it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.records import Run, RunNode, build_forest, walk
from sessions_ui.presenters.run_page import EACH_TEXT
from tests.conftest import SQLITE_FILES, Person
from tests.corpus import texts, write

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
ATTACKS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<svg onload=alert(1)>",
    "</details><script>1</script>", "[x](javascript:alert(1))", "![p](https://evil.example/p.png)",
    "{{ 7*7 }}{% now %}", "\u202egpj.exe", "a\x00b\x1b[31m",
)  # fmt: skip


def url(session_id: str, run: str, source: str = "lab") -> str:
    return f"/sessions/{source}/{quote_id(session_id)}/runs/{run}/"


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    """A table-layout database as the source `lab`; returns its path."""
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def store(path: Path, session_id: str, *runs: str) -> None:
    """Write a session of these runs, each the text of its column."""
    write(
        path, "INSERT INTO agno_sessions (session_id, session_type, agent_id, created_at)"
        " VALUES (?, 'agent', 'a', 1790000000)", session_id,
    )  # fmt: skip
    for index, text in enumerate(runs):
        write(
            path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
            " VALUES (?, ?, 'agent', ?, ?, 1790000000)", f"{session_id}-{index}", session_id, index, text,
        )  # fmt: skip


def row_of(session_id: str, **lookup: Any) -> CatalogRun:
    return CatalogRun.objects.filter(session__session_id=session_id, **lookup).order_by("ordinal")[0]


@pytest.mark.parametrize("name", SQLITE_FILES)
def test_every_run_of_the_corpus_opens_and_its_twin_is_what_is_stored(
    name: str, manifest: dict[str, Any], sources: Open, corpus_file: Callable[[str], Path], viewer: Person
) -> None:
    embedded = 0
    for name_, text, expected in texts(name, f"sqlite:///{corpus_file(name)}", manifest[name]["sessions"]):
        [source] = sources(text)
        refresh_source(source)
        for session in expected:
            for node in forest_of(source, session["session_id"]):
                assert isinstance(node.run, Run) and node.run.run_id is not None
                embedded += not node.stored
                assert_run(viewer, url(session["session_id"], quote_id(node.run.run_id), name_), node.run, node.stored)
    assert embedded or name == "agno-v2.0.db"


def forest_of(source: Source, session_id: str) -> Iterator[RunNode]:
    return walk(build_forest(Reader(source).all_runs(session_id)))


def assert_run(viewer: Person, at: str, run: Run, stored: bool) -> None:
    page = viewer.client.get(at)
    assert page.status_code == 200, at
    assert str(escape(run.run_id)) in page.content.decode()
    data = viewer.client.get(at, {"format": "json"}).json()
    assert data["run"] == run.to_dict()
    assert (data["kind"], data["component_id"], data["status"], data["parent_run_id"], data["embedded"]) == (
        run.kind, run.component_id, run.status, run.parent_run_id, not stored,
    )  # fmt: skip


def test_tool_calls_failures_and_waiting_are_told(lab: Path, viewer: Person) -> None:
    page = viewer.client.get(url("tools-trouble-01", row_of("tools-trouble-01", tool_error_count__gt=0).quoted_id))
    assert "is-error" in page.content.decode()
    failed = viewer.client.get(url("run-errors", row_of("run-errors", status="ERROR").quoted_id)).content.decode()
    assert "err-box" in failed
    waiting = viewer.client.get(url("hitl-confirmation", row_of("hitl-confirmation", status="PAUSED").quoted_id))
    assert "Waiting for a decision on" in waiting.content.decode()


def test_steps_hold_the_runs_below_and_lead_to_them(lab: Path, viewer: Person) -> None:
    root = row_of("team-nested-embedded", depth=0)
    page = viewer.client.get(url("team-nested-embedded", root.quoted_id))
    shown = [line.run.run_id for line in page.context["page"].steps.lines if line.kind == "run"]
    tree = CatalogRun.objects.filter(session=root.session, root_ordinal=root.ordinal).order_by("ordinal")
    assert shown == [run.run_id for run in tree]
    below = tree[1]
    inner = viewer.client.get(url("team-nested-embedded", below.quoted_id)).content.decode()
    assert url("team-nested-embedded", root.quoted_id) in inner


def test_neighbours_lead_through_the_whole_session(lab: Path, viewer: Person) -> None:
    seen = []
    run: CatalogRun | None = row_of("many-runs", depth=0)
    while run is not None:
        place = viewer.client.get(url("many-runs", run.quoted_id)).context["page"].place
        seen.append(place.number)
        run = place.following
    assert seen == list(range(1, place.total + 1)) and place.total > 20


def test_stored_text_never_becomes_markup(lab: Path, viewer: Person) -> None:
    for number, attack in enumerate(ATTACKS):
        store(lab, f"attacked-{number}", json.dumps(attacked_run(attack)))
        refresh_source(get_source("lab"))
        html = viewer.client.get(url(f"attacked-{number}", "r1")).content.decode()
        lowered = html.lower()
        assert "<script>" not in lowered and "<img" not in lowered and "<svg onload" not in lowered
        assert 'href="javascript' not in lowered and "49" not in page_text(html, "7*7")
        assert "\x00" not in html and "\x1b" not in html
        # Title and attributes have no markup to show a control character with.
        shown = re.sub("<[^>]*>", "", html.partition("</title>")[2])
        assert "\u202e" not in shown


def page_text(html: str, around: str) -> str:
    """Return what follows the mark: where a template in stored text would have been worked out."""
    return html.partition(around)[2][:10]


def attacked_run(text: str) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": text, "arguments": text}}
    return {
        "run_id": "r1", "agent_id": text, "agent_name": text, "status": text, "content": {text: text}, "model": text,
        "user_id": text, "regenerated_from": text, "forked_from_session_id": text, "reasoning_content": text,
        "session_state": {text: text}, "metrics": {"details": {text: [{"id": text, "provider": text}]}},
        "messages": [
            {"role": "system", "content": text},
            {"role": "user", "content": text, "files": [{"filename": text, "url": text}]},
            {"role": "assistant", "content": text, "reasoning_content": text, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": text}, {"role": text, "content": text},
        ],
        "tools": [{"tool_call_id": "c1", "tool_name": text, "tool_args": {text: text}, "result": text}],
        "images": [{"id": text, "url": text}],
        "citations": {"urls": [{"url": text, "title": text}, {"url": "javascript:alert(1)", "title": "t"}]},
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    ["{trunc", '"text"', "42", "null", "[]", "[" * 5000, '{"messages": [1, null, {"role": 7}]}', "[NaN]",
     '{"tools": {"a": 1}, "metrics": 7, "session_state": [[]]}', '{"a":' * 900 + "1" + "}" * 900],
)  # fmt: skip
def test_a_malformed_row_is_shown_as_such(value: str, lab: Path, viewer: Person) -> None:
    store(lab, "broken", value)
    refresh_source(get_source("lab"))
    at = url("broken", row_of("broken").quoted_id)
    page = viewer.client.get(at)
    assert page.status_code == 200
    if row_of("broken").kind == "bad":
        assert row_of("broken").problem and 'class="problem"' in page.content.decode()
    json.loads(viewer.client.get(at, {"format": "json"}).content)


def test_numbers_and_characters_json_has_no_form_for(lab: Path, viewer: Person) -> None:
    store(
        lab, "odd", '{"run_id": "odd", "agent_id": "a", "content": "\\ud800 x", "metadata": {"n": NaN, "i": Infinity}}'
    )
    refresh_source(get_source("lab"))
    answer = viewer.client.get(url("odd", "odd"), {"format": "json"})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    data = json.loads(answer.content.decode(), parse_constant=refuse)["run"]
    assert data == {"run_id": "odd", "agent_id": "a", "content": "� x", "metadata": {"n": None, "i": None}}
    assert viewer.client.get(url("odd", "odd")).status_code == 200


def test_embedded_runs_without_ids_are_told_apart(lab: Path, viewer: Person) -> None:
    members = [{"agent_id": f"m{number}", "content": f"I am {number}"} for number in range(3)]
    store(lab, "unnamed", json.dumps({"team_id": "t", "member_responses": members}))
    refresh_source(get_source("lab"))
    rows = CatalogRun.objects.filter(session__session_id="unnamed", stored=False).order_by("ordinal")
    assert len(rows) == 3
    for row in rows:
        data = viewer.client.get(url("unnamed", row.quoted_id), {"format": "json"}).json()
        assert data["run"]["agent_id"] == data["component_id"] == row.component_id


def test_a_run_of_fifty_megabytes_is_a_page_of_bounded_size(lab: Path, viewer: Person) -> None:
    messages = [{"role": "user", "content": "word " * 200_000} for _ in range(50)]
    store(lab, "huge", json.dumps({"run_id": "huge", "agent_id": "a", "messages": messages}))
    refresh_source(get_source("lab"))
    page = viewer.client.get(url("huge", "huge"))
    assert len(page.content) < 600_000
    assert page.context["page"].messages[0].item.text.total == 1_000_000
    assert len(page.context["page"].messages[0].item.text.text) == EACH_TEXT
    assert page.context["page"].bad_text is None


def test_a_page_takes_few_statements(lab: Path, viewer: Person) -> None:
    at = url("team-nested-embedded", row_of("team-nested-embedded", stored=False).quoted_id)
    viewer.client.get(at)
    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(connection_for(get_source("lab"))) as foreign:
        assert viewer.client.get(at).status_code == 200
    assert len(own) + len(foreign) <= 15


def test_a_source_that_is_gone_is_one_sentence(lab: Path, viewer: Person) -> None:
    at = url("tools-trouble-01", row_of("tools-trouble-01").quoted_id)
    lab.rename(lab.with_suffix(".gone"))
    page = viewer.client.get(at)
    assert page.status_code == 503 and "cannot be read now" in page.content.decode()
    answer = viewer.client.get(at, {"format": "json"})
    assert answer.status_code == 503 and answer.json()["error"]


def test_a_run_deleted_after_the_catalog_looked_is_not_found(lab: Path, viewer: Person) -> None:
    at = url("tools-trouble-01", row_of("tools-trouble-01").quoted_id)
    write(lab, "DELETE FROM agno_runs WHERE session_id = 'tools-trouble-01'")
    assert viewer.client.get(at).status_code == 404


class TestOwnership:
    """Who may not see a session learns nothing of its runs."""

    SESSION = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"

    def test_the_owner_sees_it(self, lab: Path, owner: Person) -> None:
        assert owner.client.get(url(self.SESSION, row_of(self.SESSION).quoted_id)).status_code == 200

    def test_a_stranger_gets_what_a_missing_one_gives(self, lab: Path, stranger: Person) -> None:
        hidden = stranger.client.get(url(self.SESSION, row_of(self.SESSION).quoted_id), {"format": "json"})
        missing = stranger.client.get(url("there-is-none", "r"), {"format": "json"})
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert hidden.content == missing.content

    def test_a_run_of_another_session_is_not_found(self, lab: Path, owner: Person) -> None:
        other = row_of("tools-trouble-01")
        assert owner.client.get(url(self.SESSION, other.quoted_id)).status_code == 404

    @pytest.mark.parametrize("run", ["nope", "~99999", "~", "~x", "_GG", "%00", "__proto__", "x" * 5000, "..."])
    def test_bad_ids(self, run: str, lab: Path, viewer: Person) -> None:
        assert CatalogSession.objects.one("lab", "tools-trouble-01") is not None
        assert viewer.client.get(url("tools-trouble-01", run)).status_code == 404
