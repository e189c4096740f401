"""Sessions of agents, teams and workflows with their runs, as programs use them: Agno's classes, over the same JSON."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, cast

from agentos.records.conventions import NOT_HISTORY
from agentos.records.fields import plain
from agentos.records.messages import Message
from agentos.records.moment import now
from agentos.records.runs import BadRun, Kind, Run, RunOutput, TeamRunOutput, WorkflowRunOutput, parse_run
from agentos.records.sessions import SESSION_COLUMNS, Session, SessionSummary

__all__ = [
    "AgentSession",
    "TeamSession",
    "WorkflowChatInteraction",
    "WorkflowSession",
    "as_session",
    "session_class",
]

_INSTRUCTIONS: Final = frozenset({"system", "developer"})
_TALK: Final = frozenset({"user", "assistant", "model"})


class _SessionWithRuns(Session):
    """What the three have in common. `runs` is a list that may be changed; everything else reads and writes `raw`."""

    __slots__ = ("_runs",)
    kind: ClassVar[Kind]

    def __init__(
        self, session_id: str, *, runs: Iterable[Run] | None = None, summary: Any = None, **values: Any
    ) -> None:
        for name in values:
            if name not in SESSION_COLUMNS or name == "session_type":
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        super().__init__(session_id=session_id, **values)
        self.raw["session_type"] = self.kind
        if summary is not None:
            self.raw["summary"] = plain(summary)
        self.runs = list(runs or ())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the session of a row, with the runs in it; None for one without an id, as Agno has it."""
        if data.get("session_id") is None:
            return cast("Self", None)
        session = super().from_dict({key: value for key, value in data.items() if key != "runs"})
        session.raw.setdefault("session_type", cls.kind)
        session.runs = [run for run in map(_as_run, data.get("runs") or ()) if isinstance(run, Run)]
        return session

    def to_dict(self, include_runs: bool = True) -> dict[str, Any]:
        """Return the row: all columns, and the runs as their JSON."""
        columns = {name: self.raw.get(name) for name in SESSION_COLUMNS if name != "runs"}
        return columns | ({"runs": [run.to_dict() for run in self.runs]} if include_runs else {})

    @property
    def runs(self) -> list[Any]:
        """The runs in Agno's order; the list itself, not a copy."""
        return self._runs

    @runs.setter
    def runs(self, runs: list[Any]) -> None:
        self._runs = runs

    @property
    def summary(self) -> SessionSummary | None:
        """The summary, if there is one."""
        return self.session_summary

    @summary.setter
    def summary(self, summary: SessionSummary | dict[str, Any] | None) -> None:
        self.raw["summary"] = plain(summary)

    @property
    def session_summary(self) -> SessionSummary | None:
        """The summary; plain text, which Agno tolerates, is one as well."""
        stored = self.raw.get("summary")
        if isinstance(stored, str):
            return SessionSummary(summary=stored)
        return SessionSummary.from_dict(stored) if isinstance(stored, dict) else None

    def get_session_summary(self) -> SessionSummary | None:
        """Return the summary."""
        return self.session_summary

    def get_run(self, run_id: str) -> Any:
        """Return the run of this id, None if there is none."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def upsert_run(self, run: Run) -> None:
        """Put the run in the place of the one with the same id, or at the end."""
        for position, known in enumerate(self.runs):
            if known.run_id == run.run_id:
                self.runs[position] = run
                return
        self.runs.append(run)

    def get_tool_calls(self, num_calls: int | None = None) -> list[dict[str, Any]]:
        """Return the calls that models asked for: those of the latest run first, within a run in their order."""
        calls = [call.raw for run in reversed(self.runs) for message in run.own_messages for call in message.tool_calls]
        return calls if num_calls is None else calls[: max(num_calls, 0)]


class AgentSession(_SessionWithRuns):
    """A session of an agent."""

    __slots__ = ()
    kind = "agent"

    def get_messages(
        self,
        agent_id: str | None = None,
        team_id: str | None = None,
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
    ) -> list[Message]:
        """Return the messages of the session's own runs, those that came to an answer unless `skip_statuses` differs.

        `limit` counts the one system message that is returned; the rest are the latest, not beginning with a result
        whose call is left out. `last_n_runs` counts the runs that remain.
        """
        runs = [run for run in self.runs if run.parent_run_id is None]
        if agent_id is not None:
            runs = [run for run in runs if run.raw.get("agent_id") == agent_id]
        if team_id is not None:
            runs = [run for run in runs if run.raw.get("team_id") == team_id]
        return messages_of(runs, last_n_runs, limit, skip_roles, skip_statuses, skip_history_messages)

    def get_chat_history(self, last_n_runs: int | None = None) -> list[Message]:
        """Return what users said and what was answered, however the runs ended."""
        return talk(self.get_messages(last_n_runs=last_n_runs, skip_statuses=()))


class TeamSession(_SessionWithRuns):
    """A session of a team: its leader's runs and its members'."""

    __slots__ = ()
    kind = "team"

    def get_messages(
        self,
        team_id: str | None = None,
        member_ids: Collection[str] | None = None,
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
        skip_member_messages: bool = True,
    ) -> list[Message]:
        """Return the leader's messages, or with `member_ids` those members'; otherwise as an agent's session does."""
        runs = list(self.runs)
        if member_ids is not None:
            runs = [
                run for run in runs if run.raw.get("agent_id") in member_ids or run.raw.get("team_id") in member_ids
            ]
        elif skip_member_messages:
            runs = [run for run in runs if run.parent_run_id is None]
        if team_id is not None:
            runs = [run for run in runs if run.raw.get("team_id") == team_id]
        return messages_of(runs, last_n_runs, limit, skip_roles, skip_statuses, skip_history_messages)

    def get_chat_history(self, last_n_runs: int | None = None) -> list[Message]:
        """Return what users said and what the leader answered, however the runs ended."""
        return talk(self.get_messages(last_n_runs=last_n_runs, skip_statuses=()))

    def upsert_run(self, run_response: Run) -> None:
        """Put the run in the place of the one with the same id, or at the end."""
        super().upsert_run(run_response)

    def get_team_history(self, team_id: str | None = None, num_runs: int | None = None) -> list[tuple[str, str]]:
        """Return input and answer of each completed run of the leader, or with `team_id` of that team, inner or not."""
        runs = [run for run in self.runs if run.status == "COMPLETED"]
        if team_id is None:
            runs = [run for run in runs if run.parent_run_id is None]
        else:
            runs = [run for run in runs if run.raw.get("team_id") == team_id]
        return [(run.input_text, run.content_text) for run in last(runs, num_runs)]

    def get_team_history_context(self, team_id: str | None = None, num_runs: int | None = None) -> str | None:
        """Return the same as text, None if there is nothing."""
        return history_context(self.get_team_history(team_id, num_runs), "team_history_context")


