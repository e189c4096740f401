"""Tool calls: what a model asked for, what was carried out, and how the two are joined."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agentos.records.details import InputField, UserQuestion
from agentos.records.fields import Flag, Integer, Many, Object, One, Record, Switch, Text, Value
from agentos.records.messages import Message, ToolCallRequest
from agentos.records.metrics import Metrics
from agentos.records.text import as_text, one_line_json

__all__ = ["HeldApart", "ToolCall", "ToolCallStatus", "ToolExecution", "join_tool_calls"]

# What Agno 3 leaves in place of a large result (format §3.5). It stands at the very beginning.
_ENVELOPE: Final = re.compile(
    r'<result id="(res_[0-9A-Za-z_-]{1,80})" tool="([^"]{0,200})" lines="(\d{1,12})" size="([^"]{0,40})">'
)


@dataclass(frozen=True, slots=True)
class HeldApart:
    """Where a large result went: its id among the tool results, and what its envelope says of it."""

    result_id: str
    lines: int
    size: str


class ToolExecution(Record):
    """An entry of a run's `tools`. Agno writes every key, null or not; `parent_tool_call_id` is Agno 3's."""

    __slots__ = ()
    always = (
        *("tool_call_id", "tool_name", "tool_args", "tool_call_error", "result", "metrics", "child_run_id"),
        *("stop_after_tool_call", "created_at", "requires_confirmation", "confirmed", "confirmation_note"),
        *("requires_user_input", "user_input_schema", "user_feedback_schema", "answered"),
        *("external_execution_required", "external_execution_silent", "approval_type", "approval_id"),
    )
    tool_call_id = Text()
    tool_name = Text()
    tool_args = Object()
    tool_call_error = Switch()
    result = Value()
    metrics = One(Metrics)
    child_run_id = Text()
    stop_after_tool_call = Flag()
    created_at = Integer()
    requires_confirmation = Switch()
    confirmed = Switch()
    confirmation_note = Text()
    requires_user_input = Switch()
    user_input_schema = Many(InputField)
    user_feedback_schema = Many(UserQuestion)
    answered = Switch()
    external_execution_required = Switch()
    external_execution_silent = Switch()
    approval_type = Text()
    approval_id = Text()
    parent_tool_call_id = Text()

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"stop_after_tool_call": False, **values})

    @property
    def is_waiting(self) -> bool:
        """Whether a person, or a program elsewhere, has yet to confirm, answer or carry out this call."""
        if self.result is not None:
            return False
        return (
            bool(self.requires_confirmation and self.confirmed is None)
            or bool(self.requires_user_input and not self.answered)
            or bool(self.user_feedback_schema and not self.answered)
            or bool(self.external_execution_required)
        )


class ToolCallStatus(StrEnum):
    """What became of a call; `not_stored` when neither a result nor an error is."""

    OK = "ok"
    ERROR = "error"
    REJECTED = "rejected"
    WAITING = "waiting"
    NOT_STORED = "not_stored"


@dataclass(slots=True)
class ToolCall:
    """One call, put together from up to three places: the request, the execution and the tool message."""

    request: ToolCallRequest | None = None
    execution: ToolExecution | None = None
    message: Message | None = None

    @property
    def id(self) -> str | None:
        """The provider's id of the call."""
        if self.request and self.request.ids:
            return self.request.ids[0]
        if self.execution and self.execution.tool_call_id:
            return self.execution.tool_call_id
        return self.message.tool_call_id if self.message else None

    @property
    def name(self) -> str:
        """Name of the tool; "" when none is stored."""
        return (
            (self.execution and self.execution.tool_name)
            or (self.request and self.request.name)
            or (self.message and self.message.tool_name)
            or ""
        )

    @property
    def arguments(self) -> str:
        """The arguments as the model wrote them, possibly not JSON; else the stored ones as JSON."""
        if self.request and self.request.arguments:
            return self.request.arguments
        return "" if self.args is None else one_line_json(self.args)

    @property
    def args(self) -> dict[str, Any] | None:
        """The arguments, parsed; None when they are not a JSON object."""
        if self.execution and self.execution.tool_args is not None:
            return self.execution.tool_args
        if self.request:
            return self.request.args
        stored = self.message.tool_args if self.message else None
        return stored if isinstance(stored, dict) else None

    @property
    def result(self) -> str | None:
        """What the tool returned, or the message that went to the model instead; None when nothing is stored."""
        if self.execution and self.execution.result is not None:
            return as_text(self.execution.result)
        return self.message.text if self.message else None

    @property
    def held_apart(self) -> HeldApart | None:
        """The whole result's place, when Agno stored it apart and left a preview here."""
        found = _ENVELOPE.match(self.result or "")
        return HeldApart(found[1], int(found[3]), found[4]) if found else None

    @property
    def status(self) -> ToolCallStatus:
        """How the call ended, as far as it is stored."""
        if self.execution and self.execution.confirmed is False:
            return ToolCallStatus.REJECTED
        if self.execution and self.execution.is_waiting and self.message is None:
            return ToolCallStatus.WAITING
        if self._failed():
            return ToolCallStatus.ERROR
        return ToolCallStatus.NOT_STORED if self.result is None else ToolCallStatus.OK

    @property
    def error(self) -> bool:
        """Whether the call failed; a rejected call has not run, and counts as an error as it does in Agno."""
        return self.status == ToolCallStatus.ERROR or self._failed()

    @property
    def duration(self) -> float | None:
        """Seconds the tool ran."""
        metrics = self.execution.metrics if self.execution else None
        return metrics.duration if metrics else None

    @property
    def created_at(self) -> int | None:
        """When it was carried out, in unix seconds."""
        return (self.execution and self.execution.created_at) or (self.message and self.message.created_at) or None

    def _failed(self) -> bool:
        if self.execution and self.execution.tool_call_error is not None:
            return self.execution.tool_call_error
        if self.message is None:
            return False
        if self.message.tool_call_error is not None:
            return self.message.tool_call_error
        # A call of an unknown tool, or with arguments that are no JSON, leaves only such a message.
        return self.execution is None and self.message.text.startswith("Error")


