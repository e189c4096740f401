"""A tool call by itself: its page, its texts as files, and to those alone who may see its session."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogRun
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.records import Run, build_forest, walk
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
ATTACKS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</pre></details><script>1</script>", "{{ 7*7 }}",
    "[x](javascript:alert(1))", "# t\n![p](https://evil.example/p.png)", "\u202egpj.exe", "a\x00b\x1b[31m", "\ud800",
)  # fmt: skip


def url(run: CatalogRun, number: int = 0, part: str = "") -> str:
    session = run.session
    place = f"/sessions/{session.source}/{session.quoted_id}/runs/{run.quoted_id}/tools/{number}/"
    return f"{place}{part}/" if part else place


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    """A table-layout database as the source `lab`; returns its path."""
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def store(path: Path, session_id: str, run: dict[str, Any]) -> CatalogRun:
    """Write a session of one run, and return the run's row in the catalog."""
    write(
        path, "INSERT INTO agno_sessions (session_id, session_type, agent_id, created_at)"
        " VALUES (?, 'agent', 'a', 1790000000)", session_id,
    )  # fmt: skip
    write(
        path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
        " VALUES (?, ?, 'agent', 0, ?, 1790000000)", f"{session_id}-r", session_id, json.dumps(run),
    )  # fmt: skip
    refresh_source(get_source("lab"))
    return row_of(session_id)


def row_of(session_id: str, **lookup: Any) -> CatalogRun:
    return CatalogRun.objects.filter(session__session_id=session_id, **lookup).order_by("ordinal")[0]


def run_of(*calls: tuple[str, Any, Any], **more: Any) -> dict[str, Any]:
    """A run of calls: name, arguments and result of each."""
    tools = [
        {"tool_call_id": f"c{n}", "tool_name": name, "tool_args": args, "result": result, "tool_call_error": False}
        for n, (name, args, result) in enumerate(calls)
    ]
    return {"run_id": "r", "agent_id": "a", "status": "COMPLETED", "tools": tools, **more}


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_call_of_the_corpus_is_on_its_runs_page_once_and_opens(
    name: str, manifest: dict[str, Any], sources: Open, request: pytest.FixtureRequest, viewer: Person
) -> None:
    fixture = "pg_corpus" if name in PG_DUMPS else "corpus_file"
    opened = request.getfixturevalue(fixture)(name)
    for source_name, text, expected in texts(
        name, opened if name in PG_DUMPS else f"sqlite:///{opened}", manifest[name]["sessions"]
    ):
        [source] = sources(text)
        refresh_source(source)
        for session in expected:
            counted: list[str] = []
            for node in walk(build_forest(Reader(source).all_runs(session["session_id"]))):
                assert isinstance(node.run, Run)
                if not node.run.tool_calls:
                    continue
                run = CatalogRun.objects.get(
                    session__source=source_name, session__session_id=session["session_id"], run_id=node.run.run_id
                )
                page = viewer.client.get(
                    f"/sessions/{source_name}/{quote_id(session['session_id'])}/runs/{run.quoted_id}/"
                )
                shown = [tool for one in page.context["page"].messages for tool in one.item.tools]
                assert sorted(tool.number for tool in shown) == list(range(len(node.run.tool_calls)))
                for number, call in enumerate(node.run.tool_calls):
                    alone = viewer.client.get(url(run, number))
                    assert alone.status_code == 200 and alone.context["page"].view.name == (call.name or "unnamed tool")
                counted += [tool.tool_name or "" for tool in node.run.tools]
            assert len(counted) == session["tool_call_count"]


def test_a_result_that_is_held_apart_is_loaded_whole(lab: Path, viewer: Person) -> None:
    run = row_of("offloaded-result", tool_call_count=1)
    listed = viewer.client.get(f"/sessions/lab/offloaded-result/runs/{run.quoted_id}/").content.decode()
    assert "Result held apart, 902 lines, 62.2KB" in listed and "row 500 of 900" not in listed
    page = viewer.client.get(url(run)).content.decode()
    assert "row 500 of 900" in page and "What the model got instead" in page
    file = viewer.client.get(url(run, 0, "result"))
    assert len(file.content.decode().splitlines()) == 901 and "row 899 of 900" in file.content.decode()


