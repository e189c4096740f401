"""A session of 2,000 runs and 20 MB opens like any other: little HTML, few statements, little memory."""

import json
import re
import sqlite3
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.sync import refresh_source
from agentos.db.connections import connection_for
from agentos.db.sources import Source, get_source
from tests.conftest import Person
from tests.corpus import write

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
RUNS = 2000
Open = Callable[[str], list[Source]]


def a_run(number: int) -> str:
    """About 10 kB: a question, a tool call with a long result, an answer with a list and a table."""
    result = json.dumps([{"row": row, "value": f"{number}-{row}" * 6} for row in range(90)])
    answer = f"Answer {number}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" + "- a point to make\n" * 20
    call = {"id": f"c{number}", "type": "function", "function": {"name": "lookup", "arguments": '{"n": 1}'}}
    messages = [
        {"id": f"u{number}", "role": "user", "content": f"Question {number}", "created_at": 1_790_000_000 + number},
        {"id": f"a{number}", "role": "assistant", "tool_calls": [call], "created_at": 1_790_000_000 + number},
        {"id": f"t{number}", "role": "tool", "tool_call_id": f"c{number}", "content": result},
        {"id": f"b{number}", "role": "assistant", "content": answer, "created_at": 1_790_000_000 + number},
    ]
    tool = {"tool_call_id": f"c{number}", "tool_name": "lookup", "tool_args": {"n": 1}, "result": result}
    run = {
        "run_id": f"run-{number:05}", "agent_id": "big", "agent_name": "Big", "session_id": "monster",
        "status": "COMPLETED",
        "messages": messages, "tools": [tool], "content": answer, "created_at": 1_790_000_000 + number,
        "metrics": {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150},
    }  # fmt: skip
    return json.dumps(run)


@pytest.fixture(params=["table", "blob"])
def monster(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path], sources: Open) -> str:
    """The monster in the layout of Agno 3 or 2, in the catalog; returns its URL."""
    layout: str = request.param
    path: Path = corpus_file("agno-v3.db" if layout == "table" else "agno-v2.db")
    with sqlite3.connect(path) as database:
        columns = "session_id, session_type, agent_id, created_at, updated_at"
        values = "('monster', 'agent', 'big', 1790000000, 1790002000)"
        database.execute(f"INSERT INTO agno_sessions ({columns}) VALUES {values}")
        if layout == "table":
            rows = [(f"run-{at:05}", at, a_run(at), 1_790_000_000 + at, 1_790_000_000 + at) for at in range(RUNS)]
            database.executemany(
                "INSERT INTO agno_runs"
                " (run_id, session_id, run_type, status, run_index, run_data, created_at, updated_at)"
                " VALUES (?, 'monster', 'agent', 'COMPLETED', ?, ?, ?, ?)",
                rows,
            )
        else:
            whole = json.dumps("[" + ", ".join(a_run(at) for at in range(RUNS)) + "]")
            assert len(whole) > 20_000_000
            database.execute("UPDATE agno_sessions SET runs = ? WHERE session_id = 'monster'", [whole])
    database.close()
    refresh_source(sources(f"big=sqlite:///{path}")[0])
    return "/sessions/big/monster/"


def test_it_opens_within_its_budget(monster: str, viewer: Person) -> None:
    viewer.client.get(monster)  # templates are compiled once a process
    tracemalloc.start()
    source = connection_for(get_source("big"))
    with CaptureQueriesContext(connection) as own, CaptureQueriesContext(source) as foreign:
        page = viewer.client.get(monster)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert page.status_code == 200
    assert len(page.content) <= 300_000
    assert len(own) + len(foreign) <= 15
    assert peak <= 64_000_000
    html = page.content.decode()
    assert "Answer 1999" in html and "Answer 1900" not in html


VIEWS = ("conversation", "timeline", "log")


def assert_bounded(page: Any, what: object) -> None:
    """300 kB of HTML and 5,000 elements are what a page may have, whatever it shows."""
    assert page.status_code == 200, what
    assert len(page.content) <= 300_000, what
    assert len(re.findall(rb"<[a-zA-Z]", page.content)) <= 5_000, what


@pytest.mark.parametrize("view", VIEWS)
def test_any_window_view_and_tab_stays_within_it(view: str, monster: str, viewer: Person) -> None:
    places: list[dict[str, str]] = [
        {}, {"before": "1000"}, {"after": "5"}, {"run": "run-00700"}, {"run": "run-00700", "message": "4"},
        {"find": "Answer 1234"}, {"find": "point"}, {"prompts": "900"},
    ]  # fmt: skip
    for query in places:
        assert_bounded(viewer.client.get(monster, {"view": view, **query}), query)
    if view == "conversation":
        for query in ({"tab": "raw"}, {"from": "1800"}, {"tab": "tools"}):
            assert_bounded(viewer.client.get(monster, query), query)


