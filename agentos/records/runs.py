"""Runs of agents, teams and workflows."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from agentos.records.details import Citations, ReasoningStep, Reference, input_text, step_outputs
from agentos.records.fields import (
    Field,
    Integer,
    Many,
    Object,
    Objects,
    One,
    Read,
    Record,
    Text,
    Texts,
    Value,
    json_type,
    plain,
)
from agentos.records.media import Audio, File, Image, Video
from agentos.records.messages import Message
from agentos.records.metrics import Metrics
from agentos.records.moment import now
from agentos.records.requirements import ErrorRequirement, Requirement, StepRequirement
from agentos.records.text import as_text, parts_text
from agentos.records.tools import ToolCall, ToolExecution, join_tool_calls
from agentos.records.waiting import WaitingSteps

__all__ = [
    "BadRun",
    "Kind",
    "Run",
    "RunInput",
    "RunOutput",
    "RunStatus",
    "TeamRunOutput",
    "WorkflowRunOutput",
    "parse_run",
]

Kind = Literal["agent", "team", "workflow"]


class RunStatus(StrEnum):
    """The states of a run, as Agno stores them. RUNNING and PENDING are final when the process died."""

    pending = "PENDING"
    running = "RUNNING"
    completed = "COMPLETED"
    paused = "PAUSED"
    cancelled = "CANCELLED"
    error = "ERROR"
    regenerated = "REGENERATED"


_STATUSES: Final = frozenset(RunStatus)


def _status(stored: Any) -> RunStatus | str | None:
    text = as_text(stored) if isinstance(stored, str) else None
    return RunStatus(text) if text in _STATUSES else text


class Live(Field[Any]):
    """The content: an object beside the JSON that stands for it, when one was set."""

    def __get__(self, record: Record | None, owner: type) -> Any:
        """Read the object, else what is stored."""
        if record is None:
            return self
        live = getattr(record, "_live", None)
        return record.raw.get(self.key) if live is None else live

    def __set__(self, record: Record, value: Any) -> None:
        """Keep the object, and store its JSON."""
        dump = getattr(value, "model_dump", None)
        record.raw[self.key] = plain(value) if dump is None else dump(mode="json", exclude_none=True)
        object.__setattr__(record, "_live", None if dump is None else value)

    def read(self, value: Any) -> Any:
        """Return it as it is."""
        return value


class Run(Record):
    """What runs of every kind have. `parse_run` picks the class; build a RunOutput, TeamRunOutput or WorkflowRunOutput.

    `status` is a RunStatus, or what is stored if Agno knows no such status. `content` of a run that has just ended is
    the object its output schema made of the answer; of a stored run it is the JSON.
    """

    __slots__ = ("_live",)
    # What a built run begins with, as Agno's own constructors have it.
    first_status: ClassVar[RunStatus] = RunStatus.running
    first_values: ClassVar[dict[str, Any]] = {}
    kind: ClassVar[Kind]

    run_id = Text()
    session_id = Text()
    user_id = Text()
    parent_run_id = Text()
    workflow_id = Text()
    workflow_step_id = Text()
    input = Value()
    content = Live()
    content_type = Text()
    status: Read[RunStatus | str | None] = Read(lambda stored: _status(stored))
    created_at = Integer()
    model = Text()
    model_provider = Text()
    model_provider_data = Object()
    messages = Many(Message)
    additional_input = Many(Message)
    tools = Many(ToolExecution)
    metrics = One(Metrics)
    metadata = Object()
    session_state = Object()
    images = Many(Image)
    videos = Many(Video)
    audio = Many(Audio)
    files = Many(File)
    response_audio = One(Audio)
    citations = One(Citations)
    references = Many(Reference)
    reasoning_content = Text()
    reasoning_steps = Many(ReasoningStep)
    reasoning_messages = Many(Message)
    followups = Texts()
    events = Objects()
    requirements = Many(Requirement)
    step_results = Read(step_outputs)
    step_requirements = Many(StepRequirement)
    error_requirements = Many(ErrorRequirement)
    last_checkpoint_at_message_index = Integer()
    forked_from_run_id = Text()
    forked_from_message_index = Integer()
    forked_from_session_id = Text()
    regenerated_from = Text()
    compaction = Value()
    queue_attempt = Integer()
    cancellation_stage = Text()

    def __init__(self, **values: Any) -> None:
        begun = {"created_at": int(now()), "status": self.first_status, "content_type": "str"}
        content = values.pop("content", None)
        super().__init__(**{**begun, **{key: list(value) for key, value in self.first_values.items()}, **values})
        if content is not None:
            self.content = content

    @property
    def component_id(self) -> str | None:
        """Id of the agent, team or workflow that ran."""
        value = self.raw.get(f"{self.kind}_id")
        return as_text(value) if isinstance(value, str) else None

    @property
    def component_name(self) -> str | None:
        """Name of the agent, team or workflow that ran."""
        value = self.raw.get(f"{self.kind}_name")
        return as_text(value) if isinstance(value, str) else None

    @property
    def input_content(self) -> Any:
        """What the run was given: agents and teams wrap it with its media, workflows store it bare."""
        return self._wrapped_input.get("input_content") if self._wrapped_input else self.raw.get("input")

    @property
    def input_text(self) -> str:
        """What the run was given, as text; "" when nothing is stored."""
        return input_text(self.input_content)

    @property
    def input_images(self) -> list[Image]:
        """Pictures given to the run."""
        return RunInput.from_dict(self._wrapped_input).images

    @property
    def input_videos(self) -> list[Video]:
        """Films given to the run."""
        return RunInput.from_dict(self._wrapped_input).videos

    @property
    def input_audio(self) -> list[Audio]:
        """Sounds given to the run; here Agno's key is `audios`, elsewhere `audio`."""
        return RunInput.from_dict(self._wrapped_input).audios

    @property
    def input_files(self) -> list[File]:
        """Files given to the run."""
        return RunInput.from_dict(self._wrapped_input).files

    @property
    def input_media(self) -> list[Image | Video | Audio | File]:
        """Everything given to the run besides its text; the user message usually holds copies."""
        return [*self.input_images, *self.input_videos, *self.input_audio, *self.input_files]

    @property
    def output_media(self) -> list[Image | Video | Audio | File]:
        """Everything the run made besides its text; the spoken answer is `response_audio`."""
        return [*self.images, *self.videos, *self.audio, *self.files]

    @property
    def content_text(self) -> str:
        """The answer as text; structured output as JSON."""
        return parts_text(self.content)

    @property
    def own_messages(self) -> list[Message]:
        """The messages without the copies of earlier runs' ones."""
        return [message for message in self.messages if not message.from_history]

    @property
    def tool_calls(self) -> list[ToolCall]:
        """Every call once, from `tools` and messages: neither alone holds them all."""
        return join_tool_calls(self.tools, self.messages)

    @property
    def is_paused(self) -> bool:
        """Whether it waits for somebody."""
        return self.status == RunStatus.paused

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody stopped it."""
        return self.status == RunStatus.cancelled

    @property
    def active_requirements(self) -> list[Requirement]:
        """What it still waits for."""
        return [requirement for requirement in self.requirements if not requirement.is_resolved()]

    @property
    def tools_requiring_confirmation(self) -> list[ToolExecution]:
        """Calls that somebody has to allow or refuse."""
        return [tool for tool in self.tools if tool.is_waiting and tool.requires_confirmation]

    @property
    def tools_requiring_user_input(self) -> list[ToolExecution]:
        """Calls of which somebody has to fill in arguments."""
        return [tool for tool in self.tools if tool.is_waiting and tool.requires_user_input]

    @property
    def tools_awaiting_external_execution(self) -> list[ToolExecution]:
        """Calls that somebody has to carry out elsewhere."""
        return [tool for tool in self.tools if tool.is_waiting and tool.external_execution_required]

    def get_content_as_string(self, **options: Any) -> str:
        """Return the answer as text, JSON for a structured one; `options` go to `json.dumps`.

        Those of a live object go to its `model_dump_json` instead, which writes no spaces.
        """
        content = self.content
        if hasattr(content, "model_dump_json"):
            return str(content.model_dump_json(exclude_none=True, **options))
        return content if isinstance(content, str) else json.dumps(content, **{"ensure_ascii": False, **options})

    def to_json(self, separators: tuple[str, str] | None = (", ", ": "), indent: int | None = 2) -> str:
        """Return the run as JSON, in ASCII."""
        return json.dumps(self.raw, separators=separators, indent=indent)

    @property
    def is_top_level(self) -> bool:
        """Whether nobody delegated this run."""
        return self.parent_run_id is None

    @property
    def embedded(self) -> list["Run"]:
        """The runs stored inside this one, one level."""
        return []

    @property
    def _wrapped_input(self) -> dict[str, Any]:
        stored = self.raw.get("input")
        if isinstance(stored, dict) and "input_content" in stored and self.kind != "workflow":
            return stored
        return {}


class RunInput(Record):
    """What an agent or a team was given; here Agno's key is `audios`, elsewhere `audio`."""

    __slots__ = ()
    input_content = Value()
    images = Many(Image)
    videos = Many(Video)
    audios = Many(Audio)
    files = Many(File)

    def input_content_string(self) -> str:
        """Return the content as text."""
        return input_text(self.input_content)


