"""What a transcript tells of a session and of each run, whatever it is written in, as it was stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from agentos.records import (
    NOBODY,
    BadRun,
    ByPerson,
    Media,
    Message,
    Run,
    Session,
    StepOutput,
    ToolCall,
    as_datetime,
    claimed,
)
from agentos.records.text import as_text
from agentos.transfer.walk import Told

Kind = Literal["user", "assistant", "system", "reasoning", "tool", "step", "media", "problem"]
Masking = Callable[[str], str]
_ROLES: Final[dict[str, Kind]] = {"user": "user", "system": "system", "developer": "system"}
_DEEPEST: Final = 20  # of steps in steps


@dataclass(frozen=True)
class Part:
    """One thing in a run. `who`: the role, or the name of the tool or step; `note`: how it ended, and what it took.

    `text`: what was said, returned or went wrong; `arguments`: of a tool call, as JSON where they are.
    """

    kind: Kind
    who: str
    text: str
    arguments: str = ""
    note: str = ""
    depth: int = 0


@dataclass(frozen=True)
class Heading:
    """What stands above a run."""

    number: int
    depth: int
    name: str
    kind: str
    facts: list[tuple[str, str]]


def session_title(session: Session, mask: Masking) -> str:
    """Return what a session is called."""
    return mask(session.session_name or f"Session {session.session_id}")


def session_facts(session: Session, run_count: int, mask: Masking) -> list[tuple[str, str]]:
    """Return what is known of a session, each with its name; what is not stored is left out."""
    known = (
        ("Session id", session.session_id),
        ("Type", session.session_type),
        ("Component", session.component_name or session.component_id),
        ("User", session.user_id),
        ("Model", session.model_id),
        ("Created", moment(session.created_at)),
        ("Updated", moment(session.updated_at)),
        ("Forked from", session.forked_from_session_id),
        ("Runs", str(run_count)),
        ("Topics", ", ".join(session.topics)),
    )
    return [(name, mask(value)) for name, value in known if value]


def heading(told: Told, mask: Masking, by: ByPerson = NOBODY) -> Heading:
    """Return what stands above a run; `by`: what of it a person wrote."""
    run = told.run
    if isinstance(run, BadRun):
        return Heading(told.number, told.depth, "Unreadable run", "bad", [])
    metrics = run.metrics
    known = (
        ("At", moment(run.created_at)),
        ("Status", str(run.status or "")),
        ("Model", " ".join(filter(None, (run.model_provider, run.model)))),
        ("Tokens", _tokens(run)),
        ("Took", seconds(metrics.duration if metrics else None)),
        ("Run id", run.run_id),
        ("Answered by", _person(by.answered, "in the agent's place")),
        ("Sent by", _person(by.asked, "in the user's name")),
        ("Metadata say", _claim(run, by)),
        ("Regenerated from", run.regenerated_from),
        ("Forked from", run.forked_from_run_id),
    )
    name = run.component_name or run.component_id or run.kind.capitalize()
    facts = [(key, mask(value)) for key, value in known if value]
    return Heading(told.number, told.depth, mask(name), run.kind, facts)


def parts(run: Run | BadRun, mask: Masking, by: ByPerson = NOBODY) -> Iterator[Part]:
    """Yield what happened in a run, in order; copies of earlier runs' messages are left out.

    `by`: what of it a person wrote, which stands beside that.
    """
    people = {"assistant": ByPerson(by.answered).words, "user": ByPerson(asked=by.asked).words}
    for part in _parts(run):
        part = replace(part, note=people[part.kind]) if people.get(part.kind) else part
        who, text, arguments, note = map(mask, (part.who, part.text, part.arguments, part.note))
        yield replace(part, who=who, text=text, arguments=arguments, note=note)


def _parts(run: Run | BadRun) -> Iterator[Part]:
    if isinstance(run, BadRun):
        yield Part("problem", "", f"{run.problem}\n{as_text(run.raw)}")
        return
    calls = run.tool_calls
    by_request = {id(call.request.raw): call for call in calls if call.request}
    told: set[int] = set()
    messages = run.own_messages
    if not any(message.role == "user" for message in messages) and (run.input_text or run.input_media):
        yield Part("user", "user", run.input_text)
        yield from _media(run.input_media)
    for message in messages:
        yield from _message(message)
        for request in message.tool_calls:
            call = by_request.get(id(request.raw))
            if call is not None:
                told.add(id(call))
                yield _tool(call)
    yield from (_tool(call) for call in calls if id(call) not in told)
    yield from _ending(run, messages)


def _message(message: Message) -> Iterator[Part]:
    if message.role == "tool":
        return  # stands with its call
    if message.reasoning_content:
        yield Part("reasoning", "reasoning", message.reasoning_content)
    if message.text:
        yield Part(_ROLES.get(message.role or "", "assistant"), message.role or "", message.text)
    yield from _media(message.media)


def _ending(run: Run, messages: list[Message]) -> Iterator[Part]:
    """Yield what is not in the messages: reasoning, steps, the answer if no message has it, and what was made."""
    if run.reasoning_content and not any(message.reasoning_content for message in messages):
        yield Part("reasoning", "reasoning", run.reasoning_content)
    yield from _steps(run.step_results)
    answer = run.content_text
    if answer and all(message.text != answer for message in messages):
        failed = run.status == "ERROR"
        yield Part("problem" if failed else "assistant", run.kind, answer)
    yield from _media([*run.output_media, *filter(None, [run.response_audio])])


def _tool(call: ToolCall) -> Part:
    arguments = call.arguments if call.args is None else as_text(call.args)
    note = ", ".join(filter(None, (str(call.status).replace("_", " "), seconds(call.duration))))
    return Part("tool", call.name or "unnamed tool", call.result or "", arguments, note)


def _steps(steps: list[StepOutput]) -> Iterator[Part]:
    waiting = [(step, 0) for step in reversed(steps)]
    while waiting:
        step, depth = waiting.pop()
        how = "failed" if step.success is False or step.error else "stopped the workflow" if step.stop else ""
        note = ", ".join(filter(None, (step.step_type, step.executor_name, how)))
        text = "\n\n".join(filter(None, (step.content_text, step.error)))
        yield Part("step", step.step_name or "unnamed step", text, note=note, depth=depth)
        if depth < _DEEPEST:
            waiting += [(inner, depth + 1) for inner in reversed(step.steps)]


def _media(media: list[Any]) -> Iterator[Part]:
    for medium in media:
        yield Part("media", medium.kind, media_label(medium))


def media_label(medium: Media) -> str:
    """Return what is known of a medium, whose bytes are in no transcript."""
    reference = medium.media_reference
    where = medium.url or medium.filepath or (reference.storage_key if reference else None)
    size = f"{medium.stored_size:,} characters stored" if medium.stored_size else None
    return ", ".join(filter(None, (medium.filename or medium.id, medium.mime, size, where)))


def moment(stored: int | None) -> str:
    """Return unix seconds as a time in UTC, "" when there is none."""
    at: datetime | None = as_datetime(stored) if stored else None
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at and 1 < at.year < 9999 else ""


def seconds(duration: float | None) -> str:
    """Return a duration as text, "" when there is none."""
    return "" if duration is None or duration < 0 else f"{duration:.2f} s"


def _person(name: str, role: str) -> str:
    return f"{name}, a person {role}" if name else ""


def _claim(run: Run, by: ByPerson) -> str:
    """Return what a run says of who answered, where no table of turns says so: any program may write it."""
    name = "" if by.answered else claimed(run)
    return f"“{name}” wrote this as an operator, which is not on record here" if name else ""


def _tokens(run: Run) -> str:
    metrics = run.metrics
    if metrics is None or metrics.tokens is None:
        return ""
    return f"{metrics.tokens:,} ({metrics.input_tokens or 0:,} in, {metrics.output_tokens or 0:,} out)"
