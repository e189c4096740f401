"""A run's tool calls, each put together from its request, its execution and its message."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentos.db.reader import Approval
from agentos.records import HeldApart, Message, Run, ToolCall, ToolExecution
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.contents import Content, content_of

_ANSWER = 200
_BRIEF = 120


@dataclass(frozen=True)
class ToolView:
    """A tool call as one line that opens. `number`: its place among the run's calls, from 0, by which it is linked.

    `attempt` of `attempts`: how often the run had called the same tool with the same arguments. `answered`: sentences
    about what a person was asked for this call. `held_apart`: where the whole result is, if not here.
    """

    number: int
    name: str
    brief: str
    status: str
    duration: float | None
    arguments: Content
    result: Content | None
    note: str
    answered: list[str]
    attempt: int
    attempts: int
    next_attempt: int | None
    next_worked: bool
    held_apart: HeldApart | None

    @property
    def is_error(self) -> bool:
        """Whether it failed."""
        return self.status == "error"

    @property
    def is_empty(self) -> bool:
        """Whether it went well and gave nothing back."""
        return self.status == "ok" and self.result is not None and not self.result.total


class ToolBook:
    """The calls of one run, with what can only be told from all of them together."""

    def __init__(self, run: Run, approvals: Mapping[str, Approval] | None = None) -> None:
        self.calls = run.tool_calls
        self._approvals = approvals or {}
        self._numbers = {id(call): number for number, call in enumerate(self.calls)}
        self._by_request = {id(call.request.raw): call for call in self.calls if call.request is not None}
        self._alike: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for number, call in enumerate(self.calls):
            self._alike[_signature(call)].append(number)

    def asked_by(self, message: Message) -> list[ToolCall]:
        """Return the calls that a message of the run asks for, in its order. Some providers repeat ids in a run."""
        calls = (self._by_request.get(id(request.raw)) for request in message.tool_calls)
        return [call for call in calls if call is not None]

    def unasked(self) -> list[ToolCall]:
        """Return the calls of which no request is stored."""
        return [call for call in self.calls if call.request is None]

    def number_of(self, call: ToolCall) -> int:
        """Return a call's place among the run's calls, from 0."""
        return self._numbers[id(call)]

    def views(self, calls: Iterable[ToolCall], budget: Budget) -> list[ToolView]:
        """Return these calls as lines."""
        return [self.view(call, budget) for call in calls]

    def view(self, call: ToolCall, budget: Budget, each: int | None = None) -> ToolView:
        """Return a call's line and what it opens to, at most `each` characters of each text."""
        number = self._numbers[id(call)]
        alike = self._alike[_signature(call)]
        attempt = alike.index(number) + 1
        following = alike[attempt] if attempt < len(alike) else None
        execution, result = call.execution, call.result
        return ToolView(
            number=number,
            name=call.name or "unnamed tool",
            brief=_brief(call),
            status=str(call.status),
            duration=call.duration,
            arguments=content_of(call.arguments, budget, each),
            result=None if result is None else content_of(result, budget, each),
            note=(execution.confirmation_note or "")[:500] if execution is not None else "",
            answered=self._answered(execution) if execution is not None else [],
            attempt=attempt,
            attempts=len(alike),
            next_attempt=following,
            next_worked=following is not None and self.calls[following].status == "ok",
            held_apart=call.held_apart,
        )

    def _answered(self, execution: ToolExecution) -> list[str]:
        approval = self._approvals.get(execution.approval_id or "")
        by = f" by {approval.resolved_by[:80]}" if approval is not None and approval.resolved_by else ""
        return [*_decision(execution, by), *_answers(execution)]


def approval_ids(run: Run) -> list[str]:
    """Return the ids of the approvals that the run's calls wait or waited for."""
    return [tool.approval_id for tool in run.tools if tool.approval_id]


def _decision(execution: ToolExecution, by: str) -> list[str]:
    """Say what a person decided, and who. A rejected call no longer says that it had to be confirmed."""
    said = []
    if execution.confirmed is not None:
        said.append(f"{'Confirmed' if execution.confirmed else 'Rejected'}{by}.")
    elif execution.requires_confirmation:
        said.append("Has to be confirmed.")
    if execution.external_execution_required:
        is_there = execution.result is not None
        said.append(f"Carried out elsewhere{by}." if is_there else "Waits for a result from elsewhere.")
    if execution.approval_type and not by:
        said.append(f"Approval {execution.approval_type[:40]}, nobody is named.")
    return said


def _answers(execution: ToolExecution) -> list[str]:
    """Say what a person filled in or chose."""
    fields = execution.user_input_schema[:20]
    filled = [f"{field.name or 'unnamed'}: {_short(field.value)}" for field in fields if field.value is not None]
    asked = [field.name or "unnamed" for field in fields if field.value is None]
    said = [f"Filled in by a person: {'; '.join(filled)}."] if filled else []
    if asked:
        said.append(f"A person has yet to fill in: {', '.join(asked)}.")
    for question in execution.user_feedback_schema[:20]:
        chosen = [_short(option) for option in question.selected_options or []]
        said.append(f"{_short(question.question)} {', '.join(chosen) or 'No answer yet.'}")
    return said


def _short(value: Any) -> str:
    try:
        return str(value)[:_ANSWER]
    except (ValueError, RecursionError):
        return "(too long to show)"


def _signature(call: ToolCall) -> tuple[str, str]:
    return call.name, call.arguments


def _brief(call: ToolCall) -> str:
    """Return the arguments as a person would call the tool: `city=Lisbon, days=3`."""
    args = call.args
    if not args:
        return " ".join(call.arguments[:200].split())[:_BRIEF] if args is None else ""
    parts = [f"{key[:40]}={_plain(value)}" for key, value in list(args.items())[:8]]
    return " ".join(", ".join(parts).split())[:_BRIEF]


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return _short(value)[:60]