def _read_input(stored: Any) -> Any:
    """View what an agent or a team was given; an input that is not wrapped is none of Agno's, and stays as it is."""
    is_wrapped = isinstance(stored, dict) and "input_content" in stored
    return RunInput.from_dict(stored) if is_wrapped else stored


class RunOutput(Run):
    """A run of an agent. `input` is a RunInput."""

    __slots__ = ()
    kind = "agent"
    input: Read[Any] = Read(_read_input)
    agent_id = Text()
    agent_name = Text()


class TeamRunOutput(Run):
    """A run of a team's leader. Its members' runs have entries of their own, or are embedded, or both."""

    __slots__ = ()
    kind = "team"
    first_values = {"member_responses": []}
    input: Read[Any] = Read(_read_input)
    team_id = Text()
    team_name = Text()
    member_responses = Objects()

    def add_member_run(self, run_response: Run) -> None:
        """Embed a member's run; what it made besides its text becomes the team's as well."""
        self.member_responses = [*self.member_responses, run_response.raw]
        for key in ("images", "videos", "audio", "files"):
            if made := _listed(run_response.raw.get(key)):
                self.raw[key] = [*_listed(self.raw.get(key)), *made]

    @property
    def embedded(self) -> list[Run]:
        """The members' runs stored inside this one."""
        return _runs(self.member_responses)


