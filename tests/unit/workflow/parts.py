"""Small real executors for the steps of tests: no model, no network."""

from collections.abc import Callable, Iterator
from typing import Any

from agentos.agents.request import RunRequest
from agentos.records import Requirement, RunOutput, ToolExecution
from agentos.records.events import RunOutputEvent
from agentos.workflow import StepInput, StepOutput


def says(name: str, **values: Any) -> Callable[[StepInput], StepOutput]:
    """Return a step's function that says its name, the input, and what was said before."""

    def function(step_input: StepInput) -> StepOutput:
        return StepOutput(content=f"{name}({step_input.input}|{step_input.previous_step_content})", **values)

    function.__name__ = name
    return function


def breaks(step_input: StepInput) -> StepOutput:
    """Fail."""
    raise ValueError("broken")


class Echo:
    """An agent without a model: it repeats what it is asked, keeps the requests, and fails or waits if told so."""

    kind = "agent"

    def __init__(self, name: str = "Echo", *, status: str = "COMPLETED", **values: Any) -> None:
        self.id, self.name, self.status, self.values = name.lower(), name, status, values
        self.requests: list[RunRequest] = []
        self.resumed: list[list[Requirement]] = []

    def perform(self, request: RunRequest) -> Iterator[RunOutputEvent | RunOutput]:
        """Answer."""
        self.requests.append(request)
        yield RunOutputEvent.now("RunContent", agent_id=self.id, run_id=request.run_id, content="…")
        if self.status == "PAUSED":
            tool = ToolExecution(tool_call_id="c1", tool_name="pay", tool_args={}, requires_confirmation=True)
            asked = Requirement(id="q1", tool_execution=tool)
            yield self._run(request, "Confirm pay.", requirements=[asked], tools=[tool])
        else:
            yield self._run(request, f"{self.name} heard: {request.input}")

    def resume(
        self, request: RunRequest, run: RunOutput, requirements: list[Requirement]
    ) -> Iterator[RunOutputEvent | RunOutput]:
        """Go on after the question."""
        self.resumed.append(requirements)
        self.status = "COMPLETED"
        yield RunOutputEvent.now("RunContinued", agent_id=self.id, run_id=request.run_id)
        yield self._run(request, f"{self.name} went on")

    def _run(self, request: RunRequest, content: str, **values: Any) -> RunOutput:
        return RunOutput(
            run_id=request.run_id,
            session_id=request.session_id,
            agent_id=self.id,
            agent_name=self.name,
            content=content,
            status=self.status,
            metrics={"input_tokens": 2, "output_tokens": 3, "total_tokens": 5},
            **(self.values | values),
        )
