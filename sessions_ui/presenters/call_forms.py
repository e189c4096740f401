"""A tool call written out to be used elsewhere: as JSON, as a request with curl, as a call in Python.

A tool has no address of its own: the request posts the arguments to one that whoever runs it fills in. Nothing that is
stored can leave its quotes, nor show as something else: what has no glyph is written as an escape.
"""

import json
import keyword
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agentos.records import ToolCall, readable

LIMIT = 100_000
"""Characters of arguments that are written out; more are a download."""


@dataclass(frozen=True)
class Form:
    """One way to write a call. `words` says what it is."""

    name: str
    language: str
    text: str
    words: str


def forms_of(call: ToolCall) -> list[Form]:
    """Return the ways to write a call; none when its arguments are too long or too deep."""
    if len(call.arguments) > LIMIT:
        return []
    try:
        return [Form(name, language, write(call), words) for name, language, write, words in _FORMS]
    except (ValueError, RecursionError):  # integers of more than 4,300 digits; nested without end
        return []


def as_json(call: ToolCall) -> str:
    """Return name and arguments as JSON; arguments that are no object stay the text they are."""
    return _json({"name": call.name, "arguments": _arguments(call)}, indent=2)


def as_curl(call: ToolCall) -> str:
    """Return a command for a POSIX shell that posts the arguments to `$TOOLS_URL/<name>`."""
    path = quote(readable(call.name) or "unnamed", safe="")
    body = shlex.quote(_json(_arguments(call)))
    return (
        f'curl --request POST "$TOOLS_URL"/{shlex.quote(path)} \\\n'
        f"  --header 'Content-Type: application/json' \\\n  --data-raw {body}"
    )


def as_python(call: ToolCall) -> str:
    """Return a call with keywords, or with a dict where names are none that Python takes."""
    args = _arguments(call)
    name = call.name if _is_name(call.name) else f"tools[{call.name!r}]"
    if not isinstance(args, dict):
        return f"{name}({args!r})"
    if all(_is_name(key) for key in args):
        return f"{name}({', '.join(f'{key}={value!r}' for key, value in args.items())})"
    return f"{name}(**{args!r})"


def _arguments(call: ToolCall) -> Any:
    args = call.args
    return call.arguments if args is None and call.arguments else args or {}


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def _json(value: Any, indent: int | None = None) -> str:
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in written)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1]


_FORMS = (
    ("JSON", "json", as_json, "The call as a model asks for it."),
    ("curl", "bash", as_curl, "Posts the arguments to an address of yours, as Agno's tools have none: set TOOLS_URL."),
    ("Python", "python", as_python, "Calls a function of the tool's name."),
)
