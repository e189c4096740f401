"""The calls a model asked for, before and after they are carried out."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agentos.records import Media, Message, ToolCallRequest, ToolExecution
from agentos.records.moment import now
from agentos.tools.function import Function

__all__ = ["Done", "Injected", "Pause", "Prepared"]

Pause: TypeAlias = Literal["confirmation", "user_input", "user_feedback", "external_execution"]


@dataclass
class Injected:
    """What tools and hooks may ask for by the name of a parameter; None reaches them as it is."""

    run_context: Any = None
    agent: Any = None
    team: Any = None
    session_state: dict[str, Any] | None = None
    dependencies: dict[str, Any] | None = None
    images: Any = None
    videos: Any = None
    audio: Any = None
    files: Any = None


@dataclass(eq=False)
class Prepared:
    """One call: which function, with which arguments, and what keeps it from being carried out.

    `problem` is what the model is told instead of a result; it begins with "Error". `pause` says whom the call waits
    for, and `waiting_for` what it asks of them, as keys of an execution. `earlier` is the stored execution of a call
    that waited and now goes on.
    """

    request: ToolCallRequest
    function: Function | None
    args: dict[str, Any] | None
    problem: str = ""
    pause: Pause | None = None
    waiting_for: dict[str, Any] = field(default_factory=dict)
    earlier: ToolExecution | None = None
    created_at: int = field(default_factory=lambda: int(now()))

    @property
    def call_id(self) -> str | None:
        """The id by which message and execution refer to the request."""
        return self.request.ids[0] if self.request.ids else None

    @property
    def is_recorded(self) -> bool:
        """Whether it has an execution: calls of unknown tools or with unreadable arguments leave none (format §3.5)."""
        return self.earlier is not None or (self.function is not None and self.args is not None)

    def execution(self) -> ToolExecution:
        """Return the call as it stands before it is carried out: new, or with what it waited for settled."""
        if self.earlier is not None:
            return ToolExecution.from_dict({**self.earlier.raw, "tool_args": self.args, **self.waiting_for})
        function = self.function
        return ToolExecution(
            tool_call_id=self.call_id,
            tool_name=self.request.name,
            tool_args=self.args,
            created_at=self.created_at,
            external_execution_silent=function.external_execution_silent if function else None,
            approval_type=function.approval_type if function else None,
            **self.waiting_for,
        )

    def message(self, text: str, *, error: bool | None = None) -> Message:
        """Return the tool message with this text; `error` is None for a call that was not carried out here."""
        recorded = self.is_recorded
        return Message(
            role="tool",
            content=text,
            tool_call_id=self.call_id,
            tool_name=self.request.name,
            tool_args=(self.args or None) if recorded else None,
            tool_call_error=error if recorded else None,
        )


@dataclass(eq=False)
class Done:
    """What became of a call. `following` are messages a tool asked to be sent after its own; `stop` ends the run."""

    prepared: Prepared
    execution: ToolExecution | None
    message: Message
    media: list[Media] = field(default_factory=list)
    stop: bool = False
    following: list[Message] = field(default_factory=list)
