"""Another way from a run on: its answer made anew in its session, or its message edited in a fork."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from agentos.catalog.models import CatalogSession
from agentos.changes.forking import Fork, fork
from agentos.db.reader import Reader
from agentos.db.source import Source
from agentos.records import Run
from agentos.turns import regenerating
from agentos.turns.conduct import said_reason
from agentos.turns.errors import BadRequest
from agentos.turns.kinds import MAX_MESSAGE, Kind
from agentos.turns.models import Turn
from agentos.turns.service import submit

__all__ = ["Branch", "branch", "find", "regenerate"]

OF_ANOTHER = "A member was asked by its leader. Edit the message that its team or workflow was given."


@dataclass(frozen=True)
class Branch:
    """A fork and the turn in which the edited message is answered."""

    fork: Fork
    turn: Turn


def find(source: Source, session_id: str, run_id: str) -> Run | None:
    """Return a run of the session as it is stored, None if there is none that can be read.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    reader = Reader(source)
    at = next((stub.position for stub in reader.run_stubs(session_id) if stub.run_id == run_id), None)
    found = reader.runs(session_id, [at])[0] if at is not None else None
    return found if isinstance(found, Run) else None


def regenerate(source: Source, session_id: str, run_id: str, *, user: User, key: str, reason: str = "") -> Turn:
    """Have the last answer of a session made anew; return the turn. The run's own message and attachments are sent.

    `reason`: why the user acts in the session of somebody else, if they do.

    Raises:
        ReasonMissing: it has to be said, and was not.
        BadRequest: it cannot be, or too many turns wait.
        SourceUnavailable: the source cannot be read.
    """
    run = find(source, session_id, run_id)
    if why_not := regenerating.why_not(run, Reader(source).run_stubs(session_id)):
        raise BadRequest(why_not)
    text, media = (run.input_text, regenerating.attachments_of(run)) if run else ("", {})
    return submit(
        source.name,
        session_id,
        text,
        user=user,
        idempotency_key=key,
        attachments=media,
        kind=Kind.REGENERATE,
        options={regenerating.OPTION: run_id},
        reason=reason,
    )


def branch(
    source: Source, session_id: str, run: Run, message: str, *, user: User, new_id: str, reason: str = ""
) -> Branch:
    """Fork the session before a run and send `message` there in place of the run's own, with its attachments.

    `reason`: why the user acts in the session of somebody else, if they do; what they said for this one counts as well.

    Raises:
        ReasonMissing: it has to be said, and was not; nothing was forked.
        BadRequest: the message cannot be sent, or the run is not one that a user began.
        AlreadyStored: there is a session of the id `new_id`.
        SourceError: the source cannot be read or written to.
    """
    media = regenerating.attachments_of(run)
    if not run.is_top_level:
        raise BadRequest(OF_ANOTHER)
    if not message.strip() and not media:
        raise BadRequest("The message is empty.")
    if len(message) > MAX_MESSAGE:
        raise BadRequest(f"The message has {len(message):,} characters; {MAX_MESSAGE:,} can be sent at once.")
    row = CatalogSession.objects.one(source.name, session_id)
    reason = said_reason(user, row.user_id if row else None, (source.name, session_id), reason)
    made = fork(source, session_id, run.run_id, before=True, new_id=new_id)
    key = f"branch {new_id}"
    turn = submit(source.name, new_id, message, user=user, idempotency_key=key, attachments=media, reason=reason)
    return Branch(made, turn)
