"""A run of a workflow while it goes on: what all its steps share, and what stops it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agentos.agents.request import RunContext, RunRequest, never
from agentos.records import Run, Session, StepOutput, StepRequirement
from agentos.records.events import RunOutputEvent
from agentos.workflow.events import event_class
from agentos.workflow.plain import jsonable
from agentos.workflow.resuming import Resumption

if TYPE_CHECKING:
    from agentos.db.base import BaseDb
    from agentos.workflow.node import Node

__all__ = ["Control", "Interrupted", "Paused", "RunCancelled", "StepFailed", "Stream", "Work", "shown"]

# Events as they happen, and the step's output as the generator's value.
Stream = Generator[RunOutputEvent, None, StepOutput]


class Control(Exception):
    """What ends a run early; no container keeps it to itself."""


class Interrupted(Control):
    """The run ends in the middle of a step.

    `way` is what is done of each container around it, the outermost first, `inner` what stands in each of them.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.way: list[list[StepOutput]] = []
        self.inner: list[Node] = []


class RunCancelled(Interrupted):
    """Somebody asked for the run to stop. `said` is what the step has said until then, `output` the step's output."""

    def __init__(self, reason: str, said: Any = None) -> None:
        super().__init__(reason)
        self.said = said
        self.output: StepOutput | None = None


class Paused(Interrupted):
    """A step waits for a person, or the agent or team in it does: then `run` is its paused run."""

    def __init__(self, step: "Node", requirement: StepRequirement, run: Run | None = None) -> None:
        super().__init__(f"Step {step.name} waits for a person.")
        self.step, self.requirement, self.run = step, requirement, run


class StepFailed(Control):
    """A step inside a container failed, and the run cannot go on without it: it fails, or asks a person (`policy`)."""

    def __init__(self, step: "Node", error: Exception, policy: str = "fail") -> None:
        super().__init__(str(error))
        self.step, self.error, self.policy = step, error, policy


@dataclass(kw_only=True)
class Work:
    """What the steps of one run share. `context.session_state` is the live state; `loop` runs asynchronous steps.

    `index` is the place of the container the steps are in: events of a step inside it say (container, step).
    """

    context: RunContext
    stream: bool = False
    executor_events: bool = True
    loop: AbstractEventLoop | None = None
    cancelled: Callable[[], bool] = never
    db: "BaseDb | None" = None
    session: Session | None = None
    add_history: bool = False
    num_history_runs: int = 3
    add_session_state_to_context: bool | None = None
    add_dependencies_to_context: bool | None = None
    executor_runs: list[Run] = field(default_factory=list)
    depth: int = 0
    parent_step_id: str | None = None
    index: tuple[int, ...] = ()
    resumption: Resumption = field(default_factory=Resumption)

    @property
    def state(self) -> dict[str, Any]:
        """The live session state."""
        if self.context.session_state is None:
            self.context.session_state = {}
        return self.context.session_state

    def check(self) -> None:
        """Stop here if somebody asked for it.

        Raises:
            RunCancelled: somebody did.
        """
        if self.cancelled():
            raise RunCancelled(f"Run {self.context.run_id} was cancelled.")

    def inside(self, step_id: str, index: tuple[int, ...]) -> "Work":
        """Return the same work for the steps of a container."""
        return replace(self, parent_step_id=step_id, index=index)

    def branch(self) -> "Work":
        """Return work with a context and executor runs of its own, for a branch that runs beside others."""
        self.context.session_state = self.state
        return replace(self, context=replace(self.context), executor_runs=[], resumption=Resumption())

    def place(self, position: int) -> tuple[int, ...]:
        """Return where the step at this position of the current container is."""
        return (*self.index, position)

    def event(self, event: str, **values: Any) -> RunOutputEvent:
        """Return an event of this run; `content` is the Python object that the step gave."""
        context = self.context
        names: dict[str, Any] = {
            "workflow_id": context.workflow_id,
            "workflow_name": context.workflow_name,
            "session_id": context.session_id,
            "run_id": context.run_id,
            "parent_step_id": self.parent_step_id,
            "nested_depth": self.depth,
        }
        said = {key: value if key == "content" else jsonable(value) for key, value in values.items()}
        return event_class(event).now(event, **names, **said)

    def request(self, step_id: str, run_id: str, prompt: Any, media: dict[str, Any]) -> RunRequest:
        """Return what the agent, team or workflow of a step is asked to do."""
        context = self.context
        return RunRequest(
            input=prompt,
            session_id=context.session_id,
            run_id=run_id,
            user_id=context.user_id,
            session_state=self.state,
            dependencies=context.dependencies,
            metadata=context.metadata,
            stream=self.stream and self.executor_events,
            parent_run_id=context.run_id,
            workflow_id=context.workflow_id,
            workflow_step_id=step_id,
            depth=self.depth,
            cancelled=self.cancelled,
            loop=self.loop,
            db=self.db,
            session=self.session,
            add_session_state_to_context=self.add_session_state_to_context,
            add_dependencies_to_context=self.add_dependencies_to_context,
            **media,
        )


def shown(place: tuple[int, ...]) -> int | list[int]:
    """Return a place as `step_index` of an event: a number, inside containers a list of them."""
    return place[0] if len(place) == 1 else list(place)
