"""From what a model asked for to what can be carried out, is refused, or has to wait for somebody."""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_origin

from agentos.records import InputField, RecordError, ToolCallRequest, loads
from agentos.tools.asking import asked
from agentos.tools.calls import Prepared
from agentos.tools.function import Function
from agentos.tools.signature import BadArguments

__all__ = ["prepare", "prepared"]

_UNKNOWN: Final = "Error: there is no tool {name!r}. Tools you can call: {names}."
_UNREADABLE: Final = "Error: the arguments are not a JSON object. Call the tool again with one."


def prepare(requests: Sequence[ToolCallRequest], functions: Mapping[str, Function]) -> list[Prepared]:
    """Return each request with its function and arguments, what is wrong with it, and whom it has to wait for."""
    return [prepared(request, functions) for request in requests]


def prepared(request: ToolCallRequest, functions: Mapping[str, Function]) -> Prepared:
    """Return one of them."""
    function = functions.get(request.name or "")
    if function is None:
        names = ", ".join(functions) or "none"
        return Prepared(request, None, None, problem=_UNKNOWN.format(name=request.name or "", names=names))
    args = _arguments(request)
    if args is None:
        return Prepared(request, function, None, problem=_UNREADABLE)
    call = Prepared(request, function, args)
    try:
        _check(function, args)
        _wait(call, function, args)
    except BadArguments as error:
        call.problem = str(error)
    return call


def _wait(call: Prepared, function: Function, args: dict[str, Any]) -> None:
    """Note whom the call waits for, and what its execution says of it."""
    if function.asks:
        call.pause = "user_feedback" if function.asks == "user_feedback" else "user_input"
        call.waiting_for = {"requires_user_input": True, **asked(function, args)}
    elif function.requires_confirmation:
        call.pause, call.waiting_for = "confirmation", {"requires_confirmation": True}
    elif function.requires_user_input:
        call.pause = "user_input"
        call.waiting_for = {"requires_user_input": True, "user_input_schema": _fields(function, args)}
    elif function.external_execution or function.entrypoint is None:
        call.pause, call.waiting_for = "external_execution", {"external_execution_required": True}


def _check(function: Function, args: dict[str, Any]) -> None:
    """Refuse wrong arguments before anybody is bothered with them; those that hooks or a person may change, later.

    Raises:
        BadArguments: the function cannot be called with them.
    """
    changing = function.pre_hook or function.tool_hooks or function.requires_user_input
    if not changing:
        function.convert(args)


def _arguments(request: ToolCallRequest) -> dict[str, Any] | None:
    """Read the arguments as models write them: JSON, a Python literal, or nothing for none."""
    stored = request.function.arguments if request.function else None
    if stored is None or (isinstance(stored, str) and not stored.strip()):
        return {}
    try:
        read = loads(stored)
    except RecordError:
        read = _literal(stored)
    if read is None:
        return {} if str(stored).strip() == "null" else None
    return read if isinstance(read, dict) else None


def _literal(text: Any) -> Any:
    """Read `{'city': 'Oslo', 'exact': True}`; None for anything that is no JSON then."""
    try:
        return json.loads(json.dumps(ast.literal_eval(text.strip())))
    except (ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError):
        return None


def _fields(function: Function, args: dict[str, Any]) -> list[InputField]:
    """Return what a person is shown: all parameters, those the model was not to fill in without a value."""
    signature = function.signature
    if function.user_input_schema is not None or signature is None:
        given = [item if isinstance(item, dict) else item.to_dict() for item in function.user_input_schema or ()]
        return [InputField(**{"value": args.get(item.get("name", "")), **item}) for item in given]
    own = function.user_input_fields or ()
    return [
        InputField(
            name=name,
            field_type=_type_name(signature.hints.get(name, str)),
            description=signature.descriptions.get(name) or None,
            value=None if name in own else args.get(name),
        )
        for name in signature.wanted
    ]


def _type_name(hint: Any) -> str:
    """Name a type as Agno does: a class by its name, everything else as Python writes it."""
    hint = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)
