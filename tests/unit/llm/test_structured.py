"""Answers in a given shape: the schema that is sent, and what is made of the answer."""

import enum
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agentos.llm.base import Request
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.reply import Reply
from agentos.llm.structured import NotStructured, parse_structured, response_format
from agentos.records import Message


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    size: int = Field(ge=1, description="inches")


class Cart(BaseModel):
    name: str = Field(min_length=1, max_length=20)
    colour: Colour = Colour.RED
    note: str | None = None
    front: Wheel = Field(description="the one in front")
    others: list[Wheel] = []


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


def shape_of(schema: Any) -> dict[str, Any]:
    sent: dict[str, Any] = response_format(schema)["json_schema"]
    return sent


def test_optional_fields_are_required_and_may_be_null() -> None:
    sent = shape_of(Cart)
    assert (sent["name"], sent["strict"]) == ("Cart", True)
    assert sent["schema"]["required"] == ["name", "colour", "note", "front", "others"]
    assert sent["schema"]["additionalProperties"] is False
    properties = sent["schema"]["properties"]
    assert properties["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Note"}
    assert properties["name"] == {"type": "string", "title": "Name"}
    assert properties["front"] == {"$ref": "#/$defs/Wheel"}
    assert sent["schema"]["$defs"]["Wheel"]["additionalProperties"] is False
    assert sent["schema"]["$defs"]["Wheel"]["properties"]["size"]["minimum"] == 1
    assert "default" not in json.dumps(sent)


def test_a_shape_that_holds_itself() -> None:
    sent = shape_of(Node)
    assert sent["strict"]
    assert sent["schema"]["$defs"]["Node"]["required"] == ["value", "children"]
    assert sent["schema"]["$ref"] == "#/$defs/Node"


def test_one_of_several() -> None:
    pet = shape_of(Home)["schema"]["properties"]["pet"]
    assert [each["$ref"] for each in pet["anyOf"]] == ["#/$defs/Cat", "#/$defs/Dog"]
    assert not {"oneOf", "discriminator"} & set(pet)


@pytest.mark.parametrize("kind", [dict[str, int], tuple[int, str], Any, list[Any]])
def test_what_has_no_strict_form_is_sent_as_it_is(kind: Any) -> None:
    loose = type("Loose", (BaseModel,), {"__annotations__": {"value": kind}, "__module__": __name__})
    sent = shape_of(loose)
    assert sent["strict"] is False
    assert sent["schema"] == loose.model_json_schema()  # type: ignore[attr-defined]  # a model of pydantic


def test_strictness_can_be_declined() -> None:
    assert response_format(Wheel, strict=False)["json_schema"] == {
        "name": "Wheel",
        "schema": Wheel.model_json_schema(),
        "strict": False,
    }


def test_a_schema_in_json() -> None:
    schema = {"type": "object", "title": "My answer!", "properties": {"a": {"type": "integer", "default": 1}}}
    sent = shape_of(schema)
    assert sent["name"] == "My_answer"
    assert sent["schema"]["properties"] == {"a": {"type": "integer"}}
    assert schema["properties"] == {"a": {"type": "integer", "default": 1}}
    assert shape_of({"type": "object", "properties": {}})["name"] == "answer"
    for ready in ({"type": "json_object"}, response_format(Wheel)):
        assert response_format(ready) is ready


def test_a_real_request(fake_model: Any) -> None:
    reply = Reply()
    request = Request([Message(role="user", content="A cart")], response_format=response_format(Cart))
    for delta in OpenAIChat("m").answer(request, cancelled=lambda: False):
        reply.add(delta)
    assert fake_model.brain.log[0]["body"]["response_format"] == request.response_format
    assert json.loads(reply.text).keys() == Cart.model_fields.keys()


@pytest.mark.parametrize(
    "text",
    [
        '{"size": 3}',
        ' \n{"size": 3}\n',
        '```json\n{"size": 3}\n```',
        'Here you are:\n```\n{"size": 3}\n```\nAnything else?',
        '```{"size": 3}```',
        'Some {words} and {"size": 3}.',
        'First:\n```python\nprint(1)\n```\nthen\n```json\n{"size": 3}\n```',
    ],
)
def test_reading_passes_over_what_is_around(text: str) -> None:
    assert parse_structured(text, Wheel) == Wheel(size=3)
    assert parse_structured(text, Wheel.model_json_schema()) == {"size": 3}


def test_a_fence_within_a_value_is_part_of_it() -> None:
    text = json.dumps({"a": '```json\n{"size": 3}\n```'})
    assert parse_structured(text, {"type": "object"}) == json.loads(text)


def test_enums_are_read_as_json_has_them() -> None:
    cart = parse_structured('{"name": "c", "colour": "blue", "front": {"size": 1}}', Cart)
    assert cart.colour is Colour.BLUE


@pytest.mark.parametrize("text", ["", "no", "[1]", '{"size"', "{" * 100_000, '{"a":' * 100_000])
def test_no_object_is_an_error(text: str) -> None:
    with pytest.raises(NotStructured, match="no JSON object"):
        parse_structured(text, Wheel)


def test_an_object_of_another_shape_is_an_error() -> None:
    with pytest.raises(NotStructured, match=r"does not fit Cart: front\.size: Input should be"):
        parse_structured('{"name": "c", "front": {"size": 0}}', Cart)
