"""Where people come in: before a step, after it, and when the agent in it asks."""

from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agentos.records import Run, StepOutput, StepRequirement
from agentos.records.events import RunOutputEvent
from agentos.workflow.types import HumanReview, OnReject, StepInput, StepType
from agentos.workflow.work import Paused, RunCancelled, Work

if TYPE_CHECKING:
    from agentos.workflow.node import Node

__all__ = ["executor_requirement", "gated", "review_requirement", "wants_review"]

Outcome = Generator[RunOutputEvent, None, StepOutput | None]


def gated(node: "Node", work: Work, step_input: StepInput, place: tuple[int, ...]) -> Outcome:
    """Do a step, if nobody has to be asked first; return None when a person has decided to leave it out.

    Raises:
        Paused: somebody has to be asked.
        RunCancelled: a person decided to end the run.
    """
    resumption = work.resumption
    if resumption.arrived:
        requirement, run = resumption.take(node)
        yield _continued(node, work, place, requirement if run is None else None)
        if requirement is not None and run is None:
            if left_out(node, requirement):
                return None
            step_input = with_answers(step_input, requirement, resumption.decisions(node))
        work.resumption.run = run
    elif not resumption.active:
        route, resumption.reroute = resumption.reroute, False
        requirement = _asked_first(node, step_input, place, route=route)
        if requirement is not None:
            requirement.retry_count = resumption.retries
            raise Paused(node, requirement)
    return (yield from node.perform_step(work, step_input, place))


def left_out(node: "Node", requirement: StepRequirement) -> bool:
    """Whether a person rejected the step and it is left out.

    Raises:
        RunCancelled: it was rejected, and that ends the run.
    """
    if requirement.confirmed is not False:
        return False
    if requirement.on_reject == OnReject.cancel:
        raise RunCancelled(f"Step {node.name} was rejected.")
    if requirement.on_reject == OnReject.retry and requirement.is_post_execution:
        return False
    return not (node.type == StepType.CONDITION and requirement.on_reject == OnReject.else_branch)


def with_answers(
    step_input: StepInput, requirement: StepRequirement, decisions: Sequence[StepRequirement]
) -> StepInput:
    """Return the input of a step with what a person answered, and why its earlier output was rejected."""
    answered = [item.user_input for item in decisions if item.user_input]
    feedback = requirement.rejection_feedback if requirement.is_post_execution else None
    answers = {"user_input": answered[-1] if answered else None, "rejection_feedback": feedback}
    given = {key: value for key, value in answers.items() if value}
    if not given:
        return step_input
    values = dict(vars(step_input))
    values["additional_data"] = (step_input.additional_data or {}) | given
    return StepInput(**values)


def wants_review(node: "Node", output: StepOutput) -> bool:
    """Whether a person looks at the step's output; the review may be a function of it."""
    wanted = node.human_review.requires_output_review
    return bool(wanted(output) if callable(wanted) else wanted)


def review_requirement(
    node: "Node",
    step_input: StepInput,
    output: StepOutput,
    index: int,
    retry_count: int = 0,
    message: str | None = None,
) -> StepRequirement:
    """Return what is asked about a step's output, or about that of one round of a loop."""
    message = message or node.human_review.output_review_message
    return _requirement(
        node,
        (index,),
        step_input,
        requires_confirmation=True,
        confirmation_message=message,
        requires_output_review=True,
        output_review_message=message,
        is_post_execution=True,
        available_choices=node.choice_names or None,
        retry_count=retry_count,
        step_output=output.to_dict(),
    )


def executor_requirement(node: Any, run: Run, step_input: StepInput, place: tuple[int, ...]) -> StepRequirement:
    """Return what the paused run of a step's agent or team asks for."""
    asked = _base(node, place) | {
        "step_input": step_input.to_dict(),
        "requires_executor_input": True,
        "executor_requirements": [requirement.to_dict() for requirement in run.requirements],
        "executor_id": run.component_id,
        "executor_name": node.executor_name,
        "executor_run_id": run.run_id,
        "executor_type": node.executor_type,
        "executor_session_id": run.session_id,
    }
    return StepRequirement.from_dict(asked)


def _asked_first(
    node: "Node", step_input: StepInput, place: tuple[int, ...], *, route: bool = False
) -> StepRequirement | None:
    review = node.human_review
    if not (review.requires_confirmation or review.requires_user_input or route):
        return None
    values: dict[str, Any] = {
        "requires_confirmation": review.requires_confirmation,
        "confirmation_message": review.confirmation_message,
        "user_input_message": review.user_input_message,
    }
    if node.type == StepType.ROUTER and (review.requires_user_input or route):
        values |= {
            "requires_route_selection": True,
            "available_choices": node.choice_names,
            "allow_multiple_selections": review.allow_multiple_selections,
        }
    else:
        values["requires_user_input"] = review.requires_user_input
    if review.user_input_schema:
        values["user_input_schema"] = [dict(_plain(item)) for item in review.user_input_schema]
    return _requirement(node, place, step_input, **values)


def _requirement(node: "Node", place: tuple[int, ...], step_input: StepInput, **values: Any) -> StepRequirement:
    review = node.human_review
    asked = _base(node, place) | {
        "on_reject": str(review.on_reject),
        "on_timeout": str(review.on_timeout),
        "max_retries": review.max_retries,
        "timeout_at": _deadline(review),
    }
    return StepRequirement.from_dict(asked | values | {"step_input": step_input.to_dict()})


def _base(node: "Node", place: tuple[int, ...]) -> dict[str, Any]:
    names = {"step_id": node.step_id, "step_name": node.name, "step_index": place[0], "step_type": str(node.type)}
    return StepRequirement(**names).to_dict()


def _deadline(review: HumanReview) -> str | None:
    if review.timeout is None:
        return None
    return (datetime.now(UTC) + timedelta(seconds=review.timeout)).isoformat()


def _plain(item: Any) -> dict[str, Any]:
    stored: dict[str, Any] = item if isinstance(item, dict) else item.to_dict()
    return stored


def _continued(node: "Node", work: Work, place: tuple[int, ...], requirement: StepRequirement | None) -> RunOutputEvent:
    from agentos.workflow.node import started

    if requirement is not None:
        return started(work, node, "StepContinued", place)
    return started(work, node, "StepExecutorContinued", place, executor_name=getattr(node, "executor_name", None))