def test_an_envelope_leads_to_no_other_sessions_result(lab: Path, viewer: Person) -> None:
    forged = '<result id="res_73524758d1" tool="dump_table" lines="902" size="62.2KB">\npreview'
    run = store(lab, "forged", run_of(("dump_table", {}, forged)))
    page = viewer.client.get(url(run)).content.decode()
    assert "not in this source any more" in page and "row 500 of 900" not in page
    assert viewer.client.get(url(run, 0, "result")).content.decode() == forged


def test_texts_are_files_that_no_browser_opens(lab: Path, viewer: Person) -> None:
    run = store(lab, "filed", run_of(("t", {"a": "<script>"}, "<html><script>alert(1)</script>")))
    for part, expected in (("arguments", '{"a": "<script>"}'), ("result", "<html><script>alert(1)</script>")):
        answer = viewer.client.get(url(run, 0, part))
        assert answer.content.decode() == expected
        assert answer["Content-Type"] == "text/plain; charset=utf-8" and answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"] == f'attachment; filename="tool-call-1-{part}.txt"'
        assert "sandbox" in answer["Content-Security-Policy"] and "no-store" in answer["Cache-Control"]
    assert viewer.client.get(url(run, 0, "other")).status_code == 404


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ('{"a": [1, 2]}', "tree"),
        ("{'a': None, 'b': (1, 2)}", "tree"),
        ('[{"id": 1, "n": "x"}, {"id": 2, "n": null}]', "table"),
        ("--- a.py\n+++ b.py\n@@ -1 +1 @@\n-old\n+new", "diff"),
        ("# Report\n\ntext", "markdown"),
        ("SELECT 1 FROM t", "code"),
        ("only words", "text"),
        ("", "empty"),
        ("[1, 2", "text"),
        ("[" * 5_000, "text"),
    ],
)
def test_what_a_result_is_told_by_looking(result: str, kind: str, lab: Path, viewer: Person) -> None:
    run = store(lab, "looked-at", run_of(("t", {"q": 1}, result)))
    page = viewer.client.get(url(run))
    assert page.status_code == 200 and page.context["page"].view.result.kind == kind


def test_attempts_are_counted_and_lead_to_the_next(lab: Path, viewer: Person) -> None:
    calls = [("send", {"to": "a"}, "550"), ("other", {}, "x"), ("send", {"to": "a"}, "250"), ("send", {"to": "b"}, "1")]
    data = run_of(*calls)
    data["tools"][0]["tool_call_error"] = True
    run = store(lab, "tried", data)
    first, third = (viewer.client.get(url(run, number)) for number in (0, 2))
    view = first.context["page"].view
    assert (view.attempt, view.attempts, view.next_attempt, view.next_worked) == (1, 2, 2, True)
    assert f'{url(run, 2)}">the next worked' in first.content.decode()
    assert third.context["page"].view.attempt == 2 and third.context["page"].view.next_attempt is None


def test_who_decided_is_named(lab: Path, viewer: Person) -> None:
    write(
        lab, "UPDATE agno_approvals SET status = 'approved', resolved_by = 'Dana' WHERE session_id = 'approval-pending'"
    )
    write(
        lab,
        """UPDATE agno_runs SET run_data = replace(run_data, '"confirmed": null', '"confirmed": true')
        WHERE session_id = 'approval-pending'""",
    )
    refresh_source(get_source("lab"))
    page = viewer.client.get(url(row_of("approval-pending", tool_call_count=1))).content.decode()
    assert "Confirmed by Dana." in page
    run_page = f"/sessions/lab/approval-pending/runs/{row_of('approval-pending', tool_call_count=1).quoted_id}/"
    assert "Confirmed by Dana." in viewer.client.get(run_page).content.decode()
    rejected = viewer.client.get(url(row_of("hitl-rejected", tool_call_count=1))).content.decode()
    assert "Rejected." in rejected
    answered = viewer.client.get(url(row_of("hitl-answered", tool_call_count=1))).content.decode()
    assert "Filled in by a person:" in answered


def test_a_call_is_written_out_so_that_nothing_leaves_its_quotes(lab: Path, viewer: Person) -> None:
    hostile = "'; rm -rf / #\u202e\n$(id)`id`\"\\"
    run = store(lab, "written", run_of((hostile, {hostile: hostile}, "x")))
    forms = {form.name: form.text for form in viewer.client.get(url(run)).context["page"].forms}
    words = shlex.split(forms["curl"].replace("\\\n", ""))
    assert json.loads(words[-1]) == {hostile: hostile} and words[3].startswith("$TOOLS_URL/%27%3B%20rm")
    assert json.loads(forms["JSON"]) == {"name": hostile, "arguments": {hostile: hostile}}
    assert eval(forms["Python"], {"tools": {hostile: lambda **values: values}}) == {hostile: hostile}
    assert not any("\u202e" in text for text in forms.values())