def join_tool_calls(tools: Iterable[ToolExecution], messages: Iterable[Message]) -> list[ToolCall]:
    """Return each call once, in the order it was asked for; executions without a request come last.

    Executions and tool messages refer to a request by its `id` or, with the OpenAI Responses API, by its `call_id`.
    Copies of earlier runs' messages are passed over.
    """
    joiner = _Joiner()
    for message in messages:
        if not message.from_history:
            joiner.add_message(message)
    for tool in tools:
        joiner.add_execution(tool)
    return joiner.calls


class _Joiner:
    """Calls found so far, and under which id each waits for which of its parts."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self._lacking: defaultdict[tuple[str, str], deque[ToolCall]] = defaultdict(deque)

    def add_message(self, message: Message) -> None:
        for request in message.tool_calls:
            self._add(ToolCall(request=request), *request.ids)
        if message.role == "tool":
            self._find("message", message.tool_call_id).message = message

    def add_execution(self, tool: ToolExecution) -> None:
        self._find("execution", tool.tool_call_id).execution = tool

    def _find(self, part: str, call_id: str | None) -> ToolCall:
        """Return the first call of this id that lacks the part: some providers repeat ids within a run."""
        if not call_id:
            return self._add(ToolCall())
        lacking = self._lacking[part, call_id]
        while lacking:
            call = lacking.popleft()
            if getattr(call, part) is None:
                return call
        return self._add(ToolCall(), call_id)

    def _add(self, call: ToolCall, *ids: str) -> ToolCall:
        self.calls.append(call)
        for call_id in ids:
            self._lacking["message", call_id].append(call)
            self._lacking["execution", call_id].append(call)
        return call
