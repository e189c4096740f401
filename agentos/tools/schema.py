"""JSON schemas as model servers like them: no titles, no references where a type can stand in its place."""

import copy
from functools import cache
from typing import Any

__all__ = ["closed", "plain_schema", "without"]


def plain_schema(model: Any) -> dict[str, Any]:
    """Return the schema of a pydantic model as one self-contained object with type, properties and required."""
    found = model.model_json_schema(schema_generator=_generator())
    definitions = found.pop("$defs", {})
    schema = {"type": "object", "properties": {}, "required": [], **_inlined(found, definitions)}
    required, properties = schema["required"], schema["properties"]
    for name, part in properties.items():
        if name not in required:
            properties[name] = _may_be_left_out(part)
    if _refers(schema):
        schema["$defs"] = {name: _untitled(part) for name, part in definitions.items()}
    return schema


def without(schema: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the schema with these properties left out."""
    properties = {name: part for name, part in schema.get("properties", {}).items() if name not in names}
    return schema | {"properties": properties, "required": [n for n in schema.get("required", []) if n not in names]}


def closed(schema: Any) -> Any:
    """Return the schema as OpenAI's strict mode wants it: every object lists all its properties as required."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed_part(key, part) for key, part in schema.items() if key != "default"}
    if isinstance(inner.get("properties"), dict):
        inner |= {"additionalProperties": False, "required": list(inner["properties"])}
    return inner


def _closed_part(key: str, part: Any) -> Any:
    if key in ("properties", "$defs") and isinstance(part, dict):
        return {name: closed(item) for name, item in part.items()}
    return closed(part)


@cache
def _generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        """Lets pass what JSON Schema has no word for: the check of the arguments knows it all the same."""

        # A default that is no JSON is the function's own business.
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
            return {}

    return Generator


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return the schema with its references replaced, except where a type contains itself, and without titles."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions and not _contains_itself(name, definitions):
        beside = {key: part for key, part in schema.items() if key != "$ref"}
        return _inlined(copy.deepcopy(definitions[name]) | beside, definitions)
    return {key: _inlined_part(key, part, definitions) for key, part in _titleless(schema).items()}


def _inlined_part(key: str, part: Any, definitions: dict[str, Any]) -> Any:
    if key == "properties" and isinstance(part, dict):
        return {name: _inlined(item, definitions) for name, item in part.items()}
    return part if key in ("default", "examples", "enum", "const") else _inlined(part, definitions)


def _contains_itself(name: str, definitions: dict[str, Any]) -> bool:
    waiting, met = [name], set[str]()
    while waiting:
        for found in _references(definitions.get(waiting.pop(), {})):
            if found == name:
                return True
            if found not in met:
                met.add(found)
                waiting.append(found)
    return False


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _references(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].removeprefix("#/$defs/")] if isinstance(schema.get("$ref"), str) else []
    return own + [name for item in schema.values() for name in _references(item)]


def _refers(schema: Any) -> bool:
    return bool(_references(schema))


def _untitled(schema: Any) -> Any:
    return _inlined(schema, {})


def _titleless(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out the title pydantic derives from a name: it says nothing the name does not."""
    return {key: part for key, part in schema.items() if key != "title" or not isinstance(part, str)}


def _may_be_left_out(part: dict[str, Any]) -> dict[str, Any]:
    """Say of an optional parameter what it is when it is given: null is the same as leaving it out."""
    part = {key: value for key, value in part.items() if key != "default" or value is not None}
    options = [option for option in part.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return part
    return {**options[0], **{key: value for key, value in part.items() if key != "anyOf"}}
