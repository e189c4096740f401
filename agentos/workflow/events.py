"""Events of a workflow's own, with every key of format §9 as an attribute."""

from typing import Any, Final

from agentos.records import StepOutput
from agentos.records.details import step_outputs
from agentos.records.events import RunOutputEvent, WorkflowRunEvent
from agentos.records.fields import Flag, Integer, Object, Objects, One, Read, Switch, Text, Value

__all__ = ["EVENT_CLASSES", "WorkflowEvent", "event_class"]


class WorkflowEvent(RunOutputEvent):
    """One event of a workflow's run. Outputs of steps read as StepOutput."""

    __slots__ = ()
    parent_step_id = Text()
    max_iterations = Integer()
    should_continue = Switch()
    total_iterations = Integer()
    all_results = Objects()
    parallel_step_count = Integer()
    steps_count = Integer()
    executed_steps = Integer()
    condition_result = Switch()
    branch = Text()
    selected_steps = Objects()
    requires_confirmation = Flag()
    confirmation_message = Text()
    requires_user_input = Flag()
    user_input_message = Text()
    user_input_schema = Objects()
    available_choices = Objects()
    allow_multiple_selections = Flag()
    requires_output_review = Flag()
    output_review_message = Text()
    executor_id = Text()
    executor_name = Text()
    executor_run_id = Text()
    executor_type = Text()
    executor_requirements = Objects()
    step_requirements = Objects()
    error_requirements = Objects()
    step_executor_runs = Objects()
    status = Text()
    paused_step_index = Integer()
    paused_step_name = Text()
    pause_kind = Text()
    metadata = Object()
    data = Object()
    attempt = Integer()
    step_results: Read[list[StepOutput]] = Read(step_outputs)
    iteration_results: Read[list[StepOutput]] = Read(step_outputs)
    step_response = One(StepOutput)
    step_output = One(StepOutput)
    content = Value()


def _class_of(event: str) -> type[WorkflowEvent]:
    def begin(self: WorkflowEvent, **values: Any) -> None:
        WorkflowEvent.__init__(self, **({"event": event} | values))

    words = {"__slots__": (), "__init__": begin, "__doc__": f"The event {event}."}
    return type(f"{event}Event", (WorkflowEvent,), words)


# Agno's names: programs ask of an event which class it has.
EVENT_CLASSES: Final = {str(event): _class_of(str(event)) for event in WorkflowRunEvent}


def event_class(event: str) -> type[WorkflowEvent]:
    """Return the class of the events of this name: StepStartedEvent for "StepStarted"."""
    return EVENT_CLASSES.get(event, WorkflowEvent)


def __getattr__(name: str) -> Any:
    """Find the classes by their names."""
    event = EVENT_CLASSES.get(name.removesuffix("Event"))
    if event is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return event
