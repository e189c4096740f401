"""Calls as a model asks for them, carried out."""

import json
from collections.abc import Sequence
from typing import Any

from agentos.records import ToolCallRequest, ToolExecution
from agentos.tools import Done, Injected, Prepared, execute, functions_of, prepare


def request(name: str, arguments: Any = None, call_id: str = "call_1") -> ToolCallRequest:
    """Return a request; a dict is written as JSON, a text stays as it is."""
    written = json.dumps(arguments) if isinstance(arguments, dict) else arguments
    return ToolCallRequest.from_dict(
        {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": written if written is not None else "{}"},
        }
    )


def one(tool: Any, arguments: Any = None) -> Prepared:
    """Return the prepared call of this tool."""
    functions = functions_of([tool])
    return prepare([request(next(iter(functions)), arguments)], functions)[0]


def ended(calls: Sequence[Prepared], injected: Injected | None = None, **options: Any) -> list[Done]:
    """Carry them out; return their ends as they come."""
    return [item for item in execute(calls, injected or Injected(), **options) if isinstance(item, Done)]


def called(tool: Any, arguments: Any = None, injected: Injected | None = None, **options: Any) -> Done:
    """Call one tool."""
    return ended([one(tool, arguments)], injected, **options)[0]


def execution_of(done: Done) -> ToolExecution:
    """Return what is recorded."""
    assert done.execution is not None
    return done.execution