class WorkflowRunOutput(WaitingSteps, Run):
    """A run of a workflow. It has no messages; the runs of its steps' agents and teams are inside it."""

    __slots__ = ()
    kind = "workflow"
    first_status = RunStatus.pending
    first_values = {"step_results": []}
    workflow_name = Text()
    step_executor_runs = Objects()
    paused_step_index = Integer()
    paused_step_name = Text()
    pause_kind = Text()

    # The run of the chat agent in front of the workflow.
    workflow_agent_run: Read[Run | None] = Read(lambda stored: next(iter(_runs([stored])), None))

    @property
    def embedded(self) -> list[Run]:
        """The runs of the steps' executors and of the chat agent."""
        return _runs([*self.step_executor_runs, self.raw.get("workflow_agent_run")])

    def has_completed(self) -> bool:
        """Whether it has ended by itself, with an answer or an error; one that was cancelled has not."""
        return self.status in (RunStatus.completed, RunStatus.error)


@dataclass(frozen=True, slots=True)
class BadRun:
    """An element that is not a run object, to be shown as what it is. `problem` is a plain sentence."""

    raw: Any
    problem: str
    kind: Literal["bad"] = "bad"

    def to_dict(self) -> Any:
        """Return what was stored."""
        return self.raw


_CLASSES: Final[tuple[tuple[str, type[Run]], ...]] = (("agent_id", RunOutput), ("team_id", TeamRunOutput))


def parse_run(raw: Any) -> Run | BadRun:
    """View a stored run as its kind: with the key agent_id an agent's, else with team_id a team's, else a workflow's.

    What is no JSON object becomes a BadRun.
    """
    if not isinstance(raw, dict):
        return BadRun(raw, f"A run is a JSON object, but {json_type(raw)} is stored here.")
    for key, run_class in _CLASSES:
        if key in raw:
            return run_class.from_dict(raw)
    return WorkflowRunOutput.from_dict(raw)


def _runs(stored: list[Any]) -> list[Run]:
    return [run for run in map(parse_run, stored) if isinstance(run, Run)]


def _listed(stored: Any) -> list[Any]:
    return stored if isinstance(stored, list) else []
