"""What steps and containers of steps have in common, and how a row of them is worked off."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Final, TypeVar

from agentos.agents.background import current_loop, run_in_thread, stream_in_thread
from agentos.agents.identity import new_id
from agentos.agents.request import RunContext
from agentos.records import StepOutput
from agentos.records.events import RunOutputEvent
from agentos.workflow.gate import gated
from agentos.workflow.types import ALIASES, HumanReview, OnError, StepInput, StepType, last_content, reviewed
from agentos.workflow.work import Control, Interrupted, StepFailed, Stream, Work, shown

__all__ = ["Node", "drained", "follow", "sequence", "started"]

T = TypeVar("T")

logger: Final = logging.getLogger("agentos")

_SETTINGS: Final = frozenset(setting.name for setting in fields(HumanReview))
Rows = Generator[RunOutputEvent, None, list[StepOutput]]


class Node(ABC):
    """A step, or a container of steps. `human_review`'s settings may also be given one by one, as keywords.

    Raises:
        TypeError: a keyword that is no setting.
    """

    type: ClassVar[StepType]

    def __init__(
        self,
        name: str | None = None,
        description: str | None = None,
        human_review: HumanReview | None = None,
        step_id: str | None = None,
        **review: Any,
    ) -> None:
        self.name = name
        self.description = description
        self.human_review = reviewed(human_review, review)
        self.step_id = step_id or new_id()

    @abstractmethod
    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Do the step: yield its events, return its output. `place` is where it stands in the workflow.

        Raises:
            Control: the run is to end here, for now or for good.
            Exception: the step failed.
        """

    @property
    def choice_names(self) -> list[str]:
        """What a person may pick from, where there is something to pick."""
        return []

    @property
    def children(self) -> Sequence["Node"]:
        """The steps inside it."""
        return ()

    def output(self, content: Any, **values: Any) -> StepOutput:
        """Return an output of this step."""
        names = {"step_name": self.name, "step_id": self.step_id, "step_type": str(self.type)}
        return StepOutput(**(names | {"content": content} | values))

    def to_dict(self) -> dict[str, Any]:
        """Return what a session keeps of it (format §2.3)."""
        return {"name": self.name, "description": self.description, "type": str(self.type)}

    def __getattr__(self, name: str) -> Any:
        """Read the settings of the review one by one, as they may be given."""
        name = ALIASES.get(name, name)
        if name in _SETTINGS:
            return getattr(self.human_review, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def execute(self, step_input: StepInput, session_id: str | None = None, **options: Any) -> StepOutput:
        """Do the step by itself, outside of a workflow, and return its output.

        Of `options`, `user_id`, `session_state` and `run_context` mean what they do in a run.
        """
        return drained(self._alone(step_input, session_id, options))

    def execute_stream(
        self, step_input: StepInput, session_id: str | None = None, **options: Any
    ) -> Iterator[RunOutputEvent | StepOutput]:
        """Do the same, yielding its events, and the output last."""
        yield (yield from self._alone(step_input, session_id, options | {"stream": True}))

    async def aexecute(self, step_input: StepInput, session_id: str | None = None, **options: Any) -> StepOutput:
        """Do the same from an event loop."""
        loop = current_loop()
        return await run_in_thread(lambda: self.execute(step_input, session_id, loop=loop, **options))

    def aexecute_stream(self, step_input: StepInput, session_id: str | None = None, **options: Any) -> Any:
        """Yield the events asynchronously, and the output last."""
        loop = current_loop()
        return stream_in_thread(lambda: self.execute_stream(step_input, session_id, loop=loop, **options))

    def _alone(self, step_input: StepInput, session_id: str | None, options: dict[str, Any]) -> Stream:
        """Do the step by itself.

        Raises:
            Exception: what it, or a step inside it whose failure is fatal, raised.
        """
        try:
            return (yield from self.perform_step(alone(session_id, **options), step_input, (0,)))
        except StepFailed as failure:
            raise failure.error from None


def alone(session_id: str | None, **options: Any) -> Work:
    """Return the work of a step that is done outside of a workflow; options of Agno's that need one are ignored."""
    context = options.get("run_context") or RunContext(
        run_id=new_id(), session_id=session_id or new_id(), user_id=options.get("user_id"), session_state={}
    )
    if options.get("session_state") is not None:
        context = replace(context, session_state=options["session_state"])
    return Work(context=context, stream=options.get("stream", False), loop=options.get("loop"))


def drained(stream: Generator[Any, None, T]) -> T:
    """Work a generator off and return its value."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            value: T = end.value
            return value


def sequence(owner: Node, nodes: Sequence[Node], work: Work, step_input: StepInput) -> Rows:
    """Do steps of a container one after the other, each with the outputs of those before it; return all outputs.

    It ends early with a step that asks for it or fails. What was done before a pause is not done again.
    """
    return (yield from placed(owner, nodes, work, step_input, work.resumption.enter(), work.place))


def placed(
    owner: Node,
    nodes: Sequence[Node],
    work: Work,
    step_input: StepInput,
    done: Sequence[StepOutput],
    place: Callable[[int], tuple[int, ...]],
) -> Rows:
    """Do the same where the steps' places are counted otherwise."""
    outputs = list(done)
    for node, output in zip(nodes, done, strict=False):
        step_input = follow(step_input, node.name, output)
    for position, node in list(enumerate(nodes))[len(outputs) :]:
        work.check()
        try:
            output = yield from guarded(node, work, step_input, place(position), owner)
        except Interrupted as interruption:
            interruption.way.insert(0, outputs)
            interruption.inner.insert(0, node)
            raise
        outputs.append(output)
        if output.stop or output.success is False:
            break
        step_input = follow(step_input, node.name, output)
    return outputs


def guarded(node: Node, work: Work, step_input: StepInput, place: tuple[int, ...], owner: Node) -> Stream:
    """Do a step inside a container: a failure becomes its output, unless its policy or the container's says otherwise.

    Raises:
        StepFailed: the step's policy is to fail, or to ask a person.
        Exception: the container's is; the error is the container's own then.
    """
    try:
        output = yield from gated(node, work, step_input, place)
        return node.output(None) if output is None else output
    except Control:
        raise
    except Exception as error:
        if node.human_review.on_error != OnError.skip:
            raise StepFailed(node, error, node.human_review.on_error) from error
        if owner.human_review.on_error != OnError.skip:
            raise
        logger.warning("Step %s failed: %s", node.name, error)
        return node.output(f"Step {node.name} failed: {error}", success=False, error=str(error))


def follow(step_input: StepInput, name: str | None, output: StepOutput) -> StepInput:
    """Return the input of the step after one that had this output; media are handed on.

    A step that a person left out has said nothing: the one after it hears the one before it.
    """
    if is_left_out(output):
        return step_input
    outputs = {key: value for key, value in (step_input.previous_step_outputs or {}).items() if key != name}
    outputs[name or output.step_name or f"step_{len(outputs) + 1}"] = output
    media: dict[str, Any] = {kind: _more(step_input, output, kind) for kind in ("images", "videos", "audio", "files")}
    return replace(step_input, previous_step_content=last_content(output), previous_step_outputs=outputs, **media)


def is_left_out(output: StepOutput) -> bool:
    """Whether this stands for a step inside a container that a person left out."""
    return output.content is None and output.executor_type is None and not output.steps


def _more(step_input: StepInput, output: StepOutput, kind: str) -> list[Any] | None:
    return [*(getattr(step_input, kind) or []), *getattr(output, kind)] or None


def started(work: Work, node: Node, event: str, place: tuple[int, ...], **values: Any) -> RunOutputEvent:
    """Return an event about a step."""
    return work.event(event, step_id=node.step_id, step_name=node.name, step_index=shown(place), **values)
