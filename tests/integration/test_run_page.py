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
    html = page.content.decode()
    assert str(escape(run.run_id)) in html
    if run.status == "ERROR":
        assert html.count('class="err-box stored pre"') == 1 and page.context["page"].error.text == run.content_text
    for error in filter(None, (step.error for step in run.step_results)):
        assert str(escape(error)) in html
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


def pages(viewer: Person, session_id: str, **query: str) -> list[Any]:
    """The contents of every run's page of a session, in order."""
    rows = CatalogRun.objects.filter(session__session_id=session_id).order_by("ordinal")
    return [viewer.client.get(url(session_id, row.quoted_id), query).context["page"] for row in rows]


def words(page: Any) -> list[str]:
    return [tie.words for tie in page.ties]


class TestLineage:
    """Where runs come from and what became of them, with links to what is there."""

    def test_a_regenerated_run_and_the_one_that_replaced_it(self, lab: Path, viewer: Person) -> None:
        shown = {page.row.run_id: page for page in pages(viewer, "regenerated")}
        [old] = [page for page in shown.values() if page.row.status == "REGENERATED"]
        [tie] = old.ties
        assert tie.words == "Replaced by" and tie.run is not None
        assert [(one.words, one.run and one.run.run_id) for one in shown[tie.run.run_id].ties][:1] == [
            ("Made anew in place of", old.row.run_id)
        ]

    def test_forks_lead_to_where_they_left(self, lab: Path, viewer: Person) -> None:
        ties = [tie for page in pages(viewer, "regenerated") for tie in page.ties if tie.words.startswith("Forked")]
        assert [(tie.words, tie.run and tie.run.status) for tie in ties] == [("Forked at message 3 from", "COMPLETED")]
        copied = pages(viewer, "b174a798-922b-4821-a092-b8206bf2411c")
        assert "Copied with its session from" in words(copied[0])
        html = viewer.client.get(url(copied[0].row.session.session_id, copied[0].row.quoted_id)).content.decode()
        [origin] = [tie.session_id for tie in copied[0].ties if tie.session_id]
        assert f'href="/sessions/lab/{quote_id(origin)}/"' in html

    def test_members_and_steps_name_what_they_are_part_of(self, lab: Path, viewer: Person) -> None:
        nested = pages(viewer, "team-nested-embedded")
        assert words(nested[0]) == [] and any("and stored inside it" in one for page in nested for one in words(page))
        assert all(page.ties[0].run.run_id == page.row.parent_run_id for page in nested[1:])
        plain = pages(viewer, "team-coordinate")
        assert "Part of a team's run" in {one for page in plain for one in words(page)}

    def test_what_was_not_stored_is_named(self, lab: Path, viewer: Person) -> None:
        names = [line.name for page in pages(viewer, "team-nested-plain") for line in page.steps.lines]
        assert "The members' runs were not stored" in names
        store(lab, "orphan", json.dumps({"run_id": "o", "agent_id": "a", "parent_run_id": "gone"}))
        refresh_source(get_source("lab"))
        [page] = pages(viewer, "orphan")
        assert words(page) == ["Part of run gone, which is not stored in this session"]

    @pytest.mark.parametrize(
        ("session_id", "said"),
        [
            ("hitl-confirmed", "Paused for a person and was continued: 1 answer"),
            ("compacted-history", "2 earlier messages were put into a summary, 134 tokens became 117"),
            ("crashed-running", "Checkpoint"),
        ],
    )
    def test_what_happened_on_the_way(self, session_id: str, said: str, lab: Path, viewer: Person) -> None:
        assert any(one.startswith(said) for page in pages(viewer, session_id) for one in words(page))


class TestReceived:
    """What the model was sent: as stored, or put together as Agno does it, and which of the two is said."""

    def test_stored_history_is_folded_and_counted(self, lab: Path, viewer: Person) -> None:
        shown = pages(viewer, "history-stored", show="received")
        [last] = [page.received for page in shown[-1:]]
        assert last.is_stored and [part.kind for part in last.parts][-2:] == ["history", "new"]
        assert last.parts[-2].count == sum(one.from_history for one in shown[-1].run.messages)
        assert "as it was sent" in self.html(viewer, shown[-1])

    def test_unstored_history_is_put_together_and_said_to_be(self, lab: Path, viewer: Person) -> None:
        fifth = pages(viewer, "many-runs", show="received")[4]
        found = fifth.received
        assert not found.is_stored and found.runs == 3
        assert [part.run.ordinal for part in found.parts if part.kind == "history"] == [1, 2, 3]
        assert "No history is stored with this run" in self.html(viewer, fifth)
        none = pages(viewer, "many-runs", show="received", runs="0")[4].received
        assert [part.kind for part in none.parts if part.kind == "history"] == []

    def test_runs_that_failed_are_no_history(self, lab: Path, viewer: Person) -> None:
        for page in pages(viewer, "run-errors", show="received", runs="20"):
            assert all(part.run is None or part.run.status != "ERROR" for part in page.received.parts)

    @pytest.mark.parametrize("runs", ["", "x", "-1", "9999999", "²", "20"])
    def test_any_number_of_runs_is_a_page(self, runs: str, lab: Path, viewer: Person) -> None:
        at = url("many-runs", row_of("many-runs").quoted_id)
        assert viewer.client.get(at, {"show": "received", "runs": runs}).status_code == 200

    def test_a_workflow_sends_nothing_itself(self, lab: Path, viewer: Person) -> None:
        at = url("wf-everything", row_of("wf-everything").quoted_id)
        assert (
            "A workflow sends nothing to a model itself" in viewer.client.get(at, {"show": "received"}).content.decode()
        )

    def test_statements_are_few(self, lab: Path, viewer: Person) -> None:
        for show in ("received", "prompt"):
            at = url("many-runs", row_of("many-runs", ordinal=20).quoted_id)
            foreign = connection_for(get_source("lab"))
            with CaptureQueriesContext(connection) as own, CaptureQueriesContext(foreign) as other:
                assert viewer.client.get(at, {"show": show}).status_code == 200
            assert len(own) + len(other) <= 17

    @staticmethod
    def html(viewer: Person, page: Any) -> str:
        at = url(page.row.session.session_id, page.row.quoted_id)
        html: str = viewer.client.get(at, {"show": "received"}).content.decode()
        return html


