"""Calls that waited, once somebody has decided: what is carried out now, what is refused, what was done elsewhere."""

from collections.abc import Mapping
from typing import Any, Final

from agentos.records import ToolCallRequest, ToolExecution
from agentos.records.text import as_text
from agentos.tools.asking import answer_text
from agentos.tools.calls import Done, Prepared
from agentos.tools.function import Function

__all__ = ["resume"]

_REFUSED: Final = "The user did not allow this call, so it was not carried out."
_GONE: Final = "Error: the tool {name!r} does not exist any more; the call was not carried out."


def resume(execution: ToolExecution, request: ToolCallRequest, functions: Mapping[str, Function]) -> Prepared | Done:
    """Decide by what the execution holds: `confirmed`, an answered `user_input_schema`, or a result given.

    A Prepared is to be carried out, unless it still has a `pause`; a Done is settled: refused, answered, or carried out
    elsewhere. `execution` itself stays as it is; the new one has its keys and settles what it waited for.
    """
    function = functions.get(execution.tool_name or request.name or "")
    call = Prepared(request, function, dict(execution.tool_args or {}), earlier=execution)
    if execution.external_execution_required:
        return _carried_out_elsewhere(call, execution)
    if execution.requires_confirmation or execution.confirmed is not None:
        return _confirmed(call, execution)
    return _answered(call, execution)


def _carried_out_elsewhere(call: Prepared, execution: ToolExecution) -> Prepared | Done:
    if execution.result is None:
        call.pause = "external_execution"
        return call
    return _settled(call, as_text(execution.result), external_execution_required=False)


def _confirmed(call: Prepared, execution: ToolExecution) -> Prepared | Done:
    if execution.confirmed is None:
        call.pause = "confirmation"
        return call
    if execution.confirmed:
        return _to_carry_out(call, requires_confirmation=False)
    return _settled(
        call,
        execution.confirmation_note or _REFUSED,
        error=True,
        requires_confirmation=False,
        tool_call_error=True,
        result=None,
    )


def _answered(call: Prepared, execution: ToolExecution) -> Prepared | Done:
    fields, questions = execution.user_input_schema, execution.user_feedback_schema
    is_answered = execution.answered or (not questions and fields and all(item.value is not None for item in fields))
    if execution.requires_user_input and not is_answered:
        call.pause = "user_feedback" if questions else "user_input"
        return call
    if questions or _only_asks(call):
        return _settled(call, answer_text(execution), requires_user_input=False, answered=True)
    call.args = {
        **(call.args or {}),
        **{item.name: item.value for item in fields if item.name and item.value is not None},
    }
    return _to_carry_out(call, requires_user_input=False, answered=True)


def _only_asks(call: Prepared) -> bool:
    """Whether the answer is the call's result, for which the tool need not be here: Agno has one of this name."""
    return call.function.asks is not None if call.function is not None else call.request.name == "get_user_input"


def _to_carry_out(call: Prepared, **settled: Any) -> Prepared:
    call.waiting_for = settled
    if call.function is None:
        call.problem = _GONE.format(name=call.request.name or "")
    return call


def _settled(call: Prepared, text: str, *, error: bool | None = None, **settled: Any) -> Done:
    call.waiting_for = settled
    message = call.message(text, error=error)
    message.stop_after_tool_call = stop = bool(call.function and call.function.stop_after_tool_call and not error)
    return Done(call, call.execution(), message, stop=stop)
