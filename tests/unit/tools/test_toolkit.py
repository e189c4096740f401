"""`@tool`, `Toolkit`, and what becomes of the list an agent is given."""

import subprocess
import sys
from typing import Any

import pytest

from agentos.tools import Function, Toolkit, UserControlFlowTools, functions_of, tool
from tests.unit.tools.calls import called


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def fetch(url: str) -> str:
    return url


class Counter(Toolkit):
    def __init__(self, **options: Any) -> None:
        self.count = 0
        super().__init__(name="counter", tools=[self.up, self.reset], **options)

    def up(self, by: int = 1) -> int:
        """Count up."""
        self.count += by
        return self.count

    @tool(requires_confirmation=True)
    def reset(self) -> str:
        """Start anew."""
        self.count = 0
        return "reset"


def test_tool_with_and_without_options() -> None:
    @tool
    def plain(x: int) -> int:
        """Plain."""
        return x

    @tool(name="other", description="Told.", stop_after_tool_call=True, instructions="Rarely.", cache_ttl=5)
    def optioned(x: int) -> int:
        """Not told."""
        return x

    assert isinstance(plain, Function)
    assert (plain.name, plain.description, plain.show_result) == ("plain", "Plain.", False)
    assert (optioned.name, optioned.description, optioned.instructions) == ("other", "Told.", "Rarely.")
    assert optioned.stop_after_tool_call
    assert optioned.show_result
    assert optioned.to_dict()["parameters"]["required"] == ["x"]


def test_options_that_are_none_or_exclude_each_other_are_refused() -> None:
    with pytest.raises(TypeError, match="no option colour"):
        tool(colour="red")
    with pytest.raises(ValueError, match="one of the three"):
        tool(requires_confirmation=True, external_execution=True)(add)
    with pytest.raises(ValueError, match="requires_user_input"):
        tool(user_input_fields=["a"])(add)


def test_what_a_person_fills_in_is_not_asked_of_the_model() -> None:
    made = tool(requires_user_input=True, user_input_fields=["b"])(add)
    assert list(made.parameters["properties"]) == made.parameters["required"] == ["a"]


def test_parameters_can_be_given() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    given = Function(name="search", description="Search.", parameters=schema)
    assert given.to_wire()["function"] == {"name": "search", "description": "Search.", "parameters": schema}
    assert Function(name="bare").to_wire()["function"]["parameters"]["properties"] == {}


def test_arguments_can_be_left_unchecked() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    given = Function(name="add", parameters=schema, entrypoint=lambda a: repr(a), skip_entrypoint_processing=True)
    assert called(given, {"a": "1"}).message.content == "'1'"


def test_a_toolkit_holds_its_methods() -> None:
    counter = Counter()
    assert list(counter.get_functions()) == ["up", "reset"]
    assert counter.functions["up"].entrypoint is not None
    assert counter.functions["up"].entrypoint(by=2) == 2
    reset = counter.functions["reset"]
    assert reset.requires_confirmation
    assert reset.parameters["properties"] == {}
    assert reset.entrypoint is not None
    assert reset.entrypoint() == "reset"
    assert counter.count == 0


def test_a_toolkit_sets_options_by_name() -> None:
    options = {"stop_after_tool_call_tools": ["up"], "cache_results": True, "cache_ttl": 7}
    up = Counter(requires_confirmation_tools=["up"], **options).functions["up"]
    assert (up.requires_confirmation, up.stop_after_tool_call, up.show_result) == (True, True, True)
    assert (up.cache_results, up.cache_ttl) == (True, 7)
    assert Counter(external_execution_required_tools=["up"]).functions["up"].external_execution
    assert Counter(show_result_tools=["up"]).functions["up"].show_result


def test_a_toolkit_leaves_tools_out() -> None:
    assert list(Counter(include_tools=["up"]).functions) == ["up"]
    assert list(Counter(exclude_tools=["up"]).functions) == ["reset"]
    with pytest.raises(ValueError, match="upp"):
        Counter(include_tools=["upp"])


def test_tools_can_be_registered_later_and_under_another_name() -> None:
    toolkit = Toolkit(tools=[add], auto_register=False)
    assert toolkit.functions == {}
    toolkit.register(add, name="plus")
    assert toolkit.functions["plus"].name == "plus"


def test_asynchronous_twins_come_after_the_others() -> None:
    def twin(url: str) -> str:
        return url

    toolkit = Toolkit(tools=[add], async_tools=[(fetch, "fetch"), (twin, "add")])
    found = functions_of([toolkit])
    assert list(found) == ["add", "fetch"]
    assert found["add"].entrypoint is add
    assert toolkit.get_async_functions()["add"].entrypoint is twin


def test_the_first_of_a_name_wins() -> None:
    other = Function(name="add", description="Another.")
    found = functions_of([add, other, Counter(), fetch])
    assert list(found) == ["add", "up", "reset", "fetch"]
    assert found["add"].description == "Add two numbers."


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(TypeError, match="not str"):
        functions_of(["add"])


def test_asking_tools_can_be_left_out() -> None:
    assert UserControlFlowTools(enable_get_user_input=False).functions == {}
    assert "get_user_input" in UserControlFlowTools().functions


def test_importing_the_room_is_cheap() -> None:
    code = (
        "import sys, agentos.tools; sys.exit(any(m in sys.modules for m in ('pydantic', 'docstring_parser', 'django')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
