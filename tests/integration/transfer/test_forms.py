"""What the forms say of real sessions, and of hostile ones."""

import json
import re
import sqlite3
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.records import Run, tally
from agentos.transfer.formats import formats
from agentos.transfer.options import Options
from agentos.transfer.walk import told
from tests.integration.db.session_dbs import agent, run

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
EVIL = (
    "<script>alert(1)</script><img src=http://evil.example/i onerror=alert(1)> [a](javascript:alert(1)) "
    "![p](http://evil.example/p)\n# Heading\n</style></title></pre></code>\n```\n<b>x</b>\n\u202e\x1b[31m\ud800 "
    "sk-aaaaaaaaaaaaaaaaaaaaaaaa"
)


def written(source: Source, session_id: str, form: str, **options: Any) -> str:
    return "".join(formats()[form].write(source, session_id, Options(**options)))


def lines(source: Source, session_id: str, **options: Any) -> list[Any]:
    return [json.loads(line) for line in written(source, session_id, "jsonl", **options).splitlines()]


def hostile(source: Source) -> str:
    """Store a session with the same text in every field that any form shows; return its id."""
    call = {"id": "c1", "type": "function", "function": {"name": EVIL, "arguments": EVIL}}
    media = [{"id": EVIL, "filename": EVIL, "url": "http://evil.example/m", "mime_type": EVIL}]
    messages = [
        {"role": "system", "content": EVIL},
        {"role": "user", "content": EVIL, "images": media, "files": media},
        {"role": "assistant", "content": EVIL, "reasoning_content": EVIL, "tool_calls": [call]},
        {"role": "tool", "content": EVIL, "tool_call_id": "c1", "tool_name": EVIL},
        {"role": "assistant", "content": [{"type": "text", "text": EVIL}]},
    ]
    step = {"content": EVIL, "step_name": EVIL, "step_type": EVIL, "executor_name": EVIL, "error": EVIL}
    runs = [
        run(
            "r1",
            "evil",
            agent_name=EVIL,
            model=EVIL,
            model_provider=EVIL,
            messages=messages,
            content=EVIL,
            images=media,
        ),
        run("r2", "evil", status="ERROR", content=EVIL, messages=None, reasoning_content=EVIL, regenerated_from=EVIL),
        run("r3", "evil", agent_id=None, workflow_id="w", workflow_name=EVIL, step_results=[step], metrics=None),
    ]
    data = {"session_name": EVIL, "session_state": {EVIL: EVIL}, "forked_from_session_id": EVIL}
    writer = Writer(source)
    session = agent("evil", agent_id=EVIL, agent_data={"name": EVIL, "model": {"id": EVIL}}, session_data=data)
    session.raw |= {"metadata": {EVIL: EVIL}, "summary": {"summary": EVIL, "topics": [EVIL]}}
    writer.create_session(session)
    for each in runs:
        writer.append_run("evil", each, expect_user_id="alice")
    return "evil"


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class TestHostileText:
    def test_html_loads_and_runs_nothing(self, lab: Source) -> None:
        html = written(lab, hostile(lab), "html")
        allowed = set(
            """html head meta title style body header main section div span bdi h1 h2 h3 h4 h5 h6 dl dt dd p pre code a
            br ol ul li strong em s blockquote hr table thead tbody tr th td""".split()
        )
        tags = Tags(html).found
        assert {tag for tag, _ in tags} <= allowed
        attributes = {name for _, found in tags for name in found}
        safe = {"class", "href", "rel", "start", "lang", "charset", "http-equiv", "content", "name", "title"}
        assert attributes <= safe
        assert all(re.match("https?://|mailto:", str(found["href"])) for tag, found in tags if tag == "a")
        [policy] = [found["content"] for _, found in tags if found.get("http-equiv")]
        assert str(policy).startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in str(policy)
        assert html.count("<style>") == html.count("</style>") == html.count("</title>") == 1
        assert html.rstrip().endswith("</html>") and "url(" not in html.split("</style>")[0] and "@import" not in html

    def test_html_allows_exactly_its_own_style(self, lab: Source) -> None:
        import base64
        import hashlib

        html = written(lab, "tools-trouble-01", "html")
        style = html.partition("<style>")[2].partition("</style>")[0]
        assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in html.partition("<style>")[0]

    def test_markdown_has_no_html_links_or_foreign_headings(self, lab: Source) -> None:
        text = written(lab, hostile(lab), "markdown")
        parsed = MarkdownIt("commonmark", {"html": True}).parse(text)
        kinds = {token.type for token in parsed} | {each.type for token in parsed for each in token.children or []}
        assert not kinds & {"html_block", "html_inline", "link_open", "image"}
        assert sum(token.type == "heading_open" for token in parsed) == 1 + 3
        assert "\x1b" not in text and "\u202e" not in text

    @pytest.mark.parametrize("purpose", ["fine-tuning", "evaluation"])
    def test_each_line_is_json(self, lab: Source, purpose: str) -> None:
        found = written(lab, hostile(lab), "jsonl", purpose=purpose, history=3)
        assert found.isascii() and found.count("\n") == len(found.splitlines()) > 0
        assert all(isinstance(json.loads(line), dict) for line in found.splitlines())

    @pytest.mark.parametrize("form", ["markdown", "html", "jsonl"])
    def test_secrets_go_unless_they_are_wanted(self, lab: Source, form: str) -> None:
        assert "sk-aaaa" not in written(lab, hostile(lab), form).split("Run 1")[-1]
        assert "sk-aaaa" in written(lab, "evil", form, secrets=True)
        assert "sk-aaaa" in written(lab, "evil", "json")

    @pytest.mark.parametrize("form", ["json", "markdown", "html", "jsonl"])
    def test_nothing_for_what_is_not_there(self, lab: Source, form: str) -> None:
        for session_id in ("no such session", "\ud800", "\0", ""):
            assert written(lab, session_id, form) == ""