class TestPrompt:
    """The system prompt, and what changed in it since the run before."""

    def two(self, lab: Path, before: str, after: str) -> CatalogRun:
        for number, text in enumerate((before, after)):
            run = {"run_id": f"p{number}", "agent_id": "a", "messages": [{"role": "system", "content": text}]}
            if number == 0:
                store(lab, "prompts", json.dumps(run))
            else:
                write(
                    lab, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
                    " VALUES ('p1', 'prompts', 'agent', 1, ?, 1790000001)", json.dumps(run),
                )  # fmt: skip
        refresh_source(get_source("lab"))
        return row_of("prompts", run_id="p1")

    def test_changes_are_told_by_words(self, lab: Path, viewer: Person) -> None:
        row = self.two(lab, "You are kind.\nBe brief.", "You are kind.\nBe quick.\nToday is Monday.")
        page = viewer.client.get(url("prompts", row.quoted_id), {"show": "prompt"})
        assert (page.context["page"].prompt.gone, page.context["page"].prompt.come) == (1, 2)
        html = page.content.decode()
        assert "<mark>brief</mark>" in html and "<mark>quick</mark>" in html

    def test_the_same_prompt_is_said_to_be(self, lab: Path, viewer: Person) -> None:
        row = self.two(lab, "the same", "the same")
        assert (
            "The same as in the run of"
            in viewer.client.get(url("prompts", row.quoted_id), {"show": "prompt"}).content.decode()
        )

    def test_no_prompt_and_no_earlier_one(self, lab: Path, viewer: Person) -> None:
        first = self.two(lab, "a", "b").session.runs.get(run_id="p0")
        assert (
            "No earlier run" in viewer.client.get(url("prompts", first.quoted_id), {"show": "prompt"}).content.decode()
        )
        bare = url("wf-everything", row_of("wf-everything").quoted_id)
        assert "No system prompt is stored" in viewer.client.get(bare, {"show": "prompt"}).content.decode()

    def test_hostile_prompts_stay_text(self, lab: Path, viewer: Person) -> None:
        for attack in ATTACKS:
            write(lab, "DELETE FROM agno_sessions WHERE session_id = 'prompts'")
            write(lab, "DELETE FROM agno_runs WHERE session_id = 'prompts'")
            row = self.two(lab, attack, f"x {attack}")
            for show in ("prompt", "received"):
                html = viewer.client.get(url("prompts", row.quoted_id), {"show": show}).content.decode()
                assert "<script>alert" not in html and "<img" not in html and "<svg onload" not in html
                assert "\x00" not in html and "\x1b" not in html


def test_a_run_of_many_messages_is_shown_a_window_at_a_time(lab: Path, viewer: Person) -> None:
    messages = [{"role": "user", "content": f"message {number} " + "x" * 2_000} for number in range(1, 1_249)]
    store(lab, "long", json.dumps({"run_id": "long", "agent_id": "a", "messages": messages, "content": "the end"}))
    refresh_source(get_source("lab"))
    seen: list[int] = []
    start: int | None = 1
    while start is not None:
        answer = viewer.client.get(url("long", "long"), {"from": start})
        page = answer.context["page"]
        assert len(answer.content) < 600_000 and page.messages
        seen += [message.item.place for message in page.messages if message.item.place is not None]
        start = page.next_start
    assert seen == list(range(1, 1_249)) and page.messages[-1].item.text.text == "the end"
    found = viewer.client.get(url("long", "long"), {"from": 1_000}).content.decode()
    assert 'id="m1000"' in found and "message 999 " not in found


@pytest.mark.parametrize("start", ["", "0", "-5", "x", "²", "99999999999", "1249", "5000"])
def test_any_beginning_is_a_page(start: str, lab: Path, viewer: Person) -> None:
    at = url("tools-trouble-01", row_of("tools-trouble-01").quoted_id)
    assert viewer.client.get(at, {"from": start}).status_code == 200


def test_ten_thousand_runs_in_each_other_are_a_page_of_bounded_size(lab: Path, viewer: Person) -> None:
    members = [{"run_id": f"n{number}", "agent_id": "m", "content": "x"} for number in range(10_000)]
    store(lab, "crowd", json.dumps({"run_id": "crowd", "team_id": "t", "member_responses": members}))
    refresh_source(get_source("lab"))
    answer = viewer.client.get(url("crowd", "crowd"))
    assert len(answer.content) < 400_000 and answer.content.count(b"<li") < 2_000
    assert answer.context["page"].steps.left_out == 10_000 - 200
    assert viewer.client.get(url("crowd", "n9999")).status_code == 200


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
