"""Deciding on a paused run: a turn of its own, so that it is in line, in the log, kept and repeated like any other.

An answer is held against what the run asks twice: when it is sent, for whoever sends it, and again when it is carried
out, on the run as its source has it then, with the session's row locked.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from django.contrib.auth.models import User

from agentos.access.rules import NotAllowed, check_can_approve
from agentos.db.reader import Reader
from agentos.db.sources import SourceError
from agentos.db.writer import Writer
from agentos.db.writer_approvals import Resolution
from agentos.db.writer_errors import NotPending
from agentos.records import Requirement, Run
from agentos.records.events import RunOutputEvent
from agentos.records.questions import Ask, Question, open_questions, requirements_of
from agentos.records.replies import BadReply, Reply, take
from agentos.turns.answerers import Answerer
from agentos.turns.errors import BadRequest, CannotAnswer
from agentos.turns.frames import Asked
from agentos.turns.models import Turn
from agentos.turns.waiting import GO_ON, Asking, Waiting, find_run, look

__all__ = ["MetMeanwhile", "carry_out", "check", "options_of", "prepared", "words"]

# Characters of all answers together, as JSON.
MOST: Final = 400_000
GONE: Final = "The run {id} is not in this session any more, so there is nothing to decide."
NOT_WAITING: Final = "The run does not wait any more: it is {status}. Reload the page to see what came of it."
CHANGED: Final = "What the run asks has changed since the page was made. Look at it again before you decide."
MISSING: Final = "{name} is not decided. All that a run waits for is decided at once."
TWICE: Final = "{name} is answered twice."
NOT_PENDING: Final = "The approval was {status} by somebody else meanwhile. Reload the page to see by whom."


class MetMeanwhile(BadRequest):
    """Somebody else was first, or the run is not what it was on the page."""


# --- the kind -------------------------------------------------------------------------------------------------------
def options_of(run: Run, replies: Sequence[Reply]) -> dict[str, Any]:
    """Return the options of a turn that decides on a run."""
    component = {"kind": run.kind, "id": run.component_id}
    return {"run_id": run.run_id, "component": component, "answers": [reply.to_dict() for reply in replies]}


def check(turn: Turn) -> None:
    """Refuse a turn that is no decision; what the run asks is looked at elsewhere.

    Raises:
        BadRequest: it names no run, or its answers are none.
    """
    if not turn.options.get("run_id"):
        raise BadRequest("A decision names the run that it is about.")
    if len(json.dumps(turn.options)) > MOST:
        raise BadRequest(f"The answers have more than {MOST:,} characters.")
    _replies(turn)


def carry_out(asked: Asked, who: Answerer) -> Iterator[RunOutputEvent]:
    """Decide on the run as it is now, and have it go on.

    Raises:
        CannotAnswer: it does not wait for this any more, or may not be decided by this person.
    """
    session_id, run_id = asked.frame.session_id, asked.frame.run_id
    writer, reader = Writer(asked.db.source), Reader(asked.db.source)
    try:
        with writer.held(session_id):
            waiting = _waiting(reader, session_id, run_id, who)
            _check_rights(asked.turn.user, waiting)
            run, resolutions = prepared(waiting, _replies(asked.turn), asked.turn.actor)
            writer.resolve_approvals(session_id, resolutions)
    except NotPending as error:
        raise CannotAnswer(NOT_PENDING.format(status=error.status or "removed")) from None
    except (BadRequest, NotAllowed) as error:
        raise CannotAnswer(str(error)) from None
    yield from who.continue_run(run, replace(asked.frame, metadata=_metadata(run, asked.frame.metadata)))
    _follow(writer, reader, session_id, waiting)


# --- what is decided ------------------------------------------------------------------------------------------------
def prepared(waiting: Waiting, replies: Sequence[Reply], actor: str) -> tuple[Run, dict[str, Resolution]]:
    """Return a copy of the run with the answers in it, and what they say to approvals on record, by their ids.

    Raises:
        MetMeanwhile: the run does not wait, or for something else than was answered.
        BadRequest: an answer does not fit, is missing, or cannot be given here.
    """
    run = deepcopy(waiting.run)
    if not waiting.is_waiting:
        raise MetMeanwhile(NOT_WAITING.format(status=str(run.status).lower()))
    if run.kind != "workflow":
        run.raw["requirements"] = [item.raw for item in requirements_of(run)]
    given = _by_key(replies)
    asks = {one.question.key: one for one in waiting.asks}
    if set(given) - set(asks):
        raise MetMeanwhile(CHANGED)
    resolutions: dict[str, Resolution] = {}
    for question in open_questions(run):
        one, reply = asks[question.key], given.get(question.key)
        if reply is None:
            raise BadRequest(MISSING.format(name=question.name))
        _decide(one, question, reply)
        if one.approval is not None and not one.is_settled and question.call and question.call.approval_id:
            resolutions[question.call.approval_id] = _resolution(question, reply, actor)
    return run, resolutions


def _decide(one: Asking, question: Question, reply: Reply) -> None:
    """Write one answer into the run's copy."""
    if reply.mark != one.question.mark:
        raise MetMeanwhile(CHANGED)
    if reply.choice in one.cannot:
        raise BadRequest(one.cannot[reply.choice])
    if reply.choice not in one.choices:
        raise MetMeanwhile(one.note or CHANGED)
    if reply.choice != GO_ON:
        _take(question, reply)
    elif one.approval is not None and isinstance(question.holder, Requirement) and question.ask == Ask.CONFIRMATION:
        decided = "confirm" if one.approval.status == "approved" else "reject"
        _take(question, Reply(question.key, reply.mark, decided))


