"""What every writer holds to, whatever it writes to: whose a session is, what it counts, which state it keeps."""

import json
from typing import Any, Final

from agentos.db.changes import SessionChange, StateChange
from agentos.db.writer_check import check_summary, check_writable
from agentos.db.writer_errors import ContinuedMeanwhile, InvalidRun, SessionOwnedByOther, StateChanged
from agentos.db.writer_json import clean, clean_text, encode
from agentos.db.writer_metrics import add, run_metrics
from agentos.records import TRANSIENT_STATE, TRANSIENT_WORKFLOW_STATE, Run

KINDS: Final = ("agent", "team", "workflow")

_Object = dict[str, Any]


def check_same_user(stored: str | None, expected: str | None, runs_user: str | None) -> None:
    """Refuse what another user stores: Agno finds a session only for exactly its own user, and replaces it otherwise.

    Raises:
        SessionOwnedByOther: the session's user is not the expected one, or not the run's.
    """
    if stored != expected or runs_user != stored:
        raise SessionOwnedByOther


def check_still_paused(run_id: str, stored: _Object, continued: frozenset[str]) -> None:
    """Refuse to write over a run that waited for people when it was read, and that somebody else has gone on with.

    Raises:
        ContinuedMeanwhile: it does not wait any more.
    """
    if run_id in continued and stored.get("status") != "PAUSED":
        raise ContinuedMeanwhile(run_id)


def clean_run(run: _Object, session_id: str, vendor: str, *, as_history: bool = True) -> tuple[_Object, str]:
    """Return the run as `vendor` can hold it, decoded and encoded.

    `as_history`: providers have to take it as well, in which every tool call has its result.

    Raises:
        InvalidRun: Agno could not load the session with it, or it names another session.
    """
    raw: _Object = clean(run, vendor)
    check_writable(Run.from_dict(raw), as_history=as_history)
    if raw["session_id"] != clean_text(session_id, vendor):
        raise InvalidRun("This run names another session than the one it is to be stored in.")
    return raw, encode(raw)


def as_stored(run: _Object, session_id: str, now: int) -> _Object:
    """Return a run with what Agno lets callers leave out: its session and its time."""
    return {
        **run,
        "session_id": session_id if run.get("session_id") is None else run["session_id"],
        "created_at": now if run.get("created_at") is None else run["created_at"],
    }


def check_new_session(raw: _Object) -> None:
    """Refuse a session that could not be stored, or not be loaded again.

    Raises:
        InvalidRun: it has no id or type, or a summary Agno could not load.
    """
    session_id = raw.get("session_id")
    if raw.get("session_type") not in KINDS:
        raise InvalidRun("A session is of type agent, team or workflow.")
    if not isinstance(session_id, str) or not session_id or not storable_id(session_id):
        raise InvalidRun("A session needs an id.")
    check_summary(raw.get("summary"))


def count(session_data: _Object, run: _Object, stored: frozenset[str], sign: int = 1) -> None:
    """Add the run's tokens to session_metrics; embedded members that have entries of their own were counted then."""
    for metrics in run_metrics(run, stored):
        total = session_data.get("session_metrics")
        if not isinstance(total, dict):
            total = session_data["session_metrics"] = {}
        add(total, metrics, sign)


def set_state(session_data: _Object, kind: str, state: _Object) -> None:
    """Set session_state without the keys Agno adds for the time of a run."""
    transient = TRANSIENT_WORKFLOW_STATE if kind == "workflow" else TRANSIENT_STATE
    session_data["session_state"] = {key: value for key, value in state.items() if key not in transient}


def change_state(session_data: _Object, kind: str, change: StateChange) -> None:
    """Do to the stored state what a run did to the state it began with; other keys keep what others stored.

    Raises:
        StateChanged: the change is for another state than the stored one.
    """
    if change.before is not None and not is_same(session_data.get("session_state"), change.before):
        raise StateChanged
    if change.whole:
        set_state(session_data, kind, change.changed)
    elif change.changed or change.removed:
        stored = session_data.get("session_state")
        kept = {key: value for key, value in stored.items() if key not in change.removed} if stored else {}
        set_state(session_data, kind, {**kept, **change.changed})


def is_same(stored: Any, before: _Object) -> bool:
    """Whether two states are alike as JSON, where 1 is not true; no state is the empty one."""
    return json.dumps(stored or {}, sort_keys=True) == json.dumps(before, sort_keys=True)


def change_data(session_data: _Object, kind: str, change: SessionChange) -> None:
    """Apply a change's state and name to session_data."""
    if change.state is not None:
        change_state(session_data, kind, change.state)
    if change.name is not None:
        session_data["session_name"] = change.name


def filled_in(stored: _Object, given: _Object | None) -> _Object | None:
    """Return the metadata with the keys that are missing in what is stored; None if none is."""
    if not given or given.keys() <= stored.keys():
        return None
    return {**given, **stored}


def summary_of(change: SessionChange) -> _Object | None:
    """Return the summary to store, None to leave what is stored.

    Raises:
        InvalidRun: Agno could not load it.
    """
    if change.summary is None:
        return None
    summary = change.summary.to_dict()
    check_summary(summary)
    return summary


def storable_id(text: str) -> bool:
    """Whether a database could hold this id at all: NUL and half surrogates are in no stored id."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
