"""Whatever is stored: it parses, every attribute answers, and it dumps to itself."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentos.records import (
    BadRun,
    Message,
    Record,
    Run,
    RunNode,
    Session,
    ToolCall,
    as_datetime,
    build_forest,
    display_name,
    parse_run,
    tally,
    walk,
)
from tests.unit.records.strategies import agno_like, agno_objects, json_values

MESSAGE_LISTS = st.lists(agno_objects | agno_like, max_size=4)


def read_everything(value: Any, depth: int = 0) -> None:
    """Read each public attribute of a record, and of the records they give."""
    if isinstance(value, list):
        for item in value:
            read_everything(item, depth)
    elif isinstance(value, Record | ToolCall) and depth < 4:
        for name in dir(type(value)):
            if not name.startswith("_") and not callable(getattr(type(value), name)):
                read_everything(getattr(value, name), depth + 1)


@given(json_values | agno_like | agno_objects)
def test_any_run(raw: Any) -> None:
    before = copy.deepcopy(raw)
    run = parse_run(raw)
    assert isinstance(run, Run) == isinstance(raw, dict)
    read_everything(run)
    repr(run)
    assert run.to_dict() is raw
    assert raw == before


@given(MESSAGE_LISTS, MESSAGE_LISTS, agno_like)
def test_any_tools_and_messages(messages: list[Any], tools: list[Any], result: Any) -> None:
    run = parse_run({"agent_id": "a", "messages": messages, "tools": tools, "input": result, "content": result})
    read_everything(run)


@given(agno_objects)
def test_any_message(raw: dict[str, Any]) -> None:
    message = Message.from_dict(raw)
    read_everything(message)
    message.text.encode()
    assert message.to_dict() is raw


@given(agno_objects, st.lists(agno_objects | agno_like, max_size=4))
def test_any_session(raw: dict[str, Any], runs: list[Any]) -> None:
    session = Session.from_dict({**raw, "runs": runs})
    read_everything(session)
    title = display_name(session, session.runs)
    assert title is None or title.encode()
    assert session.to_dict()["runs"] is runs


@given(st.lists(agno_objects | agno_like, max_size=6))
def test_any_runs_make_a_forest_and_a_tally(stored: list[Any]) -> None:
    runs = [parse_run(raw) for raw in stored]
    nodes = list(walk(build_forest(runs)))
    ids = [node.run.run_id for node in nodes if isinstance(node.run, Run) and node.run.run_id is not None]
    assert len(ids) == len(set(ids))
    assert len({id(node) for node in nodes}) == len(nodes)
    assert all(node.depth == depth_of(node) for node in nodes)
    counted = tally(runs)
    assert counted.run_count + counted.bad_run_count == len(runs)
    bad = sum(isinstance(node.run, BadRun) for node in nodes)
    assert counted.forest_run_count == len(nodes) - bad


@given(json_values)
def test_any_value_as_a_time(value: Any) -> None:
    as_datetime(value)


@given(st.lists(st.tuples(st.integers(0, 7), st.none() | st.integers(0, 9)), max_size=12))
def test_circles_of_parents_lose_no_run(links: list[tuple[int, int | None]]) -> None:
    runs = [parse_run({"agent_id": "a", "run_id": str(own), "parent_run_id": str(parent)}) for own, parent in links]
    nodes = list(walk(build_forest(runs)))
    assert {node.run.run_id for node in nodes if isinstance(node.run, Run)} == {str(own) for own, _ in links}


def depth_of(node: RunNode) -> int:
    return 0 if node.parent is None else depth_of(node.parent) + 1
