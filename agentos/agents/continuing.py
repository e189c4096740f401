"""Going on with a run that waits for somebody: the same run, under the same id (format §5.9)."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.answers import apply_answers
from agentos.agents.component import OpenSession
from agentos.agents.progress import Progress
from agentos.agents.request import RunContext, RunRequest
from agentos.db.writer_errors import RunNotFound
from agentos.records import Requirement, Run, RunOutput, RunStatus, TeamRunOutput, ToolExecution
from agentos.records.events import RunOutputEvent

if TYPE_CHECKING:
    from agentos.agents.loop import Loop
    from agentos.db.base import BaseDb

_NOT_PAUSED: Final = "The run {id} is {status}; only a paused run can be continued."


class Continuing:
    """The part of agents and teams that goes on with paused runs."""

    db: "BaseDb | None"
    stream: bool | None
    _opened: Callable[[str, dict[str, Any]], OpenSession]
    _request: Callable[..., RunRequest]
    _kept: Callable[..., Generator[Any, None, None]]
    _guarded: Callable[..., Iterator[RunOutputEvent]]
    _history: Callable[[RunRequest], list[Any]]
    _loop: "Callable[[Progress, RunContext], Loop]"
    _answer: Callable[..., Any]
    _answer_async: Callable[..., Any]

    def continue_run(
        self,
        run_response: Run | None = None,
        *,
        run_id: str | None = None,
        requirements: Sequence[Requirement] | None = None,
        updated_tools: Sequence[ToolExecution] | None = None,
        stream: bool | None = None,
        stream_events: bool | None = None,
        **options: Any,
    ) -> Any:
        """Go on with a paused run, given itself or its `run_id`; the answers are in its requirements or its tools.

        `requirements` and `updated_tools` hold the answers when they are kept apart from the run. Other options,
        results and errors are those of `run`; what is still unanswered pauses the run again.

        Raises:
            RunNotFound: there is no such run in the session.
            ValueError: it does not wait for anybody.
        """
        make, options = self._continuation(run_response, run_id, requirements, updated_tools, options)
        return self._answer(make, stream, stream_events, options)

    def acontinue_run(
        self,
        run_response: Run | None = None,
        *,
        run_id: str | None = None,
        requirements: Sequence[Requirement] | None = None,
        updated_tools: Sequence[ToolExecution] | None = None,
        stream: bool | None = None,
        stream_events: bool | None = None,
        **options: Any,
    ) -> Any:
        """Like `continue_run`, for event loops."""
        make, options = self._continuation(run_response, run_id, requirements, updated_tools, options)
        return self._answer_async(make, stream, stream_events, options)

    def resume(
        self, request: RunRequest, run: Run, requirements: Sequence[Requirement]
    ) -> Iterator[RunOutputEvent | RunOutput | TeamRunOutput]:
        """Go on with a run for whoever keeps its session, as `perform` does: events, then the run."""
        from agentos.agents.chat import final_events

        progress = self._taken_up(request, run, requirements, ())
        yield from self._resumed(progress)
        yield from final_events(progress)
        yield progress.run()

    def _continuation(
        self,
        run: Run | None,
        run_id: str | None,
        requirements: Sequence[Requirement] | None,
        tools: Sequence[ToolExecution] | None,
        options: dict[str, Any],
    ) -> tuple[Callable[..., Generator[Any, None, None]], dict[str, Any]]:
        run_id = run_id or (run.run_id if run is not None else None)
        if run_id is None:
            raise ValueError("Name the run to continue: give it, or its run_id.")
        if run is not None:
            options.setdefault("session_id", run.session_id)
        answers = (run.requirements if run is not None else []) if requirements is None else requirements
        changed = (run.tools if run is not None else []) if tools is None else tools
        return partial(self._continued, run, list(answers), list(changed)), {**options, "run_id": run_id}

    def _continued(
        self,
        given: Run | None,
        requirements: Sequence[Requirement],
        tools: Sequence[ToolExecution],
        *,
        run_id: str,
        loop: Any = None,
        stream: bool = False,
        **options: Any,
    ) -> Generator[Any, None, None]:
        opened = self._opened(run_id, options)
        run = self._stored(opened, given, run_id)
        request = self._request(opened, None, run_id, options, stream=stream, loop=loop)
        progress = self._taken_up(request, run, requirements, tools)
        yield from self._kept(opened, progress, self._resumed(progress))

    def _stored(self, opened: OpenSession, given: Run | None, run_id: str) -> Run:
        """Return the run as it is stored: what it asked is read from there, whatever was handed in."""
        stored = self.db.get_run(run_id) if self.db is not None else given
        if not isinstance(stored, Run) or (self.db is not None and stored.session_id != opened.session_id):
            raise RunNotFound(run_id)
        if stored.status != RunStatus.paused:
            raise ValueError(_NOT_PAUSED.format(id=run_id, status=stored.status))
        opened.continued = run_id
        return stored

    def _taken_up(
        self, request: RunRequest, run: Run, requirements: Sequence[Requirement], tools: Sequence[ToolExecution]
    ) -> Progress:
        """Return the run as a progress that goes on where it stopped, with the answers in it."""
        progress = Progress(self, request)  # type: ignore[arg-type]  # mixed into ChatComponent only
        progress.take_up(run)
        own = [item for item in requirements if not item.member_run_id]
        apply_answers(progress.tools, own, tools)
        progress.answers_of_members = [item for item in requirements if item.member_run_id]
        return progress

    def _resumed(self, progress: Progress) -> Iterator[RunOutputEvent]:
        yield progress.event("RunContinued")
        yield from self._guarded(progress, self._talk_on(progress))

    def _talk_on(self, progress: Progress) -> Iterator[RunOutputEvent]:
        from agentos.agents.chat import run_context

        loop = self._loop(progress, run_context(progress))
        progress.history = self._history(progress.request)
        if loop.delegation is not None:
            yield from loop.delegation.resume()
        yield from loop.resume()
        if progress.status == RunStatus.running:
            yield from loop.run()
