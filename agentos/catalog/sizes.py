"""What of a run's bytes is media and what is copies of earlier messages, and what it has that one may look for.

Where media stands in a run is Agno's format: in the input, in messages, in what the run made, in step outputs (§3.3,
§3.4, §3.7, §3.9). Bytes are those of the stored text: base64 counts as it is, not decoded. Runs inside the run are not
looked into; they have rows of their own.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import orjson

from agentos.records import Media, Message, RecordError, Run, StepOutput, dumps

# The trait of a run that is mostly copies of what earlier runs hold; the others are what `has:` asks for.
COPIES: Final = "copies"


def media_of(run: Run, messages: Iterable[Message]) -> Iterator[Media]:
    """Yield all media of a run whose `messages` are given: the same picture as often as it is stored."""
    raw = run.raw
    if isinstance(raw.get("input"), dict):
        yield from run.input_media
    if _has_media(raw):
        yield from run.output_media
    if run.response_audio is not None:
        yield run.response_audio
    others = [found for found in (run.additional_input, run.reasoning_messages) if found]
    for message in chain(messages, *others):
        if _has_media(message.raw):
            yield from message.media
        if "audio_output" in message.raw and message.audio_output is not None:
            yield message.audio_output
    for step in all_steps(run):
        yield from chain(step.images, step.videos, step.audio, step.files)


def all_steps(run: Run) -> Iterator[StepOutput]:
    """Yield what each step of a workflow run returned, those inside loops and other containers too (§3.9)."""
    waiting = run.step_results if "step_results" in run.raw else []
    while waiting:
        step = waiting.pop()
        yield step
        waiting += step.steps


def stored_bytes(media: Media) -> int:
    """Return the bytes that a medium's content takes where it is stored, with a `data:` address as content."""
    content, url = media.content, media.url or ""
    size = text_bytes(content) if isinstance(content, str) else 0
    return size + (text_bytes(url) if url.startswith("data:") else 0)


def traits(run: Run, media: Iterable[Media], messages: Iterable[Message], copied: int) -> list[str]:
    """Return what a run has, sorted: kinds of media, "reasoning", and COPIES if `copied` bytes are most of it."""
    found = {medium.kind for medium in media}
    said = any(message.raw.get("reasoning_content") for message in messages)
    if said or run.reasoning_content or run.reasoning_steps:
        found.add("reasoning")
    if copied and copied * 2 > json_bytes(run.raw):
        found.add(COPIES)
    return sorted(found)


def text_bytes(text: str) -> int:
    """Return the length of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def json_bytes(value: Any) -> int:
    """Return the length of a value as compact JSON; 0 for what is nested too deeply to be written."""
    try:
        return len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # lone surrogates, or numbers of more than 64 bits
        pass
    try:
        return len(dumps(value))
    except RecordError:
        return 0


def _has_media(raw: dict[str, Any]) -> bool:
    return bool(raw.get("images") or raw.get("videos") or raw.get("audio") or raw.get("files"))
