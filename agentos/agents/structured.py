"""Answers in a shape that the caller asked for."""

from typing import TYPE_CHECKING, Any

from agentos.agents.request import RunRequest
from agentos.llm import NotStructured, parse_structured, response_format

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent
    from agentos.agents.progress import Progress


def schema_of(component: "ModelComponent", request: RunRequest) -> Any:
    """Return what the answer is to look like: a pydantic model, a JSON schema, or None."""
    return component.output_schema if request.output_schema is None else request.output_schema


def wanted_format(component: "ModelComponent", request: RunRequest) -> dict[str, Any] | None:
    """Return it as a request's `response_format`."""
    schema = schema_of(component, request)
    if schema is None:
        return None
    if component.use_json_mode:
        return {"type": "json_object"}
    return response_format(schema, strict=getattr(component.chat_model(), "strict_output", True))


def accept(progress: "Progress", text: str) -> None:
    """End the run with the model's words; its last ones, `text`, are read as the wanted shape if one was wanted.

    An answer in another shape stays text: it was given, and somebody may want to see it.
    """
    schema = schema_of(progress.component, progress.request)
    if schema is None or not progress.component.parse_response:
        progress.complete(progress.said)
        return
    try:
        value = parse_structured(text, schema)
    except NotStructured:
        progress.complete(progress.said)
        return
    dump = getattr(value, "model_dump", None)
    if dump is None:
        progress.complete(value, "dict", value)
    else:
        progress.complete(dump(mode="json"), type(value).__name__, value)
