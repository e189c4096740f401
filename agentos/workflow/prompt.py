"""What an agent or team in a step is told: what was said before it, else what the run was given."""

from typing import TYPE_CHECKING, Any

from agentos.records import StepOutput
from agentos.workflow.plain import text_of
from agentos.workflow.types import StepInput, StepType, last_content, leaves
from agentos.workflow.work import Work

if TYPE_CHECKING:
    from agentos.workflow.step import Step

__all__ = ["prompt_of"]


def prompt_of(step: "Step", step_input: StepInput, work: Work) -> Any:
    """Return the input of the step's executor. The run's own input stays what it is, when nothing has to be added."""
    prompt = _said_before(step_input)
    if prompt is None:
        prompt = step_input.input
    additions = [text for text in _additions(step_input) if text]
    history = _history(step, step_input, work)
    if not (additions or history):
        return prompt if prompt is not None else ""
    text = "\n\n".join([text_of(prompt), *additions])
    return f"{history}\n{text}" if history else text


def _said_before(step_input: StepInput) -> Any:
    outputs = list((step_input.previous_step_outputs or {}).values())
    if not outputs:
        return step_input.previous_step_content
    return _report(outputs[-1])


def _report(output: StepOutput) -> str:
    """Return what the last step said; of steps side by side, what each said."""
    if output.step_type == StepType.PARALLEL and output.steps:
        return "\n\n".join(f"=== {leaf.step_name} ===\n{text_of(leaf.content)}" for leaf in leaves(output.steps))
    return text_of(last_content(output))


def _additions(step_input: StepInput) -> list[str]:
    known = step_input.additional_data or {}
    answers, feedback = known.get("user_input"), known.get("rejection_feedback")
    return [
        f"The user answered: {text_of(answers)}" if answers else "",
        f"Your previous answer was rejected: {feedback}" if feedback else "",
    ]


def _history(step: "Step", step_input: StepInput, work: Work) -> str | None:
    wanted = work.add_history if step.add_workflow_history is None else step.add_workflow_history
    if not wanted or step_input.workflow_session is None:
        return None
    runs = step.num_history_runs if step.add_workflow_history else work.num_history_runs
    return step_input.get_workflow_history_context(runs)
