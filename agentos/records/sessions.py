"""Sessions: one row of Agno's session table, decoded."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from agentos.records.fields import Integer, Object, One, Read, Record, Text, Texts, Value
from agentos.records.metrics import Metrics
from agentos.records.runs import BadRun, Run, TeamRunOutput, WorkflowRunOutput, parse_run
from agentos.records.text import one_line_json

__all__ = ["SESSION_COLUMNS", "Session", "SessionSummary", "display_name"]

SESSION_COLUMNS: Final = (
    *("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id"),
    *("session_data", "agent_data", "team_data", "workflow_data", "metadata", "runs", "summary"),
    *("created_at", "updated_at"),
)


class SessionSummary(Record):
    """The summary Agno keeps of a session; `updated_at` is a local ISO string without offset."""

    __slots__ = ()
    summary = Text()
    topics = Texts()
    updated_at = Text()

    def __init__(self, *, updated_at: datetime | str | None = None, **values: Any) -> None:
        stored = updated_at.isoformat() if isinstance(updated_at, datetime) else updated_at
        super().__init__(updated_at=stored, **values)


class Session(Record):
    """A session. `raw` holds the columns under their names, the JSON ones decoded; `runs` only when asked for."""

    __slots__ = ()
    session_id = Text()
    session_type = Text()
    agent_id = Text()
    team_id = Text()
    workflow_id = Text()
    user_id = Text()
    session_data = Object()
    agent_data = Object()
    team_data = Object()
    workflow_data = Object()
    metadata = Object()
    summary = Value()
    created_at = Integer()
    updated_at = Integer()
    runs: Read[list[Run | BadRun]] = Read(
        lambda stored: list(map(parse_run, stored)) if isinstance(stored, list) else []
    )

    @property
    def session_name(self) -> str | None:
        """The name a person or the model gave it."""
        return self._data.session_name

    @property
    def session_state(self) -> dict[str, Any] | None:
        """The application's own state."""
        return self._data.session_state

    @property
    def session_metrics(self) -> Metrics | None:
        """Agno's running total. It counts paused runs twice and loses some steps; prefer the sum of the runs."""
        return self._data.session_metrics

    @property
    def forked_from_session_id(self) -> str | None:
        """The session this one was copied from."""
        return self._data.forked_from_session_id

    @property
    def session_summary(self) -> SessionSummary | None:
        """The summary, when it is an object; Agno also tolerates plain text (see `summary_text`)."""
        return SessionSummary.from_dict(self.summary) if isinstance(self.summary, dict) else None

    @property
    def summary_text(self) -> str | None:
        """The summary's text."""
        if isinstance(self.summary, str):
            return SessionSummary(summary=self.summary).summary
        return self.session_summary.summary if self.session_summary else None

    @property
    def topics(self) -> list[str]:
        """The topics of the summary."""
        return self.session_summary.topics if self.session_summary else []

    @property
    def component_id(self) -> str | None:
        """Id of the agent, team or workflow the session was created for; of another one if that is missing."""
        ids = {"agent": self.agent_id, "team": self.team_id, "workflow": self.workflow_id}
        return ids.get(self.session_type or "") or next(filter(None, ids.values()), None)

    @property
    def component_name(self) -> str | None:
        """Name of that agent, team or workflow, as it was when the session was created."""
        data = self._component_data
        return _Component.from_dict(data).name if data else None

    @property
    def model_id(self) -> str | None:
        """The model the component had when the session was created."""
        model = (self._component_data or {}).get("model")
        return _Component.from_dict(model).id if isinstance(model, dict) else None

    @property
    def _component_data(self) -> dict[str, Any] | None:
        data = {"agent": self.agent_data, "team": self.team_data, "workflow": self.workflow_data}
        return data.get(self.session_type or "") or next(filter(None, data.values()), None)

    @property
    def _data(self) -> "_SessionData":
        return _SessionData.from_dict(self.session_data or {})


class _SessionData(Record):
    """The keys of `session_data`."""

    __slots__ = ()
    session_name = Text()
    session_state = Object()
    session_metrics = One(Metrics)
    forked_from_session_id = Text()


class _Component(Record):
    """What `*_data` and the model inside it are called."""

    __slots__ = ()
    id = Text()
    name = Text()


def display_name(session: Session, runs: Iterable[Run | BadRun]) -> str | None:
    """Return what AgentOS calls a session; None when nothing names it. `runs` are read only as far as needed.

    The stored name; else an agent's or team's first user message, or the input of its first run that has one; else
    a workflow's first input if it is text (an object as JSON), or "New <workflow name> Session".
    """
    if session.session_name:
        return session.session_name
    good = (run for run in runs if isinstance(run, Run))
    if session.session_type == "workflow":
        return _workflow_title(session, next(good, None))
    if session.session_type == "team":
        good = (run for run in good if isinstance(run, TeamRunOutput | WorkflowRunOutput))
    return next(filter(None, map(_opening_words, good)), None)


def _opening_words(run: Run) -> str:
    said = (message.text for message in run.messages if message.role == "user")
    return next(filter(None, said), None) or run.input_text


def _workflow_title(session: Session, run: Run | None) -> str | None:
    if run is None:
        return None
    title = run.input_text if isinstance(run.input, str) else ""
    if isinstance(run.input, dict):
        title = one_line_json(run.input)
    name = session.component_name
    return title or (f"New {name} Session" if name else None)
