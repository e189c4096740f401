"""What steps of a workflow are given and give back, and how people take part. Names and keywords are Agno's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

from agentos.records import (
    Audio,
    ErrorRequirement,
    File,
    Image,
    InputField,
    StepOutput,
    StepRequirement,
    Video,
)
from agentos.workflow.plain import jsonable, text_of

__all__ = [
    "ErrorRequirement",
    "HumanReview",
    "OnError",
    "OnReject",
    "OnTimeout",
    "PauseKind",
    "StepInput",
    "StepOutput",
    "StepRequirement",
    "StepType",
    "UserInputField",
    "WorkflowExecutionInput",
]

UserInputField = InputField


class StepType(StrEnum):
    """What a step is, as `step_type` of its output says."""

    FUNCTION = "Function"
    STEP = "Step"
    STEPS = "Steps"
    LOOP = "Loop"
    PARALLEL = "Parallel"
    CONDITION = "Condition"
    ROUTER = "Router"
    WORKFLOW = "Workflow"


class OnReject(StrEnum):
    """What becomes of a step that a person rejects."""

    skip = "skip"
    cancel = "cancel"
    else_branch = "else"
    retry = "retry"


class OnError(StrEnum):
    """What becomes of a run one of whose steps fails."""

    fail = "fail"
    skip = "skip"
    pause = "pause"


class OnTimeout(StrEnum):
    """What becomes of a step nobody decided on in time."""

    cancel = "cancel"
    skip = "skip"
    approve = "approve"


class PauseKind(StrEnum):
    """Who paused the run: the step itself, or the agent or team in it."""

    STEP = "step"
    EXECUTOR = "executor"


@dataclass
class HumanReview:
    """How people take part in a step: before it (confirmation, input), after it (review), and when it fails.

    `timeout` is in seconds. Words are taken for the enumerations' members.

    Raises:
        ValueError: a word that is none of Agno's.
    """

    requires_confirmation: bool = False
    confirmation_message: str | None = None
    requires_user_input: bool = False
    user_input_message: str | None = None
    user_input_schema: list[dict[str, Any]] | None = None
    allow_multiple_selections: bool = False
    requires_output_review: Any = False
    output_review_message: str | None = None
    requires_iteration_review: bool = False
    iteration_review_message: str | None = None
    on_reject: OnReject | str = OnReject.skip
    on_error: OnError | str = OnError.skip
    max_retries: int = 3
    timeout: int | None = None
    on_timeout: OnTimeout | str = OnTimeout.cancel

    def __post_init__(self) -> None:
        """Take words for members."""
        self.on_reject = OnReject(self.on_reject)
        self.on_error = OnError(self.on_error)
        self.on_timeout = OnTimeout(self.on_timeout)

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in given.items() if value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the review `to_dict` described."""
        return cls(**data)


# On a step, `max_retries` and `timeout` by themselves would be the step's own.
ALIASES: Final = {"hitl_max_retries": "max_retries", "hitl_timeout": "timeout"}


def reviewed(review: HumanReview | None, flat: dict[str, Any]) -> HumanReview:
    """Return the review of a step, whose settings may also be given beside it, one by one.

    Raises:
        TypeError: a keyword that is no setting.
        ValueError: both ways at once.
    """
    flat = {ALIASES.get(key, key): value for key, value in flat.items()}
    unknown = flat.keys() - {item.name for item in fields(HumanReview)}
    if unknown:
        raise TypeError(f"unexpected keyword argument {sorted(unknown)[0]!r}")
    if review and flat:
        raise ValueError("Settings of the review are given in human_review or beside it, not both.")
    return review or HumanReview(**flat)


@dataclass
class _Given:
    input: Any = None
    additional_data: dict[str, Any] | None = None
    images: list[Image] | None = None
    videos: list[Video] | None = None
    audio: list[Audio] | None = None
    files: list[File] | None = None

    def get_input_as_string(self) -> str | None:
        """Return the input as text, structures as indented JSON; None without one."""
        if self.input is None or isinstance(self.input, str):
            return self.input
        return json.dumps(jsonable(self.input), indent=2, default=str, ensure_ascii=False)

    def _media(self) -> dict[str, Any]:
        return {kind: jsonable(getattr(self, kind)) or None for kind in ("images", "videos", "audio", "files")}