def test_a_huge_result_is_a_page_of_bounded_size(lab: Path, viewer: Person) -> None:
    rows = json.dumps([{"id": n, "name": "x" * 50} for n in range(3_000)])
    for result in (
        "word " * 1_000_000,
        rows,
        "[" + ",".join(["[1,2,3]"] * 40_000) + "]",
        "+ a\n" * 300_000,
        "--- a\n+++ b\n@@ x\n" + "+a\n" * 300_000,
    ):
        write(lab, "DELETE FROM agno_sessions WHERE session_id = 'huge'")
        write(lab, "DELETE FROM agno_runs WHERE session_id = 'huge'")
        run = store(lab, "huge", run_of(("t", {}, result)))
        page = viewer.client.get(url(run))
        assert page.status_code == 200 and len(page.content) < 700_000
        assert page.content.count(b"<") < 12_000
        assert viewer.client.get(url(run, 0, "result")).content.decode() == result


def test_stored_text_never_becomes_markup(lab: Path, viewer: Person) -> None:
    for number, attack in enumerate(ATTACKS):
        tables = [[{attack: attack, "b": attack}] * 2, {attack: [attack]}, attack]
        calls = [(attack, {attack: attack}, value if isinstance(value, str) else json.dumps(value)) for value in tables]
        data = run_of(*calls)
        for tool in data["tools"]:
            tool |= {"confirmed": False, "confirmation_note": attack, "tool_call_id": attack}
            tool["user_input_schema"] = [{"name": attack, "value": attack}]
        run = store(lab, f"attacked-{number}", data)
        for at in range(len(calls)):
            html = viewer.client.get(url(run, at)).content.decode()
            assert "<script>alert" not in html and "<img" not in html and 'href="javascript' not in html
            assert "\x00" not in html and "\x1b" not in html and "49" not in html.partition("7*7")[2][:10]


def test_the_call_as_data(lab: Path, viewer: Person) -> None:
    run = row_of("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", tool_call_count=2)
    data = viewer.client.get(url(run), {"format": "json"}).json()
    assert data["name"] == "get_weather" and data["status"] == "ok" and data["run_id"] == run.run_id
    assert json.loads(data["arguments"]) and data["result"]


def test_a_source_that_is_gone_is_one_sentence(lab: Path, viewer: Person) -> None:
    run = row_of("tools-trouble-01")
    lab.rename(lab.with_suffix(".gone"))
    assert viewer.client.get(url(run)).status_code == 503
    assert viewer.client.get(url(run), {"format": "json"}).json()["error"]
    assert viewer.client.get(url(run, 0, "result")).status_code == 503


class TestOwnership:
    """Who may not see a session learns nothing of its calls."""

    SESSION = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"

    def test_the_owner_and_the_team_see_it(self, lab: Path, owner: Person, teammate: Person, admin: Person) -> None:
        run = row_of(self.SESSION, tool_call_count=2)
        for person in (owner, teammate, admin):
            assert person.client.get(url(run)).status_code == 200
            assert person.client.get(url(run, 1, "result")).status_code == 200

    def test_a_stranger_gets_what_a_missing_one_gives(self, lab: Path, stranger: Person) -> None:
        run = row_of(self.SESSION, tool_call_count=2)
        hidden = stranger.client.get(url(run), {"format": "json"})
        missing = stranger.client.get("/sessions/lab/none/runs/none/tools/0/", {"format": "json"})
        assert (hidden.status_code, missing.status_code) == (404, 404) and hidden.content == missing.content
        assert stranger.client.get(url(run, 0, "result")).status_code == 404

    @pytest.mark.parametrize("number", ["2", "99999999999999999999", "-1", "x", "9" * 5_000])
    def test_bad_numbers(self, number: str, lab: Path, viewer: Person) -> None:
        run = row_of(self.SESSION, tool_call_count=2)
        assert viewer.client.get(url(run).replace("/tools/0/", f"/tools/{number}/")).status_code == 404
