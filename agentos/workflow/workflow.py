"""A workflow: steps that are done in their order, in a session."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Final

from agentos.agents import cancelling
from agentos.agents.component import SessionComponent
from agentos.agents.identity import new_id
from agentos.agents.printing import print_async, print_sync
from agentos.agents.request import RunRequest
from agentos.records import Kind, Run, Session, StepRequirement, WorkflowRunOutput, WorkflowSession
from agentos.records.events import RunOutputEvent
from agentos.workflow.asking import Asking
from agentos.workflow.continuing import stored_run, taken_up
from agentos.workflow.keeping import Keeping
from agentos.workflow.node import Node
from agentos.workflow.nodes import nodes_of
from agentos.workflow.plain import text_of
from agentos.workflow.printing import StepsSaid
from agentos.workflow.tasks import new_run, task_of, task_within, work_of

# Agno's module of this name has the session class too, and programs import it from there.
__all__ = ["Workflow", "WorkflowSession"]

Steps = Sequence[Any] | Callable[..., Any] | Node
_AGENT: Final = "A chat agent in front of a workflow is not supported: ask an Agent that has the workflow as a tool."


@dataclass(kw_only=True, eq=False, repr=False)
class Workflow(Asking, Keeping, SessionComponent):
    """Steps, each with what those before it said.

    `steps` is a list of steps, functions, agents, teams and workflows, one Steps, or one function of the workflow and
    its input that does everything itself.

    `store_executor_outputs`: the runs of the steps' agents and teams are kept inside the workflow's run.
    `add_workflow_history_to_steps`: agents and teams are told the input and output of the session's last
    `num_history_runs` completed runs. `stream_executor_events`: a stream has their events too.

    Raises:
        ValueError: `agent` is given.
    """

    kind: ClassVar[Kind] = "workflow"

    description: str | None = None
    steps: Steps | None = None
    agent: Any = None
    stream_events: bool | None = False
    stream_executor_events: bool = True
    store_executor_outputs: bool = True
    input_schema: Any = None
    add_dependencies_to_context: bool | None = None
    add_session_state_to_context: bool | None = None
    add_workflow_history_to_steps: bool = False
    num_history_runs: int = 3
    media_storage: Any = field(default=None)

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        super().__post_init__()
        if self.agent is not None:
            raise ValueError(_AGENT)

    # --- asked by a caller --------------------------------------------------------------------------------------
    def run(
        self, input: Any = None, *, stream: bool | None = None, stream_events: bool | None = None, **options: Any
    ) -> Any:
        """Do the steps for `input` and return the run; with `stream` return an iterator of events instead.

        Options: additional_data, session_id, user_id, session_state, run_id, images, videos, audio, files,
        dependencies, metadata, add_dependencies_to_context, add_session_state_to_context; others go to a workflow that
        is one function.

        Raises:
            SessionOwnedByOther: the session is another user's. Nothing is done then.
            Exception: what a step raised whose failure is fatal. The run is stored with status ERROR.
        """
        return self._answer(partial(self._runs, input), stream, stream_events, options)

    def arun(
        self, input: Any = None, *, stream: bool | None = None, stream_events: bool | None = None, **options: Any
    ) -> Any:
        """Like `run`, for event loops: awaitable, or with `stream` an asynchronous iterator of events.

        With `background` the run is returned at once, with status PENDING; `get_run_output` tells how far it is.
        """
        make = partial(self._runs, input)
        if options.pop("background", False) and not stream:
            return self._begin_async(make, input, options)
        return self._answer_async(make, stream, stream_events, options)

    def continue_run(
        self,
        run_response: WorkflowRunOutput | None = None,
        *,
        run_id: str | None = None,
        session_id: str | None = None,
        step_requirements: Sequence[StepRequirement] | None = None,
        stream: bool | None = None,
        stream_events: bool | None = None,
        **options: Any,
    ) -> Any:
        """Go on with a paused run, given itself or its `run_id`. What people decided is in its requirements.

        Raises:
            RunNotFound: there is no such run in the session.
            ValueError: it does not wait for anybody, or something is still undecided.
        """
        make, known = self._continuation(run_response, run_id, session_id, step_requirements)
        return self._answer(make, stream, stream_events, {**options, **known})

    def acontinue_run(
        self,
        run_response: WorkflowRunOutput | None = None,
        *,
        run_id: str | None = None,
        session_id: str | None = None,
        step_requirements: Sequence[StepRequirement] | None = None,
        stream: bool | None = None,
        stream_events: bool | None = None,
        **options: Any,
    ) -> Any:
        """Like `continue_run`, for event loops."""
        make, known = self._continuation(run_response, run_id, session_id, step_requirements)
        return self._answer_async(make, stream, stream_events, {**options, **known})

    def print_response(self, input: Any = None, *, stream: bool | None = None, **options: Any) -> None:
        """Run, and print what was asked and what each step said."""
        print_sync(self, input, StepsSaid(text_of(input)), self.stream if stream is None else stream, options)

    async def aprint_response(self, input: Any = None, *, stream: bool | None = None, **options: Any) -> None:
        """Like `print_response`, for event loops."""
        said = StepsSaid(text_of(input))
        await print_async(self, input, said, self.stream if stream is None else stream, options)

    @staticmethod
    def cancel_run(run_id: str) -> bool:
        """Ask a run to stop, from any thread."""
        return cancelling.cancel_run(run_id)

    @staticmethod
    async def acancel_run(run_id: str) -> bool:
        """Like `cancel_run`."""
        return cancelling.cancel_run(run_id)

    def get_run(self, run_id: str, session_id: str | None = None) -> Any:
        """Return one stored run; None if there is none."""
        return self.get_run_output(run_id, session_id)

    async def aget_run(self, run_id: str, session_id: str | None = None) -> Any:
        """Like `get_run`."""
        return await self.aget_run_output(run_id, session_id)

    # --- asked by a workflow this one is a step of --------------------------------------------------------------
    def perform(self, request: RunRequest) -> Iterator[RunOutputEvent | Run]:
        """Do the steps for a workflow around this one: yield events, then the finished run. Nothing is stored."""
        task = task_within(self, request)
        # What went wrong is said by the run itself, which comes next.
        with suppress(Exception):
            yield from self._done(task)
        yield task.run

    # --- what it is ---------------------------------------------------------------------------------------------
    def nodes(self) -> list[Node]:
        """Return the steps.

        Raises:
            ValueError: there are none.
        """
        steps = self.steps
        if steps is None:
            raise ValueError(f"Workflow {self.name or self.id} has no steps.")
        return nodes_of([steps] if isinstance(steps, Node) else list(steps))  # type: ignore[arg-type]  # a function is no list: `function` had it

    @property
    def function(self) -> Callable[..., Any] | None:
        """The function that is the whole workflow, if it is one."""
        return self.steps if callable(self.steps) and not isinstance(self.steps, Node) else None

    def component_data(self) -> dict[str, Any]:
        """Return what a new session keeps of this workflow (format §2.3)."""
        if self.function is not None:
            name = getattr(self.function, "__name__", type(self.function).__name__)
            steps = [{"name": name, "description": self.description, "type": "Callable"}]
        else:
            steps = [node.to_dict() for node in self.nodes()] if self.steps is not None else []
        return super().component_data() | {"steps": steps}

    def _runs(
        self, input: Any, *, loop: Any = None, stream: bool = False, **options: Any
    ) -> Generator[Any, None, None]:
        run_id = options.pop("run_id", None) or new_id()
        opened = self._open(
            options.pop("session_id", None),
            options.pop("user_id", None),
            options.pop("session_state", None),
            run_id=run_id,
        )
        return self._kept(opened, task_of(self, opened, input, run_id, options, stream=stream, loop=loop))

    def _continuation(
        self,
        run: WorkflowRunOutput | None,
        run_id: str | None,
        session_id: str | None,
        requirements: Sequence[StepRequirement] | None,
    ) -> tuple[Callable[..., Generator[Any, None, None]], dict[str, Any]]:
        run_id = run_id or (run.run_id if run is not None else None)
        if run_id is None:
            raise ValueError("Name the run to continue: give it, or its run_id.")
        session_id = session_id or (run.session_id if run is not None else None)
        return partial(self._continued, run, requirements), {"run_id": run_id, "session_id": session_id}

    def _continued(
        self,
        given: WorkflowRunOutput | None,
        requirements: Sequence[StepRequirement] | None,
        *,
        run_id: str,
        loop: Any = None,
        stream: bool = False,
        **options: Any,
    ) -> Generator[Any, None, None]:
        opened = self._open(
            options.pop("session_id", None),
            options.pop("user_id", None),
            options.pop("session_state", None),
            run_id=run_id,
        )
        run = stored_run(self.db, opened, given, run_id)
        metadata = {**(run.metadata or {}), **(options.pop("metadata", None) or {})}
        work = work_of(self, opened, run_id, options, metadata, stream=stream, loop=loop)
        return self._kept(opened, taken_up(self, run, work, given, requirements))

    def _transient(self, session: Session, run_id: str | None) -> dict[str, Any]:
        names = {"workflow_id": self.component_id, "workflow_name": self.name}
        return super()._transient(session, run_id) | {key: name for key, name in names.items() if name}

    def _found_name(self, session: Session) -> str:
        """Return the description, shortened, and the time: workflows ask no model for a name (format §5.8)."""
        words = " ".join((self.description or self.name or "Workflow session").split())
        return f"{words[:40].rstrip()} - {datetime.now(UTC):%Y-%m-%d %H:%M}"

    def _register(self, options: dict[str, Any], given: Any, run_id: str) -> WorkflowRunOutput:
        """Store that a run will begin, and return it."""
        opened = self._open(
            options.get("session_id"), options.get("user_id"), options.get("session_state"), run_id=run_id
        )
        options["session_id"] = opened.session_id
        work = work_of(
            self,
            opened,
            run_id,
            {},
            {**(self.metadata or {}), **(options.get("metadata") or {})},
            stream=False,
            loop=None,
        )
        run = new_run(self, work, given)
        run.status = "PENDING"
        self._save(opened, [run])
        return run