class TestEverySession:
    @pytest.mark.parametrize("form", ["json", "markdown", "html"])
    def test_each_run_is_told_once(self, lab: Source, form: str) -> None:
        for stamp in Reader(lab).stamps():
            runs = [each.run for each in told(lab, stamp.session_id)]
            assert len(runs) == tally(Reader(lab).all_runs(stamp.session_id)).forest_run_count
            text = written(lab, stamp.session_id, form)
            for each in runs:
                assert isinstance(each, Run) and str(each.run_id) in text

    def test_members_stand_below_their_leader(self, lab: Source) -> None:
        depths = [(each.depth, each.run.kind) for each in told(lab, "team-coordinate")]
        assert depths[0] == (0, "team") and (1, "agent") in depths
        text = written(lab, "team-coordinate", "markdown")
        assert re.search(r"\n## Run 1: .*\n[\s\S]*\n### Agent ", text)

    def test_fine_tuning_is_as_openai_takes_it(self, lab: Source) -> None:
        count = 0
        for stamp in Reader(lab).stamps():
            for line in lines(lab, stamp.session_id, history=3):
                count += 1
                assert line.keys() == {"messages"}
                roles = [message["role"] for message in line["messages"]]
                assert set(roles) <= {"system", "user", "assistant", "tool"} and roles[-1] == "assistant"
                asked = [call["id"] for each in line["messages"] for call in each.get("tool_calls", [])]
                answered = [each["tool_call_id"] for each in line["messages"] if each["role"] == "tool"]
                assert sorted(asked) == sorted(answered)
        assert count > 40

    def test_evaluation_has_every_run_nobody_delegated(self, lab: Source) -> None:
        for stamp in Reader(lab).stamps():
            stored = [
                each for each in Reader(lab).all_runs(stamp.session_id) if isinstance(each, Run) and each.is_top_level
            ]
            found = lines(lab, stamp.session_id, purpose="evaluation")
            assert [line["metadata"]["run_id"] for line in found] == [each.run_id for each in stored]
            assert all(line["expected"] is None and isinstance(line["input"], str) for line in found)

    def test_history_comes_before(self, lab: Source) -> None:
        session_id = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"
        alone, after = (lines(lab, session_id, history=history) for history in (0, 1))
        assert len(alone) == len(after) > 1
        first, second = (line["messages"] for line in alone[:2])
        spoken = [message for message in first if message["role"] != "system"]
        assert after[1]["messages"] == [*second[:1], *spoken, *second[1:]] if second[0]["role"] == "system" else True


def odd_source(tmp_path: Path, sources: Any, lab: Source, runs: str, data: str = "{}") -> Source:
    """A list of runs that some other program wrote."""
    from tests.integration.db.session_dbs import LIST_TABLE

    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as database:
        database.execute(LIST_TABLE.format(table="agno_sessions", json="JSON"))
        database.execute(
            "INSERT INTO agno_sessions (session_id, session_type, agent_id, session_data, runs, created_at)"
            " VALUES ('odd', 'agent', 'a', ?, ?, 1)",
            [data, runs],
        )
    database.close()
    found: list[Source] = sources(f"odd=sqlite:///{path}")
    return found[0]


@pytest.mark.parametrize(
    "runs",
    [
        "{", "3", "null", '"x"', '[null, 3, "x", [], {}]', '[{"n": NaN}]', '[{"n": 1e400}]', "[" * 5000 + "]" * 5000,
        '[{"a": 1, "a": 2}]', '[{"n": ' + "9" * 5000 + "}]", '[{"n": ' + "9" * 40 + "}]",
        '[{"a": ' * 600 + "1" + "}]" * 600,
        '[{"messages": {"role": 3}, "tools": [1, null], "metrics": [], "content": {"a": []}, "agent_id": 5}]',
        '[{"run_id": "a", "parent_run_id": "b"}, {"run_id": "b", "parent_run_id": "a"}, {"run_id": "a"}]',
    ],
)  # fmt: skip
def test_odd_content_is_exported_in_every_form(tmp_path: Path, sources: Any, lab: Source, runs: str) -> None:
    source = odd_source(tmp_path, sources, lab, runs, data='{"n": Infinity}')
    document = json.loads(written(source, "odd", "json"), parse_constant=pytest.fail)
    assert document["session_text"] == {"session_data": '{"n": Infinity}'}
    assert document["run_count"] == len(document["runs"]) == len(Reader(source).all_runs("odd"))
    for form in ("markdown", "html"):
        assert written(source, "odd", form)
    written(source, "odd", "jsonl", purpose="evaluation", history=3)


def test_memory_does_not_grow_with_the_session(lab: Source) -> None:
    Writer(lab).create_session(agent("big"))
    with sqlite3.connect(lab.path) as database:
        raw = run("r", "big", content="x " * 50_000, input={"input_content": "Go"}, messages=None).raw
        rows = [(f"r{at}", json.dumps({**raw, "run_id": f"r{at}"}), at) for at in range(120)]
        database.executemany(
            "INSERT INTO agno_runs (run_id, session_id, run_type, run_data, run_index, created_at)"
            " VALUES (?, 'big', 'agent', ?, ?, 1)",
            rows,
        )
    database.close()
    for form in formats().values():
        tracemalloc.start()
        size = sum(len(piece) for piece in form.write(lab, "big", Options()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 12_000_000 and peak < 9_000_000, (form.name, size, peak)
