"""Stored messages as a chat completion request has them.

A history is sent only in a form that providers accept: tool calls with all their results, no empty turns, media
that are held in the message itself. What cannot be sent is named in the text, so that the model knows of it.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from agentos.records import File, Image, Media, Message, ToolCallRequest

Wire = dict[str, Any]

_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
# Characters: a picture as base64, and a text file. What is longer is named, not sent.
MAX_IMAGE: Final = 20 * 1024 * 1024
MAX_FILE: Final = 200_000


def to_wire(messages: Sequence[Message]) -> list[Wire]:
    """Return the messages for a request to a chat completions endpoint, in their order."""
    wire: list[Wire] = []
    for index, message in enumerate(messages):
        role = message.role
        if role in ("system", "developer"):
            wire += _spoken("system", message.text)
        elif role == "user":
            wire += _user(message)
        elif role in ("assistant", "model"):
            wire += _assistant(message, _results_after(messages, index))
    return wire


def _spoken(role: str, text: str) -> list[Wire]:
    return [{"role": role, "content": text}] if text else []


def _results_after(messages: Sequence[Message], index: int) -> dict[str, Message]:
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
    # A tool message refers to its call by either of the ids that the Responses API gives it.
    answered = [
        (call, results[key]) for call in message.tool_calls for key in call.ids[:2] if key in results and call.function
    ]
    if not answered:
        return _spoken("assistant", message.text)
    calls = [_call(call, result) for call, result in answered]
    turn: Wire = {"role": "assistant", "content": message.text or None, "tool_calls": calls}
    replies = [{"role": "tool", "tool_call_id": result.tool_call_id, "content": result.text} for _, result in answered]
    return [turn, *replies]


def _call(call: ToolCallRequest, result: Message) -> Wire:
    """Return the call. Arguments that are not a JSON object are left out: several servers refuse the request."""
    arguments = call.arguments if call.args is not None else "{}"
    function = {"name": call.name or "unknown", "arguments": arguments}
    return {"id": result.tool_call_id, "type": "function", "function": function}


def _user(message: Message) -> list[Wire]:
    parts = [{"type": "text", "text": message.text}] if message.text else []
    parts += [_image(image) for image in message.images]
    parts += [_file(file) for file in message.files]
    parts += [_absent("a recording", medium) for medium in message.audio]
    parts += [_absent("a video", medium) for medium in message.videos]
    if all(part["type"] == "text" for part in parts):
        return _spoken("user", "\n\n".join(part["text"] for part in parts))
    return [{"role": "user", "content": parts}]


def _image(image: Image) -> Wire:
    """Return the picture as a data part. One that is stored as a link is not sent: nothing is fetched for a reader."""
    content, kind = image.content, image.mime_type or f"image/{image.format or 'png'}"
    kind = "image/jpeg" if kind == "image/jpg" else kind
    sendable = isinstance(content, str) and kind in _IMAGE_TYPES and len(content) <= MAX_IMAGE
    if not sendable or not _BASE64.fullmatch(content):
        return _absent("a picture", image)
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{''.join(content.split())}"}}


def _file(file: File) -> Wire:
    """Return a text file's text (Agno keeps it plain under a text type, and base64 under any other)."""
    content = file.content
    is_text = (file.mime_type or "").startswith("text/")
    if not is_text or not isinstance(content, str) or len(content) > MAX_FILE:
        return _absent("a file", file)
    return {"type": "text", "text": f"File {_name(file)}:\n\n{content}"}


def _absent(what: str, medium: Media) -> Wire:
    name = _name(medium)
    return {"type": "text", "text": f"[Here was {what}{f' ({name})' if name else ''} that is not sent along.]"}


def _name(medium: Media) -> str:
    name = medium.raw.get("filename") or medium.raw.get("name") or medium.id or ""
    return name[:200] if isinstance(name, str) else ""
