"""What reading gives besides records, and tolerant views of scalars that nobody can vouch for."""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from agentos.db.models import BadJSON
from agentos.records import BadRun, Run, parse_run

_Value = TypeVar("_Value")

NOT_JSON = "The stored text is not JSON that can be read."
GONE = "This run is no longer stored: it was removed while the session was read."


@dataclass(frozen=True)
class Stamp:
    """What tells whether a session changed, without its payload. Times are unix seconds.

    `mark` changes when the session or one of its runs does. `run_count_hint`: rows of runs, None where runs are a list.
    """

    session_id: str
    created_at: int | None
    updated_at: int | None
    run_count_hint: int | None
    mark: str


@dataclass(frozen=True)
class RunStub:
    """A stored run without its payload. `position`: in Agno's order. `size`: bytes, roughly. Times are unix seconds.

    `run_type` is "agent", "team", "workflow", or "bad" for what is no run. `place`: an entry of the list in the
    session's row, or a row of the runs table. `digest`: of an entry's content, where it was asked for; an entry has no
    time of its last change. `run_index`: the number that a row has. `user_id`: of the row, or of the run in the entry.
    """

    position: int
    run_id: str | None
    run_type: str
    parent_run_id: str | None
    status: str | None
    created_at: int | None
    updated_at: int | None
    size: int
    place: Literal["row", "list"]
    digest: str = ""
    run_index: int | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class Wanted:
    """Which runs of a session are asked for: only those without a parent, without these statuses, of this component."""

    top_level: bool = True
    skip_statuses: frozenset[str] = frozenset()
    agent_id: str | None = None
    team_id: str | None = None

    def may_be(self, stub: RunStub) -> bool:
        """Whether a stored run is wanted, as far as can be told without reading it."""
        return not (self.top_level and stub.parent_run_id) and stub.status not in self.skip_statuses

    def takes(self, run: Run) -> bool:
        """Whether a run is wanted."""
        return not (self.top_level and run.parent_run_id) and run.status not in self.skip_statuses and self.is_(run)

    def is_(self, run: Run) -> bool:
        """Whether a run is of the component asked for."""
        return self.agent_id in (None, run.raw.get("agent_id")) and self.team_id in (None, run.raw.get("team_id"))


def as_run(value: Any) -> Run | BadRun:
    """View decoded JSON as a run."""
    return BadRun(str(value), NOT_JSON) if isinstance(value, BadJSON) else parse_run(value)


def as_text(value: Any) -> str | None:
    """Return `value` if it is text; SQLite keeps any type in any column."""
    return value if isinstance(value, str) else None


def as_integer(value: Any) -> int | None:
    """Return `value` as a whole number that a bigint column holds, if it is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if -(2**63) <= value < 2**63 else None


def is_askable(source_vendor: str, text: str) -> bool:
    """Whether the database can be asked for `text` at all: if not, nothing is stored under it."""
    if source_vendor == "postgresql" and "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, from a URL
        return False
    return True


def merged(listed: list[tuple[Any, _Value]], rows: list[tuple[Any, _Value]]) -> list[_Value]:
    """Merge list and rows, each as (run id, value): the list's order, a row's copy winning, then the rows it lacks.

    As Agno 3 does for a session that Agno 2 began.
    """
    by_id = {run_id: value for run_id, value in rows if run_id is not None}
    ordered = [by_id.get(run_id, value) if isinstance(run_id, str) else value for run_id, value in listed]
    known = {run_id for run_id, _ in listed if isinstance(run_id, str)}
    return ordered + [value for run_id, value in rows if run_id not in known]
