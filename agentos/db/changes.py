"""What a database of sessions is told and asked, whatever it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agentos.records import Run, Session, SessionSummary

Json = dict[str, Any]


class SessionType(StrEnum):
    """What a session was made for, as its `session_type` column says."""

    AGENT = "agent"
    TEAM = "team"
    WORKFLOW = "workflow"


@dataclass(frozen=True)
class StateChange:
    """What one run did to the session's state: top-level keys it set, and those it removed.

    With `whole`, `changed` is the whole new state. With `before`, only if the stored state is exactly that.
    """

    changed: Json
    removed: frozenset[str] = frozenset()
    whole: bool = False
    before: Json | None = None


@dataclass(frozen=True)
class SessionChange:
    """What is stored at the end of a run, or of a change by hand, in one transaction.

    `session` is inserted, without runs, if there is no such session; its `user_id` is the expected owner. `runs` are
    appended in this order, or put in the place of the stored run of the same id. Of `metadata` the keys that the
    stored metadata lacks are filled in; stored values win. `continued`: ids of runs that waited for people when they
    were read; nothing is stored unless they still do.
    """

    session: Session
    runs: Sequence[Run] = ()
    state: StateChange | None = None
    summary: SessionSummary | None = None
    metadata: Json | None = None
    name: str | None = None
    continued: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SessionQuery:
    """Which sessions, in which order: what is None does not narrow. Times are unix seconds of `created_at`, inclusive.

    `component_id` is looked for in the type's own id column, in all three without a type. `name` is a part of the
    session's name, whatever its case. `limit` None: all of them.
    """

    session_type: str | None = None
    user_id: str | None = None
    component_id: str | None = None
    name: str | None = None
    start: int | None = None
    end: int | None = None
    sort_by: str | None = None
    descending: bool = True
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class RunQuery:
    """Which runs, in which order: what is None does not narrow. Without `sort_by`: in Agno's order."""

    session_id: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    status: str | None = None
    sort_by: str | None = None
    descending: bool = True
    limit: int | None = None
    offset: int = 0
