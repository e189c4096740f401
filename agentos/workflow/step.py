"""One step: an agent, a team, a workflow or a function that is called with what the steps before it said."""

import logging
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol

from agentos.agents.background import run_in_thread
from agentos.agents.identity import new_id
from agentos.agents.request import RunRequest
from agentos.records import Run, StepOutput
from agentos.records.events import RunOutputEvent
from agentos.workflow.calling import call
from agentos.workflow.executor import handed_on, output_of, run_executor
from agentos.workflow.gate import executor_requirement
from agentos.workflow.node import Node, started
from agentos.workflow.prompt import prompt_of
from agentos.workflow.types import HumanReview, StepInput, StepType
from agentos.workflow.work import Control, Paused, RunCancelled, StepFailed, Stream, Work

__all__ = ["Performer", "Step"]

logger: Final = logging.getLogger("agentos")

Outcome = Generator[RunOutputEvent, None, StepOutput]


class Performer(Protocol):
    """What a step asks of an agent, a team or a workflow."""

    id: str | None
    name: str | None
    kind: Any

    def perform(self, request: RunRequest) -> Any:
        """Yield the events of a run, and the finished run last."""


class Step(Node):
    """Exactly one of `agent`, `team`, `workflow` and `executor` (a function) does the step.

    A step that fails is tried `max_retries` times more. If it still fails, `skip_on_failure` lets the run go on; else
    `human_review.on_error` decides. `add_workflow_history` puts the session's last `num_history_runs` runs before the
    input of an agent or team; None leaves it to the workflow.

    Raises:
        ValueError: none of the four was given, or more than one.
    """

    type = StepType.STEP

    def __init__(
        self,
        name: str | None = None,
        agent: Any = None,
        team: Any = None,
        executor: Callable[..., Any] | None = None,
        workflow: Any = None,
        step_id: str | None = None,
        description: str | None = None,
        max_retries: int = 3,
        skip_on_failure: bool = False,
        strict_input_validation: bool = False,
        add_workflow_history: bool | None = None,
        num_history_runs: int = 3,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        given = [thing for thing in (agent, team, executor, workflow) if thing is not None]
        if len(given) != 1:
            raise ValueError("A step has exactly one executor: agent, team, workflow, or a function as executor.")
        super().__init__(name, description, human_review, step_id, **review)
        self.agent, self.team, self.executor, self.workflow = agent, team, executor, workflow
        self.name = name or _name_of(given[0])
        self.max_retries = max_retries
        self.skip_on_failure = skip_on_failure
        self.strict_input_validation = strict_input_validation
        self.add_workflow_history = add_workflow_history
        self.num_history_runs = num_history_runs

    @classmethod
    def of_component(cls, component: Any) -> "Step":
        """Return the step of an agent, team or workflow that stands in a list by itself."""
        kind = getattr(component, "kind", "agent")
        return cls(**{kind: component})

    @property
    def component(self) -> Any:
        """The agent, team or workflow; None when a function does the step."""
        return next((thing for thing in (self.agent, self.team, self.workflow) if thing is not None), None)

    @property
    def executor_type(self) -> str:
        """One of agent, team, workflow, function."""
        kinds = {"agent": self.agent, "team": self.team, "workflow": self.workflow}
        return next((kind for kind, thing in kinds.items() if thing is not None), "function")

    @property
    def executor_name(self) -> str:
        """The name of what does the step."""
        return _name_of(self.component if self.component is not None else self.executor)

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Do the step, more than once if it must be."""
        yield started(work, self, "StepStarted", place)
        output = yield from self._attempts(work, step_input, place)
        if self.executor is not None:
            yield started(work, self, "StepOutput", place, content=output.content, step_output=output)
        yield self.completed(work, output, place)
        return output

    def get_chat_history(self, session_id: str | None = None, last_n_runs: int | None = None) -> list[Any]:
        """Return what the step's agent or team keeps of a session of its own; a function keeps nothing."""
        history: list[Any] = []
        if self.component is not None:
            history = self.component.get_chat_history(session_id, last_n_runs=last_n_runs)
        return history

    async def aget_chat_history(self, session_id: str | None = None, last_n_runs: int | None = None) -> list[Any]:
        """Like `get_chat_history`."""
        return await run_in_thread(lambda: self.get_chat_history(session_id, last_n_runs))

    def completed(self, work: Work, output: StepOutput, place: tuple[int, ...]) -> RunOutputEvent:
        """Return the event that ends the step."""
        said = {"content": output.content, "content_type": "str", "step_response": output}
        media = {kind: getattr(output, kind) or None for kind in ("images", "videos", "audio")}
        return started(work, self, "StepCompleted", place, **said, **media)

    def _attempts(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Outcome:
        for attempt in range(self.max_retries + 1):
            try:
                return (yield from self._once(work, step_input, place))
            except RunCancelled as reason:
                if reason.said:
                    reason.output = self.output(reason.said, success=False, error=str(reason))
                raise
            except Control:
                raise
            except Exception as error:
                logger.warning("Step %s failed (attempt %d): %s", self.name, attempt + 1, error)
                failure = error
            work.check()
        if self.skip_on_failure:
            return self.output(f"Step {self.name} failed and was skipped.", success=False, error=str(failure))
        yield started(work, self, "StepError", place, error=str(failure))
        raise failure

    def _once(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Outcome:
        if self.executor is not None:
            result = yield from call(self.executor, work, step_input)
            return self._function_output(result)
        prompt = prompt_of(self, step_input, work)
        media = {kind: getattr(step_input, kind) or () for kind in ("images", "videos", "audio", "files")}
        request = work.request(self.step_id, new_id(), prompt, media)
        run = yield from handed_on(self, work, place, run_executor(self.component, request, work))
        self._check(run, step_input, place)
        return output_of(self, run)

    def _check(self, run: Run, step_input: StepInput, place: tuple[int, ...]) -> None:
        if run.status == "PAUSED" and self.workflow is not None:
            reason = f"Workflow {self.executor_name} waits for a person, which it cannot inside another workflow."
            raise StepFailed(self, RuntimeError(reason))
        if run.status == "PAUSED":
            raise Paused(self, executor_requirement(self, run, step_input, place), run)
        if run.status == "CANCELLED":
            raise RunCancelled(f"Run {run.run_id} was cancelled.", run.content_text)
        if run.status == "ERROR":
            raise RuntimeError(run.content_text or f"The {self.executor_type} of step {self.name} failed.")

    def _function_output(self, result: Any) -> StepOutput:
        output = result if isinstance(result, StepOutput) else self._wrapped(result)
        names = {"step_type": str(self.type), "executor_type": "function", "executor_name": self.executor_name}
        for key, value in (names | {"step_name": self.name, "step_id": self.step_id}).items():
            if output.raw.get(key) is None:
                output.raw[key] = value
        return output

    def _wrapped(self, result: Any) -> StepOutput:
        if isinstance(result, Run):
            return output_of(self, result)
        return self.output(result)


def _name_of(thing: Any) -> str:
    names = (getattr(thing, attribute, None) for attribute in ("name", "id", "__name__"))
    return next((name for name in names if isinstance(name, str) and name), type(thing).__name__)
