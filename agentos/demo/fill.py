"""Writes the demo sessions into a source, once."""

import time
from dataclasses import dataclass

from agentos.db.connections import create_database
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.demo.finance import finance_sessions
from agentos.demo.office import office_sessions
from agentos.demo.parts import Json
from agentos.demo.script import Script
from agentos.demo.support import support_sessions
from agentos.demo.travel import travel_sessions
from agentos.records import Run, Session


@dataclass(frozen=True)
class Filled:
    """How many sessions and runs were written: none when the source held some already."""

    sessions: int
    runs: int


def demo_sessions(now: int) -> list[Script]:
    """Return every demo session, with times before `now` in unix seconds."""
    return [*support_sessions(now), *travel_sessions(now), *finance_sessions(now), *office_sessions(now)]


def fill(source: Source, now: float | None = None) -> Filled:
    """Write all demo sessions in one transaction, unless the source holds any session.

    Raises:
        SourceReadOnly: the source may not be written to.
        SourceUnavailable: it cannot be.
    """
    at = _Clock(time.time() if now is None else now)
    writer = Writer(source, clock=lambda: at.time)
    scripts = demo_sessions(int(at.time))
    writer.check_writable_source()
    create_database(source)
    with writer.together():
        if Reader(source).stamps(limit=1):
            return Filled(0, 0)
        for script in scripts:
            _write(writer, at, script)
    return Filled(len(scripts), sum(len(script.runs) for script in scripts))


@dataclass
class _Clock:
    """The time a write happens at: that of what is written."""

    time: float


def _write(writer: Writer, at: _Clock, script: Script) -> None:
    at.time = script.started
    writer.create_session(Session.from_dict(session_row(script)))
    for run in script.runs:
        at.time = max(at.time, run["created_at"] + 2)  # a leader began before its members, and is stored after them
        writer.append_run(
            script.session_id,
            Run.from_dict(run),
            expect_user_id=script.user_id,
            session_state=_state_after(run),
        )


def _state_after(run: Json) -> Json | None:
    """Return what a run leaves in its session; a member's own state is only for the time of its leader's run."""
    return None if run.get("parent_run_id") else run.get("session_state") or None


def session_row(script: Script) -> dict[str, object]:
    """Return the session's row without runs, as Agno's insert has it."""
    component = script.component
    name = {} if script.name is None else {"session_name": script.name}
    state = {} if script.state is None else {"session_state": script.state}
    return {
        "session_id": script.session_id,
        "session_type": component.kind,
        f"{component.kind}_id": component.id,
        "user_id": script.user_id,
        "session_data": {**name, **state},
        f"{component.kind}_data": script.data,
        "metadata": script.metadata,
        "summary": script.summary,
        "created_at": script.started,
    }
