"""Runs made as of another time: the clock and the ids are the caller's, in threads too, and only there."""

from collections.abc import Callable
from itertools import count

from agentos.records import Message, Requirement, RunOutput, ToolCallRequest, WorkflowSession
from agentos.records.events import RunOutputEvent
from agentos.records.moment import as_of, elapsed, new_id, now, one_by_one
from agentos.tools import Done, Function, Injected, execute, prepare

START = 1_600_000_000.0


def numbered() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def test_records_take_times_and_ids_from_it() -> None:
    with as_of(lambda: START, numbered()):
        assert (Message(role="user").id, Message(role="user").id) == ("id-1", "id-2")
        requirement = Requirement()
        assert requirement.raw["id"] == "id-3"
        assert requirement.raw["created_at"].startswith("2020-09-13T")
        made = (Message(role="user"), RunOutput(run_id="r"), WorkflowSession("s"), RunOutputEvent.now("RunStarted"))
        assert {record.raw["created_at"] for record in made} == {START}


def test_without_it_they_are_the_machines_own() -> None:
    with as_of(lambda: START, numbered()):
        assert one_by_one()
    assert not one_by_one()
    assert now() > START
    assert elapsed() <= elapsed()
    assert new_id() != new_id()


def test_calls_asked_for_at_once_are_carried_out_in_their_order() -> None:
    clock = [START]

    def wait(seconds: float) -> str:
        clock[0] += seconds
        return str(clock[0] - START)

    calls = [
        ToolCallRequest.from_dict({"id": f"call-{seconds}", "function": {"name": "wait", "arguments": arguments}})
        for seconds, arguments in ((4, '{"seconds": 4}'), (2, '{"seconds": 2}'), (1, '{"seconds": 1}'))
    ]
    with as_of(lambda: clock[0], numbered()):
        prepared = prepare(calls, {"wait": Function.from_callable(wait)})
        done = [item for item in execute(prepared, Injected()) if isinstance(item, Done)]
    assert [item.message.content for item in done] == ["4.0", "6.0", "7.0"]
    assert [item.message.id for item in done] == ["id-1", "id-2", "id-3"]
    assert [item.execution.raw["metrics"]["duration"] for item in done if item.execution] == [4, 2, 1]