def test_finding_leads_to_a_run_that_is_not_loaded(monster: str, viewer: Person) -> None:
    page = viewer.client.get(monster, {"find": "Question 321"})
    assert "Question <mark>321</mark>" in page.content.decode() or "<mark>Question 321</mark>" in page.content.decode()
    assert page.context["page"].view.found.runs == [321]


def test_the_data_is_bounded(monster: str, viewer: Person) -> None:
    data = viewer.client.get(monster, {"format": "json"}).json()
    assert data["session"]["run_count"] == RUNS and len(data["runs"]) == 500 and data["next"] == 500


def a_talk(messages: int) -> dict[str, Any]:
    """One run of many messages, of every shape that makes much HTML of few characters."""
    shapes = ("- a\n" * 2_000, "**a** " * 1_000, '{"a": [1, 2, 3]}\n' * 300, "|a|b|\n|-|-|\n" + "|1|2|\n" * 500)
    listed = [
        {"id": str(at), "role": "user" if at % 2 else "assistant", "content": shapes[at % 4], "created_at": 1790000000}
        for at in range(messages)
    ]  # fmt: skip
    return {"run_id": "talk", "agent_id": "big", "status": "COMPLETED", "messages": listed, "created_at": 1_790_000_000}


def busy(calls: int) -> dict[str, Any]:
    """One run of many tool calls whose results are code, tables and trees."""
    results = (
        "def f(x):\n    return x + 1\n" * 200,
        json.dumps([{"a": 1, "b": 2}] * 300),
        json.dumps({"k": list(range(900))}),
    )
    asked = [{"id": f"c{at}", "function": {"name": "look", "arguments": json.dumps({"n": at})}} for at in range(calls)]
    tools = [
        {"tool_call_id": f"c{at}", "tool_name": "look", "tool_args": {"n": at}, "result": results[at % 3]}
        for at in range(calls)
    ]
    said = [{"id": "m", "role": "assistant", "tool_calls": asked, "created_at": 1_790_000_000}]
    return {"run_id": "busy", "agent_id": "big", "status": "COMPLETED", "messages": said, "tools": tools}


def nested(depth: int) -> dict[str, Any]:
    """A team whose members are teams, and so on."""
    run: dict[str, Any] = {"run_id": "n0", "team_id": "deep", "status": "COMPLETED", "member_responses": []}
    outermost = run
    for at in range(1, depth):
        inner: dict[str, Any] = {"run_id": f"n{at}", "team_id": "deep", "status": "ERROR", "member_responses": []}
        run["member_responses"].append(inner)
        run = inner
    return outermost


def wide(count: int) -> dict[str, Any]:
    """A team with many members' runs inside it."""
    members = [
        {"run_id": f"w{at}", "agent_id": "a", "agent_name": "A", "content": "Done", "status": "COMPLETED"}
        for at in range(count)
    ]
    return {"run_id": "wide", "team_id": "wide", "status": "COMPLETED", "member_responses": members}


@pytest.mark.parametrize("shape", ["talk", "busy", "nested", "wide"])
def test_one_huge_run_stays_within_it(
    shape: str, corpus_file: Callable[[str], Path], sources: Open, viewer: Person
) -> None:
    path: Path = corpus_file("agno-v3.db")
    run = {
        "talk": lambda: a_talk(1_248),
        "busy": lambda: busy(304),
        "nested": lambda: nested(400),
        "wide": lambda: wide(10_000),
    }[shape]()
    write(
        path,
        "INSERT INTO agno_sessions (session_id, session_type, agent_id, created_at) VALUES ('one', 'agent', 'b', 1)",
    )
    write(
        path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
        " VALUES (?, 'one', 'agent', 0, ?, 1790000000)", run["run_id"], json.dumps(run),
    )  # fmt: skip
    refresh_source(sources(f"big=sqlite:///{path}")[0])
    last = {
        "talk": {"run": "talk", "message": "1200"},
        "busy": {"run": "busy", "call": "300"},
        "nested": {"run": "n399"},
        "wide": {"run": "w9000"},
    }[shape]
    for view in VIEWS:
        for query in ({}, last, {"find": "done"}, {"after": "0.600"}):
            assert_bounded(viewer.client.get("/sessions/big/one/", {"view": view, **query}), (view, query))
