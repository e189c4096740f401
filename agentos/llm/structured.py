"""Answers in a given shape: the schema a request states, and reading what came of it.

OpenAI holds a model to a schema only in its strict form (guide "Structured outputs"): every object names all its
properties as required and takes no others, and only some of JSON Schema's words may be used.
"""

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from agentos.llm.base import Json

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")

# Words that strict schemas may not use; what they ask for is still checked when the answer is read.
_LEFT_OUT: Final = frozenset(
    {"default", "discriminator", "examples", "minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties"}
)
# Words whose value is a schema, a list of schemas, an object of schemas.
_SCHEMA: Final = frozenset({"items", "not", "additionalProperties"})
_SCHEMAS: Final = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
_NAMED: Final = frozenset({"properties", "$defs", "definitions"})
_FENCE: Final = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
# Openings from which JSON is tried to be read, at most: each try may read the whole rest.
_TRIES: Final = 50


class NotStructured(ValueError):
    """An answer has not the shape it was asked for; `str()` is a sentence that says what is wrong."""


def response_format(schema: "type[BaseModel] | Json", *, strict: bool = True) -> Json:
    """Return the `Request.response_format` that asks for this shape.

    `schema` is a pydantic class, a JSON schema, or a response format already, which is returned as it is. A schema
    that has no strict form (an object with free keys) is sent as it is, and not strictly.
    """
    if isinstance(schema, dict):
        if schema.get("type") in ("json_object", "json_schema", "text"):
            return schema
        plain = schema
    else:
        plain = schema.model_json_schema()
    name = _NO_NAME.sub("_", str(plain.get("title") or "answer")).strip("_")[:64] or "answer"
    held = strict and is_strictable(plain)
    shape = {"name": name, "schema": strict_schema(plain) if held else plain, "strict": held}
    return {"type": "json_schema", "json_schema": shape}


def is_strictable(schema: Any) -> bool:
    """Return whether the schema has a strict form: no object with free keys, no tuple, no value of any type."""
    if not isinstance(schema, dict):
        return False
    if not {"type", "$ref", "enum", "const", *_SCHEMAS} & schema.keys() or "prefixItems" in schema:
        return False
    free = schema.get("type") == "object" and schema.get("additionalProperties", False) is not False
    if free or (schema.get("type") == "object" and "properties" not in schema):
        return False
    if schema.get("type") == "array" and "items" not in schema:
        return False
    return all(is_strictable(inner) for key, inner in _inner(schema) if key != "additionalProperties")


def strict_schema(schema: Json) -> Json:
    """Return the strict form of a JSON schema, itself unchanged; see `is_strictable`."""
    if "$ref" in schema:
        # A reference takes no neighbours but the definitions of the whole.
        kept = {key: value for key, value in schema.items() if key in ("$ref", "$defs", "definitions")}
    else:
        kept = {key: value for key, value in schema.items() if key not in _LEFT_OUT}
    for key, value in list(kept.items()):
        kept[key] = _strict_value(key, value)
    if "oneOf" in kept:
        kept["anyOf"] = kept.pop("oneOf")
    if len(kept.get("allOf", ())) == 1:
        kept |= kept.pop("allOf")[0]
    if kept.get("type") == "object":
        kept |= {"required": list(kept.get("properties", {})), "additionalProperties": False}
    return kept


def _strict_value(key: str, value: Any) -> Any:
    if key in _SCHEMA and isinstance(value, dict):
        return strict_schema(value)
    if key in _SCHEMAS and isinstance(value, list):
        return [strict_schema(inner) for inner in value]
    if key in _NAMED and isinstance(value, dict):
        return {name: strict_schema(inner) for name, inner in value.items()}
    return value


def _inner(schema: Json) -> list[tuple[str, Any]]:
    """Return the schemas within a schema, each with the word it is under."""
    found = [(key, schema[key]) for key in _SCHEMA & schema.keys()]
    found += [(key, inner) for key in _SCHEMAS & schema.keys() for inner in schema[key]]
    return found + [(key, inner) for key in _NAMED & schema.keys() for inner in schema[key].values()]


@overload
def parse_structured(text: str, schema: type[M]) -> M: ...
@overload
def parse_structured(text: str, schema: Json) -> Json: ...
def parse_structured(text: str, schema: "type[M] | Json") -> "M | Json":
    """Return the answer as an object of the pydantic class, or as a JSON object when the schema is one.

    Code fences and words around the JSON are passed over. A JSON schema is not checked: only that it is an object.

    Raises:
        NotStructured: there is no JSON object in the text, or it does not fit the class.
    """
    from pydantic import ValidationError

    value = _object_in(text)
    if isinstance(schema, dict):
        return value
    try:
        return schema.model_validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise NotStructured(f"The answer does not fit {schema.__name__}: {where}: {first['msg']}.") from error


def _object_in(text: str) -> Json:
    """Return the JSON object that the text is, else the first in a code fence, else the first anywhere in it."""
    for candidate in (text, *_FENCE.findall(text)):
        if isinstance(value := _loads(candidate), dict):
            return value
    decoder = json.JSONDecoder()
    for opening in list(re.finditer(r"\{", text))[:_TRIES]:
        try:
            value, _ = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise NotStructured("The answer holds no JSON object.")


def _loads(text: str) -> Any:
    try:
        return json.loads(text.strip())
    except (ValueError, RecursionError):
        return None
