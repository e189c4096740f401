"""What a function tells a model of itself, and which arguments it takes."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agentos.tools import Function
from agentos.tools.signature import BadArguments, Signature


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Person(BaseModel):
    name: str
    age: int = Field(3, description="in years")


@dataclass
class Place:
    city: str
    country: str | None = None


class Tree(BaseModel):
    value: int
    branches: "list[Tree]" = []


def book(  # type: ignore[no-untyped-def]  # a tool without types is the test
    city: str,
    nights: int,
    colour: Colour,
    guests: list[Person],
    place: Place,
    meal: Literal["full", "half"],
    extras: dict[str, int],
    budget: float | None = None,
    pets: int | str = 0,
    anything=None,
    *args: Any,
) -> str:
    """Book a room.

    It is paid on arrival.

    Args:
        city: Where to stay.
        nights (int): How long.
        budget: The most it may cost.
    """
    return city


BOOK = Signature(book)


def properties(target: Callable[..., Any]) -> dict[str, Any]:
    return dict(Signature(target).schema()["properties"])


def test_each_type_has_its_schema() -> None:
    schema = Function.from_callable(book).parameters
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["city", "nights", "colour", "guests", "place", "meal", "extras"]
    found = schema["properties"]
    assert "args" not in found
    assert found["city"] == {"type": "string", "description": "Where to stay."}
    assert found["nights"] == {"type": "integer", "description": "How long."}
    assert found["colour"] == {"type": "string", "enum": ["red", "blue"]}
    assert found["guests"]["items"]["properties"]["age"] == {"type": "integer", "default": 3, "description": "in years"}
    assert found["place"]["required"] == ["city"]
    assert found["meal"] == {"type": "string", "enum": ["full", "half"]}
    assert found["extras"]["additionalProperties"] == {"type": "integer"}
    assert found["budget"] == {"type": "number", "description": "The most it may cost."}
    assert found["pets"] == {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 0}
    assert found["anything"] == {}


def test_the_docstring_describes_the_tool() -> None:
    assert Function.from_callable(book).description == "Book a room.\nIt is paid on arrival."


@pytest.mark.parametrize(
    "docstring",
    [
        "Find.\n\nArgs:\n    city: Where to look.",
        "Find.\n\n:param city: Where to look.",
        "Find.\n\nParameters\n----------\ncity : str\n    Where to look.",
    ],
    ids=["google", "sphinx", "numpy"],
)
def test_parameters_are_described_in_any_usual_style(docstring: str) -> None:
    def find(city: str) -> str:
        return city

    find.__doc__ = docstring
    assert properties(find)["city"] == {"type": "string", "description": "Where to look."}
    assert Signature(find).description == "Find."


def test_a_function_may_say_nothing() -> None:
    wire = Function.from_callable(lambda: "x", name="nothing").to_wire()
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert wire == {"type": "function", "function": {"name": "nothing", "description": "", "parameters": empty}}


def test_what_is_injected_is_not_in_the_schema() -> None:
    def look(  # type: ignore[no-untyped-def]  # a tool without types is the test
        run_context, agent, team, session_state, dependencies, images, videos, audio, files, city: str
    ):
        """Look."""

    assert list(properties(look)) == ["city"]


def test_annotations_say_more_than_the_docstring() -> None:
    def look(city: Annotated[str, Field(description="A city.", min_length=2)], n: int = Field(3, ge=1)) -> int:
        """Look.

        :param city: Something else.
        """
        return n

    assert properties(look)["city"] == {"type": "string", "description": "A city.", "minLength": 2}
    signature = Signature(look)
    assert look(**signature.convert({"city": "Oslo"})) == 3
    with pytest.raises(BadArguments, match="n: "):
        signature.convert({"city": "Oslo", "n": 0})


def test_a_type_that_contains_itself_keeps_its_reference() -> None:
    def plant(tree: Tree) -> int:
        return tree.value

    schema = Signature(plant).schema()
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
    converted = Signature(plant).convert({"tree": {"value": 1, "branches": [{"value": 2}]}})
    assert converted["tree"].branches[0].value == 2


def test_a_parameter_may_have_any_name() -> None:
    def take(schema: str, json: int, title: str = "t", _hidden: int = 1, copy: bool = False) -> str:
        return schema

    assert list(properties(take)) == ["schema", "json", "title", "_hidden", "copy"]
    assert Signature(take).convert({"schema": "s", "json": "4", "_hidden": 2}) == {
        "schema": "s",
        "json": 4,
        "_hidden": 2,
    }


def test_types_json_knows_nothing_of_are_no_obstacle() -> None:
    class Opaque:
        pass

    def take(thing: Opaque, fallback: Opaque = Opaque(), later: "Undefined" = None) -> str:  # type: ignore[name-defined]  # noqa: B008, F821  # what no schema can say is the test
        return "x"

    assert list(properties(take)) == ["thing", "fallback", "later"]


def test_strict_lists_everything_as_required() -> None:
    function = Function.from_callable(book, strict=True).to_wire()["function"]
    assert function["strict"] is True
    assert function["parameters"]["required"] == list(function["parameters"]["properties"])
    assert function["parameters"]["properties"]["guests"]["items"]["additionalProperties"] is False
    assert function["parameters"]["properties"]["guests"]["items"]["required"] == ["name", "age"]


def test_arguments_arrive_as_what_the_function_asks_for() -> None:
    converted = Signature(book).convert(
        {
            "city": "Oslo",
            "nights": "2",
            "colour": "red",
            "guests": [{"name": "Ann"}],
            "place": {"city": "Oslo"},
            "meal": "full",
            "extras": {"towel": 1},
            "budget": None,
        }
    )
    assert converted["nights"] == 2
    assert converted["colour"] is Colour.RED
    assert converted["guests"] == [Person(name="Ann", age=3)]
    assert converted["place"] == Place("Oslo")
    assert "pets" not in converted


def test_what_is_wrong_is_said_in_plain_words() -> None:
    def take(city: str, nights: int) -> None: ...

    with pytest.raises(BadArguments) as caught:
        Signature(take).convert({"nights": "many", "smoking": True})
    assert str(caught.value).startswith("Error")
    for part in ("city: Field required", "nights: ", "smoking: "):
        assert part in str(caught.value)
    assert "http" not in str(caught.value)


def test_more_arguments_reach_a_function_that_takes_any() -> None:
    def take(city: str, **others: Any) -> None: ...

    assert Signature(take).convert({"city": "Oslo", "n": 1}) == {"city": "Oslo", "n": 1}


def test_methods_partials_objects_and_classes_are_tools() -> None:
    class Shop:
        def sell(self, item: str) -> str:
            """Sell it."""
            return item

        def __call__(self, price: int) -> int:
            return price

    assert list(properties(Shop().sell)) == ["item"]
    assert properties(Shop())["price"] == {"type": "integer"}
    bought = Function.from_callable(partial(Shop().sell, item="x"))
    assert (bought.name, bought.description) == ("sell", "Sell it.")
    assert properties(partial(Shop().sell))["item"] == {"type": "string"}
    assert properties(Place)["city"] == {"type": "string"}
    assert Function.from_callable(Shop()).name == "Shop"


@given(
    st.dictionaries(st.sampled_from([*BOOK.wanted, "?"]), st.none() | st.integers() | st.text() | st.lists(st.text()))
)
def test_no_arguments_raise_anything_else(arguments: dict[str, Any]) -> None:
    try:
        BOOK.convert(arguments)
    except BadArguments as error:
        assert str(error).startswith("Error")
