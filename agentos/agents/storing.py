"""What is kept of a run: as much as its component's options say (format §5.8)."""

from copy import copy
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agentos.records import Run

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent

_MEDIA: Final = ("images", "videos", "audio", "audios", "files", "audio_output")
_OUTPUT_MEDIA: Final = ("images", "videos", "audio", "files", "response_audio")

AnyRun = TypeVar("AnyRun", bound=Run)


def stored_form(component: "ModelComponent", run: AnyRun, *, embed_members: bool = False) -> AnyRun:
    """Return the run as it is stored; the run itself stays as it is.

    A leader's run holds its members' runs only if `embed_members`, but always those that are paused: without them they
    could not be continued (format §4.2).
    """
    raw = copy(run.raw)
    messages: list[dict[str, Any]] = raw.get("messages") or []
    if not component.store_history_messages:
        messages = [message for message in messages if not message.get("from_history")]
    if not component.store_tool_messages:
        messages = [message for message in messages if message["role"] != "tool" and not message.get("tool_calls")]
    if not component.store_media:
        messages = [_without(message, _MEDIA) for message in messages]
        raw = _without(raw, _OUTPUT_MEDIA)
        if isinstance(raw.get("input"), dict):
            raw["input"] = _without(raw["input"], _MEDIA)
    raw["messages"] = messages
    if "member_responses" in raw and not embed_members:
        raw["member_responses"] = [member for member in raw["member_responses"] if member.get("status") == "PAUSED"]
    return type(run).from_dict(raw)


def _without(values: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}
