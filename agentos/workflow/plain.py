"""Live values of a run as JSON and as text: steps pass any Python objects, what is stored is JSON."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from agentos.records import Record, dumps

__all__ = ["jsonable", "kind_of", "text_of"]


def jsonable(value: Any) -> Any:
    """Return the JSON that stands for a value: records, models and dataclasses become objects, the unknown text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Record):
        return jsonable(value.raw)
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return jsonable({item.name: getattr(value, item.name) for item in dataclasses.fields(value)})
    return str(value)


def text_of(value: Any) -> str:
    """Return a value as a model reads it: text as it is, anything structured as JSON, nothing as ""."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(jsonable(value))


def kind_of(value: Any) -> str:
    """Return the `content_type` of a value: the name of its class, "str" for none."""
    return "str" if value is None else type(value).__name__
