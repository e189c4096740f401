"""Having a run made anew: the old one is kept and marked, the new one says what it was made from (format §4.4)."""

from collections.abc import Iterator
from typing import Any, Final

from agentos.db.changes import SessionChange
from agentos.db.reader import Reader
from agentos.db.stored import RunStub
from agentos.records import Run, RunStatus
from agentos.records.events import RunOutputEvent
from agentos.turns.answerers import Answerer
from agentos.turns.errors import BadRequest, CannotAnswer
from agentos.turns.frames import Asked
from agentos.turns.models import Turn
from agentos.turns.turn_db import linked, with_status

__all__ = ["OPTION", "attachments_of", "carry_out", "check", "why_not"]

# Under this name a turn's options hold the id of the run that is made anew.
OPTION: Final = "regenerates"
_DONE: Final = frozenset({RunStatus.completed, RunStatus.error, RunStatus.cancelled})
_NO_ANSWER: Final = frozenset({RunStatus.error, RunStatus.cancelled})

NOT_THERE: Final = "The run that is to be made anew is not in this session any more."
OF_ANOTHER: Final = "A member's run is made anew with that of its team or workflow."
NOT_DONE: Final = "Only a run that has ended can be made anew."
NOT_LAST: Final = "Only the last answer can be made anew. Edit and branch leads another way from an earlier one."
NO_TEXT: Final = "This run was not given text, so it cannot be asked the same again."
_KEYS: Final = {"image": "images", "audio": "audio", "file": "files"}


def why_not(run: Run | None, stubs: list[RunStub]) -> str:
    """Return why a run cannot be made anew, "" if it can. `stubs`: all stored runs of its session."""
    if run is None or run.run_id is None:
        return NOT_THERE
    if not run.is_top_level:
        return OF_ANOTHER
    if str(run.status) not in _DONE:
        return NOT_DONE
    tops = [stub for stub in stubs if not stub.parent_run_id]
    behind = tops[next((at for at, stub in enumerate(tops) if stub.run_id == run.run_id), -1) + 1 :]
    if any(stub.status not in _NO_ANSWER for stub in behind):
        return NOT_LAST
    return "" if run.input_text.strip() or attachments_of(run) else NO_TEXT


def attachments_of(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Return the pictures, sounds and files that a run was given, as a turn has them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for medium in run.input_media:
        if medium.kind in _KEYS:
            found.setdefault(_KEYS[medium.kind], []).append(medium.raw)
    return found


def check(turn: Turn) -> None:
    """Refuse a turn that does not say which run is to be made anew, or has nothing to ask."""
    if not isinstance(turn.options.get(OPTION), str):
        raise BadRequest("Say which run is to be made anew.")
    if not turn.message and not any(turn.attachments.values()):
        raise BadRequest(NO_TEXT)


def carry_out(asked: Asked, who: Answerer) -> Iterator[RunOutputEvent]:
    """Ask the same again, without the old answer.

    Whoever stores elsewhere than by the turn's database finds the old run marked; it is put back unless that ends well.

    Raises:
        CannotAnswer: the session is not any more as it was when this was asked.
    """
    old = _old(asked)
    if who.stores_by_db:
        asked.db.replaces = old.run_id or ""
        yield from who.run(asked.turn.message, asked.turn.attachments, asked.frame)
        return
    _save(asked, with_status(old, RunStatus.regenerated))
    try:
        yield from who.run(asked.turn.message, asked.turn.attachments, asked.frame)
    finally:
        _settle(asked, old, who.run_id or asked.frame.run_id)


def _old(asked: Asked) -> Run:
    """Return the run that is to be made anew.

    Raises:
        CannotAnswer: it cannot be, as the session is now.
    """
    found = asked.db.get_run(asked.turn.options[OPTION])
    if not isinstance(found, Run) or found.session_id != asked.turn.session_id:
        raise CannotAnswer(NOT_THERE)
    if found.status == RunStatus.regenerated and asked.turn.retry_of_id:
        found = with_status(found, RunStatus.completed)  # the turn that is sent again died after it had marked it
    if reason := why_not(found, Reader(asked.db.source).run_stubs(asked.turn.session_id)):
        raise CannotAnswer(reason)
    return found


def _settle(asked: Asked, old: Run, run_id: str) -> None:
    new = asked.db.get_run(run_id)
    if isinstance(new, Run):
        _save(asked, linked(new, old))
    if not isinstance(new, Run) or str(new.status) in _NO_ANSWER:
        _save(asked, old)


def _save(asked: Asked, run: Run) -> None:
    asked.db.save(SessionChange(session=asked.session, runs=[run]))
