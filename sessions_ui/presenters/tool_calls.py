"""A run's tool calls, each put together from its request, its execution and its message."""

from collections.abc import Iterable
from dataclasses import dataclass

from agentos.records import Message, Run, ToolCall
from sessions_ui.presenters.budget import Budget, Clipped


@dataclass(frozen=True)
class ToolView:
    """A tool call as one line that opens. `number`: its place among the run's calls, from 0, by which it is linked."""

    number: int
    name: str
    brief: str
    status: str
    duration: float | None
    arguments: Clipped
    result: Clipped | None
    note: str

    @property
    def is_error(self) -> bool:
        """Whether it failed."""
        return self.status == "error"


class ToolBook:
    """The calls of one run, with what can only be told from all of them together."""

    def __init__(self, run: Run) -> None:
        self.calls = run.tool_calls
        self._numbers = {id(call): number for number, call in enumerate(self.calls)}
        self._by_request = {id(call.request.raw): call for call in self.calls if call.request is not None}

    def asked_by(self, message: Message) -> list[ToolCall]:
        """Return the calls that a message of the run asks for, in its order. Some providers repeat ids in a run."""
        calls = (self._by_request.get(id(request.raw)) for request in message.tool_calls)
        return [call for call in calls if call is not None]

    def unasked(self) -> list[ToolCall]:
        """Return the calls of which no request is stored."""
        return [call for call in self.calls if call.request is None]

    def views(self, calls: Iterable[ToolCall], budget: Budget) -> list[ToolView]:
        """Return these calls as lines."""
        return [self.view(call, budget) for call in calls]

    def view(self, call: ToolCall, budget: Budget) -> ToolView:
        """Return a call's line and what it opens to."""
        execution = call.execution
        result = call.result
        return ToolView(
            number=self._numbers[id(call)],
            name=call.name or "unnamed tool",
            brief=" ".join(call.arguments[:200].split())[:120],
            status=str(call.status),
            duration=call.duration,
            arguments=budget.take(call.arguments, budget.folded),
            result=None if result is None else budget.take(result, budget.folded),
            note=(execution.confirmation_note or "")[:500] if execution is not None else "",
        )
