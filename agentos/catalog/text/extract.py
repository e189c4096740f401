"""What of runs and sessions is indexed, as texts of a kind, each with the place it is shown at.

Indexed are what people and models wrote, what tools were given and returned, and names. System prompts are not: one
says the same in every session of its agent, so each of its words would find all of them. Messages copied from earlier
runs are indexed with those runs alone, runs inside a run by themselves.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agentos.catalog.keys import clean
from agentos.records import Media, Message, Run, Session, StepOutput, ToolExecution, WorkflowRunOutput, loads
from agentos.records.text import as_text

# Characters of one text that are indexed.
LIMIT: Final = 20_000
# A text that JSON may have escaped: a line break in it reads \n, and would stick to the next word.
_ESCAPED: Final = re.compile(r'(?:\\u[0-9a-fA-F]{4})+|\\[nrtbf"/\\]')
_SYSTEM: Final = ("system", "developer")


class Part(NamedTuple):
    """A text. `place`: the number of the message it is shown with in its run, from 1; None for no message."""

    kind: str
    place: int | None
    text: str
    cut: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of text. Texts of one `sort` share rows, in which `label` tells them apart on both databases."""

    name: str
    sort: str
    label: str
    words: str


SORTS: Final = ("said", "tools", "own")
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("user", "said", "A", "User messages"),
        Kind("answer", "said", "B", "Answers"),
        Kind("tool_call", "tools", "A", "Tool arguments"),
        Kind("tool_result", "tools", "B", "Tool results"),
        Kind("reasoning", "said", "C", "Reasoning"),
        Kind("summary", "own", "B", "Summaries"),
        Kind("state", "own", "C", "Session state"),
        Kind("metadata", "own", "D", "Metadata"),
        Kind("name", "own", "A", "Names and ids"),
        Kind("run_name", "said", "D", "Names and ids"),
    )
}


def parts_of_run(run: Run, messages: Sequence[Message], *, is_inside: bool) -> list[Part]:
    """Return the texts of a run, without those of the runs inside it. `is_inside`: it is itself inside another.

    `messages`: the run's, which whoever asks has at hand.
    """
    texts = _Texts()
    texts.add("run_name", None, _names(run, is_inside=is_inside))
    _add_messages(texts, messages)
    _add_executions(texts, run.tools, messages)
    texts.add("user", None, run.input_text)
    texts.add("answer", None, run.content_text)
    texts.add("reasoning", None, run.reasoning_content)
    for step in run.reasoning_steps:
        texts.add("reasoning", None, " ".join(filter(None, (step.title, step.reasoning, step.action, step.result))))
    for reference in run.references:
        texts.add("tool_result", None, unescaped(as_text(reference.raw)))
    texts.add("answer", None, "\n".join(run.followups))
    if isinstance(run, WorkflowRunOutput) and not run.embedded:
        for output in run.step_results:
            _add_step(texts, output)
    return texts.parts


def parts_of_session(session: Session, title: str) -> list[Part]:
    """Return the texts of a session itself, without those of its runs."""
    texts = _Texts()
    names = (session.session_name, session.session_id, session.user_id, session.component_name, session.component_id)
    texts.add("name", None, "\n".join(dict.fromkeys(filter(None, (title, *names)))))
    topics = [*([session.summary_text] if session.summary_text else []), *session.topics]
    texts.add("summary", None, "\n".join(topics))
    for kind, stored in (("state", session.session_state), ("metadata", session.metadata)):
        if stored:
            texts.add(kind, None, unescaped(as_text(stored)))
    return texts.parts


def unescaped(text: str) -> str:
    """Return a text with the escapes of JSON undone, if it looks like JSON; also of JSON that breaks off."""
    if "\\" not in text or text.lstrip()[:1] not in ("{", "[", '"'):
        return text
    return _ESCAPED.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    return str(loads(f'"{found[0]}"'))


class _Texts:
    """Texts found so far; each is there once, however often it is stored."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._seen: set[str] = set()

    def add(self, kind: str, place: int | None, text: str | None) -> None:
        """Add a text, if it is one and is new in this run."""
        if text and text not in self._seen:
            self._seen.add(text)
            # Once more because the cut may leave half of something.
            self.parts.append(Part(kind, place, clean(text, LIMIT), len(text) > LIMIT))


def _add_messages(texts: _Texts, messages: Sequence[Message]) -> None:
    asked: dict[str, int] = {}
    for place, message in enumerate(messages, 1):
        role = message.role
        if message.from_history or role in _SYSTEM:
            continue
        if role == "tool":
            texts.add("tool_result", asked.get(message.tool_call_id or "", place), unescaped(message.text))
            continue
        texts.add("reasoning", place, message.reasoning_content)
        texts.add("user" if role == "user" else "answer", place, message.text)
        for request in message.tool_calls:
            asked.update(dict.fromkeys(request.ids, place))
            texts.add("tool_call", place, f"{request.name or ''} {unescaped(request.arguments)}".strip())
        if media := message.media:
            texts.add("run_name", place, _of_media(media))


def _add_executions(texts: _Texts, tools: Sequence[ToolExecution], messages: Sequence[Message]) -> None:
    """Add the calls that no message asked for, and results that no message holds."""
    if not tools:
        return
    places = {id_: at for at, message in enumerate(messages, 1) for call in message.tool_calls for id_ in call.ids}
    for tool in tools:
        place = places.get(tool.tool_call_id or "")
        if place is None:
            arguments = unescaped(as_text(tool.tool_args)) if tool.tool_args else ""
            texts.add("tool_call", None, f"{tool.tool_name or ''} {arguments}".strip())
        if tool.result is not None:
            texts.add("tool_result", place, unescaped(as_text(tool.result)))


def _add_step(texts: _Texts, output: StepOutput) -> None:
    waiting = [output]
    while waiting:
        step = waiting.pop()
        texts.add("run_name", None, step.step_name)
        texts.add("answer", None, unescaped(as_text(step.content)))
        waiting += reversed(step.steps)


def _names(run: Run, *, is_inside: bool) -> str:
    names: list[str | None] = [run.run_id]
    if is_inside or run.parent_run_id:  # what the session is of is found by the session's own texts
        names += [run.component_name, run.component_id]
    if run.citations is not None:
        names += [name for url in run.citations.urls for name in (url.title, url.url)]
    return "\n".join([*dict.fromkeys(filter(None, names)), *_media_names([*run.input_media, *run.output_media])])


def _of_media(media: Iterable[Media]) -> str:
    return "\n".join(_media_names(media))


def _media_names(media: Iterable[Media]) -> Iterator[str]:
    for medium in media:
        yield from filter(None, (medium.filename, medium.url, medium.filepath))
