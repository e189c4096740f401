"""What is to be taken out of a session: a text, or one message, one tool call, one medium with the copies of it."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from agentos.records.encoding import RecordError, loads
from agentos.records.media import Media
from agentos.records.messages import Message
from agentos.records.needles import MARKER, Needles
from agentos.records.placeholders import blank_media, is_medium
from agentos.records.redacting import Item, Redactor
from agentos.records.tools import ToolCall

__all__ = ["of_call", "of_medium", "of_message", "of_text"]

# From so many characters on a text that was said once is taken for a quotation wherever it stands again. Shorter ones
# ("Yes") are taken out only where they are all that is said, and only in the same run.
QUOTED_FROM: Final = 24
_MEDIA: Final = ("images", "audio", "videos", "files")
_TEXTS: Final = ("reasoning_content", "redacted_reasoning_content", "compressed_content")


def of_text(text: str, *, any_case: bool = False) -> Redactor:
    """Return what takes a text out wherever it stands."""
    return Redactor(Needles([text], any_case=any_case))


def of_message(run_id: str | None, message: Message) -> Redactor:
    """Return what takes out one message of a run with its copies: in later runs, as input or answer, quoted."""
    texts = [message.text, *(message.raw.get(key) for key in _TEXTS)]
    arguments = [text for call in message.tool_calls for text in _leaves(_decoded(call.arguments))]
    media = {key for medium in message.media if (key := _place(medium.raw))}
    found = message.raw

    def item(raw: dict[str, Any], field: str) -> dict[str, Any] | None:
        if is_medium(raw, field) and _place(raw) in media:
            return blank_media(raw, field)
        return _blank_message(raw) if _is_same_message(raw, found) else None

    return _redactor(run_id, [*texts, *arguments], item)


def of_call(run_id: str | None, call: ToolCall) -> Redactor:
    """Return what takes out one tool call of a run: its arguments and its result, wherever they stand."""
    ids = frozenset(filter(None, (call.id, *(call.request.ids if call.request else ()))))
    texts = [call.result, call.arguments, *_leaves(call.args)]

    def item(raw: dict[str, Any], field: str) -> dict[str, Any] | None:
        if raw.get("tool_call_id") in ids:
            return _blank_execution(raw)
        if isinstance(raw.get("function"), dict) and ids.intersection((raw.get("id"), raw.get("call_id"))):
            return {**raw, "function": {**raw["function"], "arguments": _NO_ARGUMENTS}}
        return None

    return _redactor(run_id, texts, item if ids else None)


def of_medium(medium: Media) -> Redactor:
    """Return what takes out a picture, a sound or a file wherever it stands."""
    place = _place(medium.raw)

    def item(raw: dict[str, Any], field: str) -> dict[str, Any] | None:
        return blank_media(raw, field) if place and is_medium(raw, field) and _place(raw) == place else None

    return Redactor(Needles([]), item=item)


_NO_ARGUMENTS: Final = json.dumps({"redacted": MARKER})


def _redactor(run_id: str | None, texts: Iterable[Any], item: Item | None) -> Redactor:
    said = [text for text in texts if isinstance(text, str) and text.strip() and text != MARKER]
    long = [text for text in said if len(text) >= QUOTED_FROM]
    return Redactor(Needles(long), item=item, whole=said, run_id=run_id)


def _is_same_message(raw: dict[str, Any], found: dict[str, Any]) -> bool:
    if not isinstance(raw.get("role"), str):
        return False
    if found.get("id"):
        return bool(raw.get("id") == found["id"])
    # Early Agno 2.0 gave messages no ids: what says the same in the same role is a copy.
    same = ("role", "content", "tool_calls", "tool_call_id")
    return "id" not in raw and all(raw.get(key) == found.get(key) for key in same)


def _blank_message(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a message without what it says. What a provider keeps of it under an id of its own is forgotten too."""
    gone = {"provider_data", "references", "citations", "name"}
    found = {key: value for key, value in raw.items() if key not in gone}
    for key in ("content", *_TEXTS):
        if found.get(key):
            found[key] = MARKER
    for key in _MEDIA:
        if isinstance(found.get(key), list):
            found[key] = [blank_media(one, key) if isinstance(one, dict) else one for one in found[key]]
    if isinstance(found.get("audio_output"), dict):
        found["audio_output"] = blank_media(found["audio_output"], "audio_output")
    if isinstance(found.get("tool_calls"), list):
        found["tool_calls"] = [_blank_request(call) for call in found["tool_calls"]]
    if found.get("tool_args"):
        found["tool_args"] = {"redacted": MARKER}
    return found


def _blank_request(call: Any) -> Any:
    if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
        return call
    return {**call, "function": {**call["function"], "arguments": _NO_ARGUMENTS}}


def _blank_execution(raw: dict[str, Any]) -> dict[str, Any]:
    """Return an execution, a tool message or an approval's call without arguments, result and answers."""
    found = dict(raw)
    for key in ("result", "content", "compressed_content", "confirmation_note"):
        if found.get(key):
            found[key] = MARKER
    if found.get("tool_args"):
        found["tool_args"] = {"redacted": MARKER}
    for key in _MEDIA:
        if isinstance(found.get(key), list):
            found[key] = [blank_media(one, key) if isinstance(one, dict) else one for one in found[key]]
    for field in found.get("user_input_schema") or ():
        if isinstance(field, dict) and field.get("value") is not None:
            found["user_input_schema"] = [_without_value(one) for one in found["user_input_schema"]]
            break
    return found


def _without_value(field: Any) -> Any:
    return {**field, "value": MARKER} if isinstance(field, dict) and field.get("value") is not None else field


def _place(raw: dict[str, Any]) -> tuple[str, str] | None:
    """Return what tells a medium from another: its content, else where it lies."""
    reference = raw.get("media_reference")
    stored = {**raw, **({"reference": reference.get("storage_key")} if isinstance(reference, dict) else {})}
    for key in ("content", "reference", "url", "filepath"):
        value = stored.get(key)
        if isinstance(value, str) and value:
            return key, value
    return None


def _decoded(text: str) -> Any:
    try:
        return loads(text)
    except RecordError:
        return text


def _leaves(value: Any) -> Iterator[str]:
    """Yield every string in a value; nothing recurses, as arguments may be nested deeply."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