@dataclass
class WorkflowExecutionInput(_Given):
    """What a run of a workflow was given: the second argument of a workflow that is one function."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"input": jsonable(self.input), "additional_data": jsonable(self.additional_data)} | self._media()


@dataclass
class StepInput(_Given):
    """What a step is given: the run's input, what the step before it said, and the outputs of all before it."""

    previous_step_content: Any = None
    previous_step_outputs: dict[str, StepOutput] | None = None
    # The session with its earlier runs, an agentos.records.WorkflowSession; read only when asked.
    workflow_session: Any = field(default=None, repr=False, compare=False)

    def get_step_output(self, step_name: str) -> StepOutput | None:
        """Return the output of the step of this name, also of one inside a container."""
        return next((output for name, output in self._named() if name == step_name), None)

    def get_step_content(self, step_name: str) -> Any:
        """Return what a step said; of a Parallel step, what each step in it said, by name. None if it did not run."""
        output = self.get_step_output(step_name)
        if output is None:
            return None
        if output.step_type == StepType.PARALLEL and output.steps:
            return {inner.step_name or "": text_of(inner.content) for inner in leaves(output.steps)}
        return output.content

    def get_all_previous_content(self) -> str:
        """Return what all steps said, each under a heading with its name."""
        said = [(name, output.content) for name, output in (self.previous_step_outputs or {}).items()]
        return "\n\n".join(f"=== {name} ===\n{text_of(content)}" for name, content in said if content)

    def get_last_step_content(self) -> Any:
        """Return what the last step said, of a container the last step inside it; None for the first step."""
        outputs = list((self.previous_step_outputs or {}).values())
        return last_content(outputs[-1]) if outputs else self.previous_step_content

    def get_workflow_history(self, num_runs: int | None = None) -> list[tuple[str, str]]:
        """Return input and output of the session's earlier completed runs, oldest first, at most `num_runs`."""
        session = self.workflow_session
        return session.get_workflow_history(num_runs) if session is not None else []

    def get_workflow_history_context(self, num_runs: int | None = None) -> str | None:
        """Return the same as one text for a model; None when there is nothing."""
        session = self.workflow_session
        return session.get_workflow_history_context(num_runs) if session is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON stored with a step that waits for a person."""
        outputs = self.previous_step_outputs or {}
        return {
            "input": jsonable(self.input),
            "previous_step_outputs": {name: jsonable(output) for name, output in outputs.items()},
            "previous_step_content": jsonable(self.previous_step_content),
            "additional_data": jsonable(self.additional_data),
        } | self._media()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the input `to_dict` described."""
        outputs = data.get("previous_step_outputs") or {}
        return cls(
            input=data.get("input"),
            previous_step_content=data.get("previous_step_content"),
            previous_step_outputs={name: StepOutput.from_dict(raw) for name, raw in outputs.items()},
            additional_data=data.get("additional_data"),
            images=[Image.from_dict(raw) for raw in data.get("images") or []] or None,
            videos=[Video.from_dict(raw) for raw in data.get("videos") or []] or None,
            audio=[Audio.from_dict(raw) for raw in data.get("audio") or []] or None,
            files=[File.from_dict(raw) for raw in data.get("files") or []] or None,
        )

    def _named(self) -> Iterator[tuple[str | None, StepOutput]]:
        """Yield the outputs by name, each followed by those inside it."""
        for name, output in (self.previous_step_outputs or {}).items():
            yield name, output
            yield from ((inner.step_name, inner) for inner in within(output))


def within(output: StepOutput) -> Iterator[StepOutput]:
    """Yield the outputs inside a container's, on all levels."""
    waiting = list(reversed(output.steps))
    while waiting:
        inner = waiting.pop()
        yield inner
        waiting.extend(reversed(inner.steps))


def leaves(outputs: list[StepOutput]) -> Iterator[StepOutput]:
    """Yield the outputs that hold no others."""
    for output in outputs:
        yield from (inner for inner in (output, *within(output)) if not inner.steps)


def last_content(output: StepOutput) -> Any:
    """Return what a step said; of a container, what the last step inside it said."""
    while output.steps:
        output = output.steps[-1]
    return output.content
