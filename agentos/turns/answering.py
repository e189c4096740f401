"""Who answers in a session of somebody's agent, team or workflow: one of our own, rebuilt from what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from agentos.agents.agent import Agent
from agentos.agents.team import Team
from agentos.db.base import BaseDb
from agentos.llm import DemoModel, Model, OpenAIChat
from agentos.llm.demo import DEMO_MODEL_ID, DEMO_PROVIDER
from agentos.llm.wire import SYSTEM_ROLES
from agentos.records import Run, Session
from agentos.workflow import Step, Workflow

# Runs that are looked through for what the session itself does not say.
_LOOKED_AT: Final = 3
# Asked for when the session names no model: an agent that has not run yet, or a workflow without model steps.
DEFAULT_MODEL: Final = "gpt-5-mini"
_STEP: Final = "Continuation"
_STEP_AGENT_ID: Final = "session-continuation"

NO_TOOLS: Final = "No tools can be called here: the model answers in words alone."
NO_MEMBERS: Final = "The team's members are not available: its leader answers alone."
NO_STEPS: Final = "The workflow's steps are not run again: one model call answers from the workflow's history."
NO_INSTRUCTIONS: Final = "Its instructions are not stored with the session, so the model answers without them."
DEMO: Final = "No OPENAI_API_KEY is set: the demo model answers, offline."
_CARRY_ON: Final = (
    "You carry on a conversation with the workflow {name!r}. Its steps are not run again: "
    "answer from what was asked of it and what it has answered so far."
)


@dataclass(frozen=True)
class Stored:
    """The agent, team or workflow that a session belongs to, as it is stored."""

    kind: str
    id: str
    name: str | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id or f"The {self.kind}"


@dataclass(frozen=True)
class Answerer:
    """Who answers next in a session. `limits` say in sentences what it cannot do that the original could."""

    stored: Stored
    model: Model
    component: Agent | Team | Workflow
    limits: list[str]


def rebuilt(session: Session, db: BaseDb, watch: Callable[[Model], Model] = lambda model: model) -> Answerer:
    """Return who answers next in the session, keeping what comes of it in `db`. `watch` may stand before the model.

    Only the last few runs are read, however long the session is.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    runs = db.last_runs(session.session_id or "", _LOOKED_AT)
    stored = _stored(session, runs)
    model = _model(_model_id(session, runs))
    told = _CARRY_ON.format(name=stored.label) if stored.kind == "workflow" else _instructions(stored, runs)
    limits = [*limits_of(stored.kind), *([] if told else [NO_INSTRUCTIONS])]
    return Answerer(stored, model, _component(stored, watch(model), told, db), limits)


def _component(stored: Stored, model: Model, told: str | None, db: BaseDb) -> Agent | Team | Workflow:
    # An empty system message is sent as none.
    speaks: dict[str, Any] = {
        "model": model,
        "system_message": told,
        "build_context": False,
        "resolve_in_context": False,
        "add_history_to_context": True,
    }
    known: dict[str, Any] = {"id": stored.id, "name": stored.name, "db": db}
    if stored.kind == "agent":
        return Agent(**known, **speaks)
    if stored.kind == "team":
        return Team(**known, **speaks)
    step = Step(name=_STEP, agent=Agent(id=_STEP_AGENT_ID, name=_STEP, **speaks), max_retries=0)
    return Workflow(**known, steps=[step])


def _stored(session: Session, runs: Sequence[Run]) -> Stored:
    """Return who the session belongs to; a shared one keeps the type it was made with, whoever ran in it last."""
    kind = session.session_type if session.session_type in ("agent", "team", "workflow") else None
    last = next((run for run in reversed(runs) if kind in (None, run.kind)), None)
    kind = kind or (last.kind if last else "agent")
    data = session.raw.get(f"{kind}_data")
    data = data if isinstance(data, dict) else {}
    component_id = session.raw.get(f"{kind}_id") or (last.component_id if last else None)
    name = data.get("name") or (last.component_name if last else None)
    return Stored(kind, _str(component_id) or "", _str(name))


def _instructions(stored: Stored, runs: Sequence[Run]) -> str | None:
    """Return the system message of the component's last run that has one: Agno stores it with every run."""
    for run in reversed(runs):
        if run.kind == stored.kind and run.component_id in (stored.id, None):
            for message in run.messages:
                if message.role in ("system", "developer") and not message.from_history and message.text:
                    return message.text
    return None


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


def limits_of(kind: str) -> list[str]:
    """Return what cannot be done here for an agent, a team or a workflow, in sentences."""
    limits = [NO_TOOLS]
    limits += [NO_MEMBERS] if kind == "team" else []
    limits += [NO_STEPS] if kind == "workflow" else []
    return limits + ([] if settings.OPENAI_API_KEY else [DEMO])


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