def _take(question: Question, reply: Reply) -> None:
    try:
        take(question, reply)
    except BadReply as error:
        raise BadRequest(str(error)) from None


def _resolution(question: Question, reply: Reply, actor: str) -> Resolution:
    data: dict[str, Any] = {}
    if question.ask == Ask.USER_INPUT:
        data["values"] = {item.name: item.value for item in question.fields}
    elif question.ask == Ask.EXTERNAL:
        data["result"] = reply.text
    elif question.ask == Ask.USER_FEEDBACK:
        data["feedback"] = dict(reply.selected or {})
    elif reply.text:
        data["note"] = reply.text
    return Resolution("rejected" if reply.choice == "reject" else "approved", actor, data)


def words(waiting: Waiting, replies: Sequence[Reply]) -> str:
    """Return in words for people what is decided."""
    by_key = {reply.key: reply for reply in replies}
    said = [_words(one.question, by_key[one.question.key]) for one in waiting.asks if one.question.key in by_key]
    return " ".join(said) or "Went on with the run."


_WORDS: Final[Mapping[tuple[Ask, str], str]] = {
    (Ask.CONFIRMATION, "confirm"): "Confirmed {name}",
    (Ask.CONFIRMATION, "reject"): "Rejected {name}",
    (Ask.USER_INPUT, "answer"): "Filled in {name}",
    (Ask.USER_FEEDBACK, "answer"): "Answered {name}",
    (Ask.EXTERNAL, "answer"): "Handed in what {name} gave",
    (Ask.STEP, "confirm"): "Confirmed the step {name}",
    (Ask.STEP, "reject"): "Rejected the step {name}",
    (Ask.STEP_INPUT, "answer"): "Filled in the step {name}",
    (Ask.ROUTE, "answer"): "Chose for {name}",
    (Ask.REVIEW, "confirm"): "Accepted the output of {name}",
    (Ask.REVIEW, "edit"): "Changed the output of {name}",
    (Ask.REVIEW, "reject"): "Rejected the output of {name}",
    (Ask.ERROR, "retry"): "Had the step {name} done again",
    (Ask.ERROR, "skip"): "Left out the step {name}",
}


def _words(question: Question, reply: Reply) -> str:
    said = _WORDS.get((question.ask, reply.choice), "Went on after {name}").format(name=question.name)
    if question.ask == Ask.USER_FEEDBACK:
        chosen = [label for labels in (reply.selected or {}).values() for label in labels]
        return f"{said}: {', '.join(chosen) or 'nothing'}."
    if question.ask == Ask.ROUTE:
        return f"{said}: {', '.join(reply.picked)}."
    reason = reply.text.strip() if reply.choice == "reject" else ""
    return f"{said}: {reason[:300]}" if reason else f"{said}."


# --- parts of it ----------------------------------------------------------------------------------------------------
def _replies(turn: Turn) -> list[Reply]:
    given = turn.options.get("answers")
    if not isinstance(given, list):
        raise BadRequest("A decision has a list of answers.")
    try:
        return [Reply.from_dict(item) for item in given]
    except BadReply as error:
        raise BadRequest(str(error)) from None


def _by_key(replies: Sequence[Reply]) -> dict[str, Reply]:
    given: dict[str, Reply] = {}
    for reply in replies:
        if reply.key in given:
            raise BadRequest(TWICE.format(name=reply.key))
        given[reply.key] = reply
    return given


def _waiting(reader: Reader, session_id: str, run_id: str, who: Answerer) -> Waiting:
    run = find_run(reader, session_id, run_id)
    if run is None:
        raise MetMeanwhile(GONE.format(id=run_id))
    return look(reader, session_id, run, has_program=who.has_program)


def _check_rights(user: User | None, waiting: Waiting) -> None:
    if user is not None and waiting.needs_approval:
        check_can_approve(user)


def _metadata(run: Run, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's metadata with who decided in it: a run that goes on keeps what it was begun with."""
    stored = dict(run.metadata or {})
    for key, value in own.items():
        before = stored.get(key)
        stored[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return stored


def _follow(writer: Writer, reader: Reader, session_id: str, waiting: Waiting) -> None:
    """Write into the approvals what became of the run; a fault there does not undo what is stored."""
    run_ids = list(dict.fromkeys(filter(None, [waiting.run.run_id, *(one.question.member for one in waiting.asks)])))
    if not any(one.approval for one in waiting.asks):
        return
    try:
        run = find_run(reader, session_id, run_ids[0])
        if run is None:
            return
        writer.follow_approvals(session_id, run_ids, str(run.status))
    except SourceError:
        return
