"""Carries out calls, several at a time, and says of each what is recorded of it (format §3.5)."""

import queue
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from typing import Any, Final

from agentos.records import Message, RecordError, ToolExecution, dumps
from agentos.records.moment import elapsed, now, one_by_one
from agentos.tools.awaiting import Waiter
from agentos.tools.calling import FunctionCall
from agentos.tools.calls import Done, Injected, Prepared
from agentos.tools.result import ToolResult

__all__ = ["execute"]

# Calls of one answer that run at the same time; the others wait for their turn.
_AT_ONCE: Final = 8


def execute(
    prepared: Sequence[Prepared],
    injected: Injected,
    *,
    loop: AbstractEventLoop | None = None,
    parallel: bool = True,
) -> Iterator[Prepared | Done]:
    """Yield each call when it starts, in order, and what became of it when it ends.

    Several calls run in threads, with this thread's context variables; a single one in the calling thread. Async tools
    run on `loop`, or on a loop of their own. Calls that wait for somebody are passed over; calls of which nothing is
    recorded do not start, they only end. What a tool raises beyond Exception (SystemExit) is raised here.
    """
    running = [call for call in prepared if call.pause is None]
    waiter = Waiter(loop)
    if not parallel or one_by_one() or sum(not call.problem for call in running) < 2:
        for call in running:
            if call.is_recorded:
                yield call
            yield _carried_out(call, injected, waiter)
    else:
        yield from _side_by_side(running, lambda call: _carried_out(call, injected, waiter))


def _side_by_side(running: Sequence[Prepared], carry_out: Callable[[Prepared], Done]) -> Iterator[Prepared | Done]:
    ended: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()

    def work(call: Prepared) -> None:
        try:
            ended.put(carry_out(call))
        except BaseException as error:  # raised in the thread that waits
            ended.put(error)

    busy = 0
    for call in running:
        if busy == _AT_ONCE:
            yield _result(ended.get())
            busy -= 1
        if call.is_recorded:
            yield call
        threading.Thread(target=copy_context().run, args=(work, call), name="agentos-tool", daemon=True).start()
        busy += 1
    for _ in range(busy):
        yield _result(ended.get())


def _result(ended: Done | BaseException) -> Done:
    if isinstance(ended, BaseException):
        raise ended
    return ended


def _carried_out(call: Prepared, injected: Injected, waiter: Waiter) -> Done:
    started, began = now(), elapsed()
    if call.problem or call.function is None:
        return _failed(call, _times(started, began))
    fc = FunctionCall(call.function, call.args or {}, injected, waiter, call.call_id)
    fc.carry_out()
    call.args = _storable(fc.arguments) or call.args
    text = _text(fc)
    stop = fc.raised.stop_execution if fc.raised else call.function.stop_after_tool_call
    return Done(
        prepared=call,
        execution=_execution(call, text, fc.error is not None, _times(started, began), stop),
        message=_message(call, text, fc.error is not None, stop),
        media=fc.result.media if isinstance(fc.result, ToolResult) else [],
        stop=stop,
        following=fc.raised.following() if fc.raised else [],
    )


def _storable(arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Return the arguments as a hook may have changed them; None when they are no JSON any more."""
    try:
        dumps(arguments)
    except RecordError:
        return None
    return arguments


def _text(fc: FunctionCall) -> str:
    """Return what the model reads; a result that cannot be written out fails the call."""
    if fc.error is not None:
        return fc.error
    try:
        return str(fc.result.content if isinstance(fc.result, ToolResult) else fc.result)
    except Exception as error:
        fc.error = str(error) or type(error).__name__
        return fc.error


def _failed(call: Prepared, times: dict[str, float]) -> Done:
    """Return the end of a call that could not be made. A tool that ends the run ends it even so, as it does in Agno."""
    if not call.is_recorded:
        return Done(call, None, call.message(call.problem))
    stop = bool(call.function and call.function.stop_after_tool_call)
    execution = _execution(call, call.problem, True, times, stop)
    return Done(call, execution, _message(call, call.problem, True, stop), stop=stop)


def _execution(call: Prepared, text: str, error: bool, times: dict[str, float], stop: bool) -> ToolExecution:
    execution = call.execution()
    execution.raw |= {"result": text, "tool_call_error": error, "metrics": times, "stop_after_tool_call": stop}
    return execution


def _message(call: Prepared, text: str, error: bool, stop: bool) -> Message:
    message = call.message(text, error=error)
    message.stop_after_tool_call = stop
    return message


def _times(started: float, began: float) -> dict[str, float]:
    """Return when a call began and ended, in unix seconds, and how long it took, by a clock nobody sets."""
    return {"start_time": started, "end_time": now(), "duration": elapsed() - began}
