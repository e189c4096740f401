"""What a tool raises to end or to correct the run that called it."""

from collections.abc import Sequence
from typing import Any

from agentos.records import Message

__all__ = ["AgentRunException", "RetryAgentRun", "StopAgentRun"]


class AgentRunException(Exception):
    """Ends a tool call as failed with the text of `exc`; the messages join the run after the tool's own message.

    A message is a text, a Message or the object of one. With `stop_execution` the model is not asked again.
    """

    def __init__(
        self,
        exc: Exception | str,
        user_message: str | Message | None = None,
        agent_message: str | Message | None = None,
        messages: Sequence[dict[str, Any] | Message] | None = None,
        stop_execution: bool = False,
    ) -> None:
        super().__init__(exc)
        self.user_message = user_message
        self.agent_message = agent_message
        self.messages = messages
        self.stop_execution = stop_execution

    def following(self) -> list[Message]:
        """Return the messages that follow the tool's, in the order they are sent."""
        said = [("user", self.user_message), ("assistant", self.agent_message)]
        found = [_message(message, role) for role, message in said if message is not None]
        found += [_message(message, "user") for message in self.messages or ()]
        for message in found:
            message.stop_after_tool_call = self.stop_execution
        return found


class RetryAgentRun(AgentRunException):
    """The model is told what went wrong and is asked again."""

    def __init__(
        self,
        exc: Exception | str,
        user_message: str | Message | None = None,
        agent_message: str | Message | None = None,
        messages: Sequence[dict[str, Any] | Message] | None = None,
    ) -> None:
        super().__init__(exc, user_message, agent_message, messages, stop_execution=False)


class StopAgentRun(AgentRunException):
    """The run ends with this call."""

    def __init__(
        self,
        exc: Exception | str,
        user_message: str | Message | None = None,
        agent_message: str | Message | None = None,
        messages: Sequence[dict[str, Any] | Message] | None = None,
    ) -> None:
        super().__init__(exc, user_message, agent_message, messages, stop_execution=True)


def _message(said: str | dict[str, Any] | Message, role: str) -> Message:
    if isinstance(said, Message):
        return said
    return Message(**{"role": role, **said}) if isinstance(said, dict) else Message(role=role, content=said)