@dataclass(frozen=True)
class WorkflowChatInteraction:
    """What a workflow was given and what it answered."""

    input: Any
    output: Any


class WorkflowSession(_SessionWithRuns):
    """A session of a workflow. The messages are in the runs of its steps' agents and teams."""

    __slots__ = ("workflow_name",)
    kind = "workflow"

    def __init__(self, session_id: str, *, workflow_name: str | None = None, **values: Any) -> None:
        begun = values.get("created_at") or int(now())
        super().__init__(session_id, **{**values, "created_at": begun, "updated_at": values.get("updated_at") or begun})
        # Agno's other two kinds have neither a time nor these until somebody sets them.
        for key in ("session_data", "workflow_data", "metadata"):
            self.raw.setdefault(key, {})
        self.workflow_name = workflow_name or self.component_name

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the session of a row; see the base class."""
        session = super().from_dict({key: value for key, value in data.items() if key != "workflow_name"})
        if session is not None:
            session.workflow_name = data.get("workflow_name") or session.component_name
        return session

    def get_messages(
        self,
        agent_id: str | None = None,
        team_id: str | None = None,
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
        skip_member_messages: bool = True,
    ) -> list[Message]:
        """Return the messages of one agent or one team in the steps.

        Raises:
            ValueError: neither or both were named.
        """
        if (agent_id is None) == (team_id is None):
            raise ValueError("Name the agent_id or the team_id whose messages are wanted.")
        inner = [run for workflow_run in self.runs for run in workflow_run.embedded]
        if agent_id is not None:
            chosen: list[Any] = [run for run in inner if isinstance(run, RunOutput) and run.agent_id == agent_id]
            return self.get_messages_from_agent_runs(
                chosen, last_n_runs, limit, skip_roles, skip_statuses, skip_history_messages
            )
        chosen = [run for run in inner if isinstance(run, TeamRunOutput) and run.team_id == team_id]
        return self.get_messages_from_team_runs(
            team_id or "",
            chosen,
            last_n_runs,
            limit,
            skip_roles,
            skip_statuses,
            skip_history_messages,
            skip_member_messages,
        )

    def get_messages_from_agent_runs(
        self,
        runs: Sequence[Run],
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
    ) -> list[Message]:
        """Return the messages of these runs of a step's agent."""
        return messages_of(runs, last_n_runs, limit, skip_roles, skip_statuses, skip_history_messages)

    def get_messages_from_team_runs(
        self,
        team_id: str,
        runs: Sequence[Run],
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
        skip_member_messages: bool = True,
    ) -> list[Message]:
        """Return the messages of these runs of a step's team, its members' too unless they are skipped."""
        chosen: list[Run] = []
        for run in runs:
            chosen += [run] if skip_member_messages else [*run.embedded, run]
        return messages_of(chosen, last_n_runs, limit, skip_roles, skip_statuses, skip_history_messages)

    def get_chat_history(self, last_n_runs: int | None = None) -> list[WorkflowChatInteraction]:
        """Return input and answer of the last runs, however they ended; of those that have both."""
        runs = [run for run in last(self.runs, last_n_runs) if run.input and run.content]
        return [WorkflowChatInteraction(run.input, run.content) for run in runs]

    def get_workflow_history(self, num_runs: int | None = None) -> list[tuple[str, str]]:
        """Return input and answer of each completed run as text."""
        return [(run.input_text, run.content_text) for run in last(self._completed(), num_runs)]

    def get_workflow_history_context(self, num_runs: int | None = None) -> str | None:
        """Return the same as text, None if there is nothing."""
        return history_context(self.get_workflow_history(num_runs), "workflow_history_context")

    def _completed(self) -> list[WorkflowRunOutput]:
        return [run for run in self.runs if run.status == "COMPLETED"]


