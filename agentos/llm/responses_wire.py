"""Stored messages as a request to the Responses API has them: a list of items.

The same care as for chat completions: calls only with their results, no empty turns, media held in the message.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentos.llm.base import Json
from agentos.llm.media_wire import user_parts, web_url
from agentos.llm.wire import ROLES, answered_calls, arguments_of, result_text, results_after
from agentos.records import File, Message, ToolCallRequest

# The key in a message's provider_data under which an answer's reasoning items are kept.
REASONING_ITEMS: Final = "reasoning_items"


def to_items(
    messages: Sequence[Message], *, roles: Mapping[str, str] = ROLES, remote_media: bool = False, reasoning: bool = True
) -> list[Json]:
    """Return the messages as input items, in their order.

    `roles` renames them at last; `remote_media` sends pictures and documents that are stored as a URL by it.
    `reasoning`: whether the server still has the reasoning items that it gave the current question's answers so far;
    those that hold their content, encrypted, are sent in any case. Earlier ones are never sent: the server ignores
    them, or does not have them any more.
    """
    items: list[Json] = []
    latest = max((index for index, message in enumerate(messages) if message.role == "user"), default=-1)
    for index, message in enumerate(messages):
        if message.role in ("system", "developer"):
            items += _spoken(roles.get(message.role, message.role), message.text)
        elif message.role == "user":
            items += _user(message, roles.get("user", "user"), remote_media=remote_media)
        elif message.role in ("assistant", "model"):
            thoughts = _reasoning(message, stored=reasoning) if index > latest else []
            answered = answered_calls(message, results_after(messages, index))
            items += _assistant(message, answered, thoughts, roles.get("assistant", "assistant"))
    return items


def _spoken(role: str, text: str) -> list[Json]:
    return [{"role": role, "content": text}] if text else []


def _reasoning(message: Message, *, stored: bool) -> list[Json]:
    kept = (message.provider_data or {}).get(REASONING_ITEMS)
    items = [item for item in kept if isinstance(item, dict)] if isinstance(kept, list) else []
    return [item for item in items if stored or item.get("encrypted_content")]


def _assistant(
    message: Message, answered: list[tuple[ToolCallRequest, Message]], thoughts: list[Json], role: str
) -> list[Json]:
    """Return the turn's reasoning, words and calls, then the results.

    The server wants a call that it knows by its item's id together with its reasoning; so neither is sent alone.
    """
    whole = bool(thoughts) and len(answered) == len(message.tool_calls)
    items = [*(thoughts if whole else []), *_spoken(role, message.text)]
    for call, _ in answered:
        item_id = {"id": call.id} if whole and (call.id or "").startswith("fc_") else {}
        known = {"type": "function_call", "call_id": call_id_of(call), "name": call.name or "unknown"}
        items.append({**known, **item_id, "arguments": arguments_of(call)})
    return items + [
        {"type": "function_call_output", "call_id": call_id_of(call), "output": result_text(result)}
        for call, result in answered
    ]


def call_id_of(call: ToolCallRequest) -> str:
    """Return the id by which the Responses API pairs a call with its result."""
    return call.call_id or call.id or ""


def _user(message: Message, role: str, *, remote_media: bool) -> list[Json]:
    parts = user_parts(message, remote_media=remote_media, sounds=False, by_url=_file_url if remote_media else None)
    if all(part["type"] == "text" for part in parts):
        return _spoken(role, "\n\n".join(part["text"] for part in parts))
    return [{"role": role, "content": [_part(part) for part in parts]}]


def _file_url(file: File) -> Json | None:
    url = web_url(file)
    return {"type": "input_file", "file_url": url} if url else None


def _part(part: Json) -> Json:
    """Return a part of a chat completion request as the Responses API has it."""
    kind = part["type"]
    if kind == "text":
        return {"type": "input_text", "text": part["text"]}
    if kind == "image_url":
        image: dict[str, Any] = part["image_url"]
        return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
    if kind == "file":
        return {"type": "input_file", **part["file"]}
    return part
