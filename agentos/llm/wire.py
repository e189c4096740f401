"""Stored messages as a chat completion request has them.

A history is sent only in a form that providers accept: tool calls with all their results, no empty turns, media
that are held in the message itself. What cannot be sent is named in the text, so that the model knows of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentos.llm.media_wire import user_parts
from agentos.records import Message, ToolCallRequest

Wire = dict[str, Any]

# What roles are called on the wire: OpenAI calls a system message the developer's, and so does Agno.
ROLES: Final[Mapping[str, str]] = {
    "system": "developer",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
# The same for servers that only know the older name of it.
SYSTEM_ROLES: Final = {"system": "system", "developer": "system"}


def to_wire(messages: Sequence[Message], *, roles: Mapping[str, str] = ROLES, remote_media: bool = False) -> list[Wire]:
    """Return the messages for a request to a chat completions endpoint, in their order.

    `roles` renames them at last; `remote_media` sends pictures that are stored as a URL by it.
    """
    wire: list[Wire] = []
    for index, message in enumerate(messages):
        role = message.role
        if role in ("system", "developer"):
            wire += _spoken(role, message.text)
        elif role == "user":
            wire += _user(message, remote_media=remote_media)
        elif role in ("assistant", "model"):
            wire += _assistant(message, results_after(messages, index))
    return [{**each, "role": roles.get(each["role"], each["role"])} for each in wire]


def _spoken(role: str, text: str) -> list[Wire]:
    return [{"role": role, "content": text}] if text else []


def results_after(messages: Sequence[Message], index: int) -> dict[str, Message]:
    """Return the tool messages that directly follow the message at `index`, by the id of the call they answer."""
    results: dict[str, Message] = {}
    for message in messages[index + 1 :]:
        if message.role != "tool":
            break
        if message.tool_call_id:
            results.setdefault(message.tool_call_id, message)
    return results


def _assistant(message: Message, results: dict[str, Message]) -> list[Wire]:
    """Return the message with its answered calls, then their results; a call without a result is left out.

    Tool messages are sent only from here, so that one without its call is left out as well.
    """
    answered = answered_calls(message, results)
    if not answered:
        return _spoken("assistant", message.text)
    calls = [_call(call, result) for call, result in answered]
    turn: Wire = {"role": "assistant", "content": message.text or None, "tool_calls": calls}
    replies = [
        {"role": "tool", "tool_call_id": result.tool_call_id, "content": result_text(result)} for _, result in answered
    ]
    return [turn, *replies]


def answered_calls(message: Message, results: Mapping[str, Message]) -> list[tuple[ToolCallRequest, Message]]:
    """Return the message's calls that have a result, each once, with it.

    A tool message refers to its call by either of the ids that the Responses API gives it.
    """
    answered = []
    for call in message.tool_calls:
        result = next((results[key] for key in call.ids if key in results), None)
        if result is not None and call.function:
            answered.append((call, result))
    return answered


def result_text(result: Message) -> str:
    """Return a tool's result as the model is to see it: in its compressed form when there is one."""
    return result.compressed_content or result.text


def arguments_of(call: ToolCallRequest) -> str:
    """Return the call's arguments; those that are no JSON object are left out: several servers refuse the request."""
    return call.arguments if call.args is not None else "{}"


def _call(call: ToolCallRequest, result: Message) -> Wire:
    function = {"name": call.name or "unknown", "arguments": arguments_of(call)}
    return {"id": result.tool_call_id, "type": "function", "function": function}


def _user(message: Message, *, remote_media: bool) -> list[Wire]:
    parts = user_parts(message, remote_media=remote_media)
    if all(part["type"] == "text" for part in parts):
        return _spoken("user", "\n\n".join(part["text"] for part in parts))
    return [{"role": "user", "content": parts}]
