"""Who answers in a session, and what they are sent: rebuilt from the session itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings

from agentos.db.reader import Reader, RunStub
from agentos.llm.base import Model
from agentos.llm.demo import DEMO_MODEL_ID, DEMO_PROVIDER, DemoModel
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.wire import SYSTEM_ROLES
from agentos.records import BadRun, Message, Run, Session

# How many runs Agno sends as history when an agent, a team or a workflow says nothing else.
HISTORY_RUNS: Final = 3
# A run in one of these states is never history. RUNNING and PENDING runs are.
_NOT_HISTORY: Final = frozenset({"PAUSED", "CANCELLED", "ERROR", "REGENERATED"})
# Asked for when the session names no model: an agent that has not run yet, or a workflow without model steps.
DEFAULT_MODEL: Final = "gpt-5-mini"
# Agno keeps these in the state while a run goes on and takes them out of the session row.
_TRANSIENT_STATE: Final = frozenset(
    {"current_session_id", "current_user_id", "current_run_id", "workflow_id", "run_id", "session_id", "workflow_name"}
)

NO_TOOLS: Final = "No tools can be called here: the model answers in words alone."
NO_MEMBERS: Final = "The team's members are not available: its leader answers alone."
NO_STEPS: Final = "The workflow's steps are not run again: one model call answers from the workflow's history."
NO_INSTRUCTIONS: Final = "Its instructions are not stored with the session, so the model answers without them."
DEMO: Final = "No OPENAI_API_KEY is set: the demo model answers, offline."


@dataclass(frozen=True)
class Component:
    """The agent, team or workflow that a session belongs to, as it is stored."""

    kind: str
    id: str
    name: str | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id or f"The {self.kind}"


@dataclass(frozen=True)
class Continuation:
    """All that is needed to answer in a session: who, by which model, from which messages, in which state."""

    session_id: str
    user_id: str | None
    component: Component
    model: Model
    system_message: Message | None
    history: list[Message]
    session_state: dict[str, Any] | None
    limits: list[str] = field(default_factory=list)


def continuation(session: Session, reader: Reader) -> Continuation:
    """Return who answers next in the session and what they are to be sent.

    Only the last few runs are read, however long the session is.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    window = _last_runs(session, reader)
    component = _component(session, window.runs)
    system = _system_message(component, window.runs)
    return Continuation(
        session_id=str(session.session_id),
        user_id=session.user_id,
        component=component,
        model=_model(_model_id(session, window.runs)),
        system_message=system,
        history=list(_pairs(window.history) if component.kind == "workflow" else _messages(window.history)),
        session_state=_lasting(session.session_state),
        limits=[*limits_of(component.kind), *([] if system else [NO_INSTRUCTIONS])],
    )


@dataclass(frozen=True)
class _Window:
    """The last top-level runs: of any state, and those that are history."""

    runs: list[Run]
    history: list[Run]


def _last_runs(session: Session, reader: Reader) -> _Window:
    top = [stub for stub in reader.run_stubs(str(session.session_id)) if stub.parent_run_id is None]
    is_history = _completed if session.session_type == "workflow" else _counts
    history = [stub.position for stub in top if is_history(stub)][-HISTORY_RUNS:]
    positions = sorted({*history, *(stub.position for stub in top[-HISTORY_RUNS:])})
    runs = dict(zip(positions, reader.runs(str(session.session_id), positions), strict=True))
    good = {position: run for position, run in runs.items() if not isinstance(run, BadRun)}
    return _Window([*good.values()], [good[position] for position in history if position in good])


def _counts(stub: RunStub) -> bool:
    return stub.status not in _NOT_HISTORY


def _completed(stub: RunStub) -> bool:
    """Whether a workflow run is history: Agno takes only completed ones."""
    return stub.status == "COMPLETED"


def _component(session: Session, runs: Sequence[Run]) -> Component:
    """Return who the session belongs to; a shared one keeps the type it was made with, whoever ran in it last."""
    kind = session.session_type if session.session_type in ("agent", "team", "workflow") else None
    last = next((run for run in reversed(runs) if kind in (None, run.kind)), None)
    kind = kind or (last.kind if last else "agent")
    data = session.raw.get(f"{kind}_data")
    data = data if isinstance(data, dict) else {}
    component_id = session.raw.get(f"{kind}_id") or (last.component_id if last else None)
    name = data.get("name") or (last.component_name if last else None)
    return Component(kind, _str(component_id) or "", _str(name))


def _system_message(component: Component, runs: Sequence[Run]) -> Message | None:
    """Return the system message of the component's last run that has one: Agno stores it with every run."""
    if component.kind == "workflow":
        return Message(
            role="system",
            content=f"You carry on a conversation with the workflow {component.label!r}. Its steps are not run again: "
            "answer from what was asked of it and what it has answered so far.",
        )
    for run in reversed(runs):
        if run.kind == component.kind and run.component_id in (component.id, None):
            for message in run.messages:
                if message.role in ("system", "developer") and not message.from_history and message.text:
                    return message
    return None


def _messages(runs: Sequence[Run]) -> Iterator[Message]:
    """Yield what Agno sends of earlier runs: all but system messages and copies of still earlier ones."""
    for run in runs:
        for message in run.messages:
            if message.role not in ("system", "developer") and not message.from_history:
                yield message


def _pairs(runs: Sequence[Run]) -> Iterator[Message]:
    """Yield a workflow's history: what was asked of it and what it answered, run by run."""
    for run in runs:
        if run.input_text:
            yield Message(role="user", content=run.input_text)
        if run.content_text:
            yield Message(role="assistant", content=run.content_text)


def _model(model_id: str | None) -> Model:
    if not settings.OPENAI_API_KEY:
        return DemoModel(instead_of=model_id)
    # Servers other than OpenAI may know no developer.
    roles = dict(SYSTEM_ROLES) if settings.OPENAI_BASE_URL else None
    return OpenAIChat(model_id or DEFAULT_MODEL, role_map=roles)


def _model_id(session: Session, runs: Sequence[Run]) -> str | None:
    """Return the session's model: what its component was made with, else what ran last, be it in a step."""
    for key in ("agent_data", "team_data"):
        data = session.raw.get(key)
        model = data.get("model") if isinstance(data, dict) else None
        if isinstance(model, dict) and (model_id := _str(model.get("id"))):
            return model_id
    for run in reversed(runs):
        for candidate in (run, *reversed(run.embedded)):
            if candidate.model and not _is_demo(candidate):
                return candidate.model
    return None


def _is_demo(run: Run) -> bool:
    return run.model == DEMO_MODEL_ID and run.model_provider == DEMO_PROVIDER


def _lasting(state: Any) -> dict[str, Any] | None:
    if not isinstance(state, dict):
        return None
    return {key: value for key, value in state.items() if key not in _TRANSIENT_STATE}


def limits_of(kind: str) -> list[str]:
    """Return what cannot be done here for an agent, a team or a workflow, in sentences."""
    limits = [NO_TOOLS]
    limits += [NO_MEMBERS] if kind == "team" else []
    limits += [NO_STEPS] if kind == "workflow" else []
    return limits + ([] if settings.OPENAI_API_KEY else [DEMO])


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
