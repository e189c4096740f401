"""The session page shows what the source holds, bounded, escaped, and to those alone who may see it."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.keys import quote_id
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source, get_source
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
SAME = (
    "session_id", "session_type", "user_id", "agent_id", "team_id", "workflow_id", "session_name", "created_at",
    "updated_at", "metadata", "run_count", "forest_run_count", "top_level_run_count", "message_count",
    "own_message_count", "statuses", "tool_call_count", "tool_calls_by_name", "tool_error_count", "run_tokens_sum",
    "has_summary",
)  # fmt: skip
ATTACKS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<svg onload=alert(1)>",
    "</textarea><script>1</script>", "[x](javascript:alert(1))",
    "![p](https://evil.example/p.png)", '<a hx-get="/x" hx-on:click="1">a</a>',
    "{{ 7*7 }}{% now %}", "\u202egpj.exe", "a\x00b\x1b[31m",
)  # fmt: skip


def url(session_id: str, source: str = "lab") -> str:
    return f"/sessions/{source}/{quote_id(session_id)}/"


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_corpus_session_opens_and_equals_the_manifest(
    name: str,
    manifest: dict[str, Any],
    sources: Open,
    corpus_file: Callable[[str], Path],
    pg_corpus: Callable[[str], str],
    viewer: Person,
) -> None:
    at = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for source, text, expected in texts(name, at, manifest[name]["sessions"]):
        refresh_source(sources(text)[0])
        for session in expected:
            page = viewer.client.get(url(session["session_id"], source))
            assert page.status_code == 200, session["session_id"]
            data = viewer.client.get(url(session["session_id"], source), {"format": "json"}).json()
            assert_data(data, session)


def assert_data(data: dict[str, Any], expected: dict[str, Any]) -> None:
    shown = data["session"]
    assert {key: shown[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert (shown["session_state"] or {}) == (expected["session_state"] or {})
    assert shown["topics"] == expected["topics"]
    assert shown["layout"] in ("blob", "table", "mixed")
    assert "runs" not in shown
    facts = ("run_id", "kind", "component_id", "parent_run_id", "status", "created_at", "model", "tokens", "tool_calls")
    assert [{key: run[key] for key in facts} for run in data["runs"]] == [
        {key: run[key] for key in facts} for run in expected["runs"]
    ]
    assert data["next"] is None


@pytest.mark.parametrize("tab", ["runs", "tools", "state", "summary", "metadata", "raw", "nonsense"])
def test_every_tab_is_a_page_and_a_fragment(tab: str, lab: Path, viewer: Person) -> None:
    for session_id in ("tools-trouble-01", "wf-everything", "team-nested-embedded", "empty-session", "bare-session"):
        whole = viewer.client.get(url(session_id), {"tab": tab})
        part = viewer.client.get(
            url(session_id), {"tab": tab}, headers={"HX-Request": "true", "HX-Target": "inspector"}
        )
        assert (whole.status_code, part.status_code) == (200, 200)
        assert b"<html" in whole.content and b"<html" not in part.content


def test_tool_calls_failures_and_waiting_runs_are_told(lab: Path, viewer: Person) -> None:
    trouble = viewer.client.get(url("tools-trouble-01")).content.decode()
    assert "fetch_page" in trouble and "Error" in trouble
    assert "192,793 characters" in trouble or "192793 characters" in trouble
    failed = viewer.client.get(url("run-errors")).content.decode()
    assert "err-box" in failed
    waiting = viewer.client.get(url("hitl-confirmation")).content.decode()
    assert "Waiting for a decision on" in waiting
    plain_team = viewer.client.get(url("team-nested-plain")).content.decode()
    assert "Members" in plain_team


def test_windows_of_a_long_session_lead_to_every_run(lab: Path, viewer: Person) -> None:
    many = manifest_ids(lab, "many-runs")
    assert len(many) > 20
    seen: list[str] = []
    query: dict[str, Any] = {}
    for _ in range(len(many)):
        response = viewer.client.get(url("many-runs"), query)
        page = response.context["page"].view
        seen = [view.row.run_id for view in page.runs] + seen
        if page.older is None:
            break
        query = {"before": page.older}
    assert seen == many


def manifest_ids(path: Path, session_id: str) -> list[str]:
    with sqlite3.connect(path) as database:
        sql = "SELECT run_id FROM agno_runs WHERE session_id = ? ORDER BY run_index"
        ids = [row[0] for row in database.execute(sql, [session_id])]
    database.close()
    return ids


def test_stored_text_never_becomes_markup(lab: Path, viewer: Person) -> None:
    for attack in ATTACKS:
        attack_everywhere(lab, attack)
        for tab in ("runs", "tools", "state", "summary", "metadata", "raw"):
            html = viewer.client.get(url("attacked"), {"tab": tab}).content.decode()
            assert "<script>alert" not in html and "<img" not in html and "<svg onload" not in html
            assert "hx-on" not in html.replace("&lt;a hx-get=&quot;/x&quot; hx-on:click", "").replace(
                "hx-on:click", "x"
            )
            assert 'href="javascript' not in html.lower() and "</textarea><script" not in html
            assert "\x00" not in html and "\x1b" not in html
        assert b"<script>alert" not in viewer.client.get("/sessions/").content


def attack_everywhere(path: Path, text: str) -> None:
    """Put the text into every free-text field of a session."""
    message = {"role": "assistant", "content": text, "reasoning_content": text, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": text, "arguments": text}}]}  # fmt: skip
    run = {
        "run_id": "r1", "agent_id": text, "agent_name": text, "status": text, "content": text, "model": text,
        "messages": [{"role": "user", "content": text, "files": [{"filename": text, "url": text}]}, message,
                     {"role": "tool", "tool_call_id": "c1", "content": text}],
        "tools": [{"tool_call_id": "c1", "tool_name": text, "tool_args": {text: text}, "result": text}],
        "citations": {"urls": [{"url": text, "title": text}, {"url": "javascript:alert(1)", "title": "t"}]},
    }  # fmt: skip
    data = {"session_name": text, "session_state": {text: text}}
    write(path, "DELETE FROM agno_runs WHERE session_id = 'attacked'")
    write(path, "DELETE FROM agno_sessions WHERE session_id = 'attacked'")
    columns = "session_id, session_type, agent_id, user_id, session_data, agent_data, metadata, summary, created_at"
    write(
        path, f"INSERT INTO agno_sessions ({columns}) VALUES ('attacked', 'agent', ?, ?, ?, ?, ?, ?, 1790000000)",
        text, text, json.dumps(data), json.dumps({"name": text}), json.dumps({text: text}),
        json.dumps({"summary": text, "topics": [text]}),
    )  # fmt: skip
    write(
        path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
        " VALUES ('r1', 'attacked', 'agent', 0, ?, 1790000000)", json.dumps(run),
    )  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "{trunc",
        '"text"',
        "42",
        "null",
        "[]",
        "[" * 5000,
        '{"runs": 1}',
        '{"messages": [1, null, {"role": 7}]}',
        "[NaN]",
    ],
)
def test_a_malformed_payload_is_shown_as_such(value: str, lab: Path, viewer: Person) -> None:
    write(lab, "UPDATE agno_runs SET run_data = ? WHERE session_id = 'tools-trouble-01' AND run_index = 1", value)
    columns = "session_data = ?, summary = ?, metadata = ?"
    write(lab, f"UPDATE agno_sessions SET {columns} WHERE session_id = 'tools-trouble-01'", value, value, value)
    for tab in ("runs", "state", "summary", "metadata", "raw"):
        assert viewer.client.get(url("tools-trouble-01"), {"tab": tab}).status_code == 200
    assert viewer.client.get(url("tools-trouble-01"), {"format": "json"}).status_code == 200


@pytest.mark.parametrize(
    "query", [{"before": "x"}, {"after": "-1"}, {"before": "9" * 40}, {"from": "1e9"}, {"tab": "<"}]
)
def test_a_bad_cursor_is_no_error(query: dict[str, str], lab: Path, viewer: Person) -> None:
    assert viewer.client.get(url("many-runs"), query).status_code == 200


def test_a_typical_page_takes_few_statements(lab: Path, viewer: Person) -> None:
    viewer.client.get(url("tools-trouble-01"))
    source = get_source("lab")
    from agentos.db.connections import connection_for

    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(connection_for(source)) as foreign:
        viewer.client.get(url("tools-trouble-01"))
    assert len(own) + len(foreign) <= 20


def test_what_keeps_people_from_a_session_is_asked_once(lab: Path, admin: Person) -> None:
    admin.client.get(url("tools-trouble-01"))
    with CaptureQueriesContext(connection) as own:
        admin.client.get(url("tools-trouble-01"))
    assert sum("moderation_measure" in query["sql"] for query in own) == 1


def test_a_source_that_is_gone_is_one_sentence(lab: Path, viewer: Person) -> None:
    lab.rename(lab.with_suffix(".gone"))
    page = viewer.client.get(url("tools-trouble-01"))
    assert page.status_code == 503
    assert "cannot be read now" in page.content.decode()
    assert viewer.client.get(url("tools-trouble-01"), {"format": "json"}).json()["error"]


@pytest.mark.parametrize("session_id", ["", ".", "..", "a/b", "%2f", "?#", "_", "__proto__", "x" * 10_000, "é́ ‮ \u2028"])
def test_ids_of_every_kind_open(session_id: str, lab: Path, viewer: Person) -> None:
    write(lab, "INSERT INTO agno_sessions (session_id, session_type, created_at) VALUES (?, 'agent', 1)", session_id)
    refresh_source(get_source("lab"))
    assert viewer.client.get("/sessions/").status_code == 200
    assert viewer.client.get(url(session_id)).status_code == 200


class TestOwnership:
    """Who may not see a session learns nothing of it."""

    def test_the_owner_sees_it(self, lab: Path, owner: Person) -> None:
        assert owner.client.get(url("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001")).status_code == 200

    def test_a_stranger_gets_what_a_missing_one_gives(self, lab: Path, stranger: Person) -> None:
        hidden = stranger.client.get(url("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"))
        missing = stranger.client.get(url("there-is-none"))
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert stranger.client.get(url("tools-trouble-01"), {"format": "json"}).status_code == 404

    def test_nobody_signed_in_is_sent_to_sign_in(self, lab: Path, client: Any) -> None:
        assert client.get(url("tools-trouble-01")).status_code == 302
        assert client.get(url("tools-trouble-01"), headers={"Accept": "application/json"}).status_code == 401

    @pytest.mark.parametrize(
        "path", ["/sessions/nowhere/x/", "/sessions/lab/~1/", "/sessions/lab/_GG/", "/sessions/lab/%00/"]
    )
    def test_bad_ids(self, path: str, lab: Path, viewer: Person) -> None:
        assert viewer.client.get(path).status_code == 404