def messages_of(
    runs: Sequence[Run],
    last_n_runs: int | None,
    limit: int | None,
    skip_roles: Collection[str] | None,
    skip_statuses: Collection[str] | None,
    skip_history_messages: bool,
) -> list[Message]:
    """Return the messages of these runs; of system messages only the first, which a `limit` puts before the others."""
    skipped = NOT_HISTORY if skip_statuses is None else {str(status) for status in skip_statuses}
    runs = last([run for run in runs if run.status not in skipped], last_n_runs)
    instructions: list[Message] = []
    found: list[Message] = []
    for message in (message for run in runs for message in run.messages):
        if message.role in (skip_roles or ()) or (skip_history_messages and message.from_history):
            continue
        if message.role in _INSTRUCTIONS:
            if instructions:
                continue
            instructions = [message]
        found.append(message)
    if limit is None:
        return found
    rest = [message for message in found if message.role not in _INSTRUCTIONS]
    rest = last(rest, max(limit - len(instructions), 0))
    while rest and rest[0].role == "tool":
        rest = rest[1:]
    return [*instructions, *rest]


def talk(messages: Iterable[Message]) -> list[Message]:
    """Return what was said of these messages: no instructions, no tools, nothing empty."""
    return [message for message in messages if message.role in _TALK and (message.text or message.media)]


def last(items: Sequence[Any], count: int | None) -> list[Any]:
    """Return the last `count` items, all for None, none for 0 and less."""
    if count is None:
        return list(items)
    return list(items[-count:]) if count > 0 else []


def history_context(pairs: Sequence[tuple[str, str]], tag: str) -> str | None:
    """Return pairs of input and answer as a block of text for a model; None if there are none."""
    if not pairs:
        return None
    told = "\n".join(_run_told(number, *pair) for number, pair in enumerate(pairs, 1))
    return f"<{tag}>\n{told}\n</{tag}>"


def _run_told(number: int, given: str, answer: str) -> str:
    lines = [f"{name}: {text}\n" for name, text in (("input", given), ("response", answer)) if text]
    return "".join([f"[run-{number}]\n", *lines])


def session_class(session_type: str | None) -> type[AgentSession] | type[TeamSession] | type[WorkflowSession]:
    """Return the class for sessions of this type; a type that is none of Agno's is read as an agent's."""
    classes: dict[str, Any] = {"team": TeamSession, "workflow": WorkflowSession}
    return cast("type[AgentSession]", classes.get(session_type or "", AgentSession))


def as_session(row: Session, runs: Iterable[Run | BadRun]) -> AgentSession | TeamSession | WorkflowSession:
    """Return a row and its runs as a session of its type; what is no run is left out."""
    session = session_class(row.session_type).from_dict(row.raw)
    session.runs = [run for run in runs if isinstance(run, Run)]
    return session


def _as_run(value: Any) -> Run | BadRun:
    return value if isinstance(value, Run) else parse_run(value)
