"""The smaller objects inside runs: citations, reasoning, retrieval, what a run waits for, and step outputs."""

from typing import Any

from agentos.records.fields import (
    Flag,
    Integer,
    Many,
    Number,
    Object,
    Objects,
    One,
    Read,
    Record,
    Switch,
    Text,
    Texts,
    Value,
    views,
)
from agentos.records.media import Audio, File, Image, Video
from agentos.records.metrics import Metrics
from agentos.records.text import as_text, parts_text

__all__ = [
    "Citations",
    "DocumentCitation",
    "FeedbackOption",
    "InputField",
    "ReasoningStep",
    "Reference",
    "StepOutput",
    "UrlCitation",
    "UserQuestion",
]


class UrlCitation(Record):
    """A cited page. Both texts are the provider's: escape them, and link only to http and https."""

    __slots__ = ()
    url = Text()
    title = Text()


class DocumentCitation(Record):
    """A cited passage of a document."""

    __slots__ = ()
    document_title = Text()
    cited_text = Text()
    file_name = Text()


class Citations(Record):
    """What an answer leans on."""

    __slots__ = ()
    raw_citations = Value("raw")
    search_queries = Texts()
    urls = Many(UrlCitation)
    documents = Many(DocumentCitation)


class ReasoningStep(Record):
    """One step of explicit reasoning; next_action is continue, validate, final_answer or reset."""

    __slots__ = ()
    always = ("title", "action", "result", "reasoning", "next_action", "confidence")
    title = Text()
    action = Text()
    result = Text()
    reasoning = Text()
    next_action = Text()
    confidence = Number()


class Reference(Record):
    """What one retrieval from a knowledge base found; `time` is in seconds."""

    __slots__ = ()
    query = Text()
    references = Objects()
    time = Number()


class InputField(Record):
    """One field a person was asked to fill in; it is open while its value is null."""

    __slots__ = ()
    always = ("name", "field_type", "description", "value")
    name = Text()
    field_type = Text()
    description = Text()
    value = Value()
    # Only fields that a step of a workflow asks for have these; a field is required unless it says otherwise.
    required: Read[bool] = Read(lambda stored: stored is not False)
    allowed_values = Value()


class FeedbackOption(Record):
    """One choice of a question."""

    __slots__ = ()
    label = Text()
    description = Text()
    selected = Flag()


class UserQuestion(Record):
    """One question with choices (an entry of `user_feedback_schema`)."""

    __slots__ = ()
    question = Text()
    header = Text()
    multi_select = Flag()
    selected_options = Texts()
    options = Many(FeedbackOption)


class StepOutput(Record):
    """What one step of a workflow returned; containers (Loop, Parallel, ...) hold their steps' outputs in `steps`.

    A built one has succeeded unless it is told otherwise. While its run goes on, `content` may be any Python object.
    """

    __slots__ = ()
    always = (
        "content", "step_name", "step_id", "step_type", "executor_type", "executor_name", "step_run_id",
        "images", "videos", "audio", "files", "metrics", "success", "error", "stop", "is_paused",
    )  # fmt: skip
    content = Value()
    step_name = Text()
    step_id = Text()
    step_type = Text()
    executor_type = Text()
    executor_name = Text()
    step_run_id = Text()
    images = Many(Image)
    videos = Many(Video)
    audio = Many(Audio)
    files = Many(File)
    metrics = One(Metrics)
    success = Switch()
    error = Text()
    stop = Flag()
    is_paused = Flag()
    step_index = Integer()
    session_state = Object()
    steps: "Read[list[StepOutput]]" = Read(lambda stored: step_outputs(stored))

    def __init__(self, **values: Any) -> None:
        super().__init__(**({"success": True, "stop": False, "is_paused": False} | values))

    @property
    def content_text(self) -> str:
        """The content as text; functions may return structures."""
        return as_text(self.content)


def step_outputs(stored: Any) -> list[StepOutput]:
    """Read a list of step outputs. The steps of a workflow of one step may be nested in lists; those are flattened."""
    outputs: list[StepOutput] = []
    waiting = [stored]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        else:
            outputs.extend(views(StepOutput, [value]))
    return outputs


def input_text(value: Any) -> str:
    """Return what a run was given as text: a string, a list of them, messages, or any other value as JSON."""
    if isinstance(value, dict) and "role" in value:
        return parts_text(value.get("content"))
    if isinstance(value, list) and all(isinstance(item, str) or _is_message(item) for item in value):
        return "\n".join(input_text(item) for item in value)
    return as_text(value)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and "content" in value
