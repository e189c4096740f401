"""The steps of a workflow's run with those inside them flattened: containers, branches, iterations."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from agentos.records import StepOutput
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.contents import Content, content_of

STEPS = 80
"""Steps shown of one run in a conversation."""

CONTAINERS = frozenset({"Steps", "Loop", "Parallel", "Condition", "Router"})
_BRIEF = 160


@dataclass(frozen=True)
class PlacedStep:
    """A step's output, its depth, the type of the container it is in, and which time a loop came by it (else 0)."""

    output: StepOutput
    depth: int
    container: str
    iteration: int
    number: int


@dataclass(frozen=True)
class StepView:
    """A step as one line that opens. `remark`: its branch, its iteration, its end. `run_id`: that of its executor."""

    name: str
    kind: str
    executor: str
    depth: int
    status: str
    content: Content
    error: str
    remark: str
    run_id: str | None


def placed_steps(outputs: list[StepOutput], limit: int) -> Iterator[PlacedStep]:
    """Yield the steps depth first, without recursion, at most `limit` of them.

    Agno lists what a loop did one after another: a step that stands there once more begins another iteration.
    """
    waiting = [(output, 0, "", 0) for output in reversed(outputs)]
    for number in range(limit):
        if not waiting:
            return
        output, depth, container, iteration = waiting.pop()
        yield PlacedStep(output, depth, container, iteration, number)
        inside = [(step, depth + 1, output.step_type or "", turn) for step, turn in _turns(output)]
        waiting.extend(reversed(inside))


def _turns(output: StepOutput) -> Iterator[tuple[StepOutput, int]]:
    seen: Counter[str] = Counter()
    for step in output.steps:
        name = step.step_name or ""
        seen[name] += 1
        yield step, seen[name] if output.step_type == "Loop" else 0


def steps_of(outputs: list[StepOutput], budget: Budget, limit: int = STEPS) -> Iterator[StepView]:
    """Yield the steps as lines."""
    for step in placed_steps(outputs, limit):
        output = step.output
        text = output.content_text
        yield StepView(
            name=output.step_name or "Unnamed step",
            kind=output.step_type or "",
            executor=output.executor_name or "",
            depth=min(step.depth, 12),
            status=status_of(output),
            content=content_of(text, budget),
            error=(output.error or "")[:500],
            remark=remark_of(step),
            run_id=output.step_run_id,
        )


def status_of(output: StepOutput) -> str:
    """Return how a step ended, as a run's status would say it."""
    return "ERROR" if output.success is False else "PAUSED" if output.is_paused else "COMPLETED"


def remark_of(step: PlacedStep) -> str:
    """Say what the names of a step do not: its iteration, the branch of a container, an early end."""
    output = step.output
    said = [f"iteration {step.iteration}"] if step.iteration else []
    if output.step_type in ("Condition", "Router", "Loop"):
        said.append(" ".join(output.content_text[:_BRIEF].split()))
    elif output.step_type == "Parallel":
        said.append(f"{len(output.steps)} at once")
    if output.stop:
        said.append("ended the workflow early")
    return ", ".join(filter(None, said))
