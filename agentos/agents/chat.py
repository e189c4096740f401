"""Running an agent or a team: once, as a stream, from an event loop; and keeping what came of it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from agentos.agents import cancelling
from agentos.agents.component import OpenSession, logger
from agentos.agents.context import extra_messages, system_message, user_messages
from agentos.agents.continuing import Continuing
from agentos.agents.forms import Forms
from agentos.agents.history import history_messages, history_runs
from agentos.agents.identity import new_id
from agentos.agents.loop import Loop
from agentos.agents.media import loaded
from agentos.agents.memory_tools import memory_tools
from agentos.agents.names import find_name
from agentos.agents.options import ModelComponent
from agentos.agents.printing import Said, print_async, print_sync
from agentos.agents.progress import Progress
from agentos.agents.request import RunContext, RunRequest
from agentos.agents.storing import stored_form
from agentos.agents.summarising import summarise
from agentos.llm import ModelError
from agentos.records import Run, RunOutput, RunStatus, Session, SessionSummary, TeamRunOutput
from agentos.records.events import RunOutputEvent
from agentos.tools import Function, Injected

ChatRun = RunOutput | TeamRunOutput
Item = RunOutputEvent | ChatRun
Items = Generator[RunOutputEvent | ChatRun, None, None]

# Runs at the beginning of a session from which a name for it is found; members' runs are among them.
_NAMED_BY: Final = 6
_ADDITIONS: Final = (
    *("output_schema", "add_history_to_context", "add_session_state_to_context", "add_dependencies_to_context"),
)
_MEDIA: Final = ("images", "videos", "audio", "files")
# Events that a plain stream yields; `stream_events=True` asks for all of them.
_PLAIN: Final = frozenset(
    """RunContent TeamRunContent RunPaused TeamRunPaused RunError TeamRunError RunCancelled TeamRunCancelled""".split()
)


@dataclass(kw_only=True, eq=False, repr=False)
class ChatComponent(Continuing, Forms, ModelComponent):
    """What agents and teams do alike."""

    def is_plain_event(self, event: str | None) -> bool:
        """Whether a stream has this event also without `stream_events`."""
        return event in _PLAIN

    # --- asked by a caller --------------------------------------------------------------------------------------
    def run(self, input: Any, *, stream: bool | None = None, stream_events: bool | None = None, **options: Any) -> Any:
        """Answer `input` in its session and return the run; with `stream` return an iterator of events instead.

        Options: session_id, user_id, session_state, run_id, images, videos, audio, files, dependencies, metadata,
        output_schema, add_history_to_context, add_session_state_to_context, add_dependencies_to_context,
        yield_run_output (the finished run as a stream's last item). A run that fails is returned, and stored, with
        status ERROR.

        Raises:
            SessionOwnedByOther: the session is another user's. The model is not asked then.
            SourceError: the database cannot be read, or refuses what came of the run.
        """
        return self._answer(partial(self._runs, input), stream, stream_events, options)

    def arun(self, input: Any, *, stream: bool | None = None, stream_events: bool | None = None, **options: Any) -> Any:
        """Like `run`, for event loops: awaitable, or with `stream` an asynchronous iterator of events."""
        return self._answer_async(partial(self._runs, input), stream, stream_events, options)

    def print_response(self, input: Any, *, stream: bool | None = None, **options: Any) -> None:
        """Run, and print what was asked and what was answered."""
        print_sync(self, input, Said(input), self.stream if stream is None else stream, options)

    async def aprint_response(self, input: Any, *, stream: bool | None = None, **options: Any) -> None:
        """Like `print_response`, for event loops."""
        await print_async(self, input, Said(input), self.stream if stream is None else stream, options)

    @staticmethod
    def cancel_run(run_id: str) -> bool:
        """Ask a run to stop, from any thread."""
        return cancelling.cancel_run(run_id)

    @staticmethod
    async def acancel_run(run_id: str) -> bool:
        """Like `cancel_run`."""
        return cancelling.cancel_run(run_id)

    # --- asked by whoever keeps the session ---------------------------------------------------------------------
    def perform(self, request: RunRequest) -> Iterator[Item]:
        """Carry out a run for a team or a workflow: yield its events, then the finished run. Nothing is stored."""
        progress = Progress(self, request)
        yield from self._performed(progress)
        yield from final_events(progress)
        yield progress.run()

    # --- one run ------------------------------------------------------------------------------------------------
    def _runs(self, input: Any, *, loop: Any = None, stream: bool = False, **options: Any) -> Items:
        """Yield the events of a run in its session, which is stored before the last of them, then the run."""
        run_id = options.pop("run_id", None) or new_id()
        opened = self._opened(run_id, options)
        request = self._request(opened, input, run_id, options, stream=stream, loop=loop)
        progress = Progress(self, request)
        yield from self._kept(opened, progress, self._performed(progress))

    def _request(
        self, opened: OpenSession, input: Any, run_id: str, options: dict[str, Any], *, stream: bool, loop: Any
    ) -> RunRequest:
        """Return the request of a run that a caller asked for.

        Raises:
            TypeError: an option that there is not.
        """
        dependencies = {**(self.dependencies or {}), **(options.pop("dependencies", None) or {})}
        metadata = {**(self.metadata or {}), **(options.pop("metadata", None) or {})}
        options.pop("debug_mode", None)
        for name in options:
            if name not in (*_MEDIA, *_ADDITIONS):
                raise TypeError(f"A run has no option {name!r}.")
        media: dict[str, Any] = {kind: loaded(options.pop(kind, None)) for kind in _MEDIA}
        return RunRequest(
            input=validated(self.input_schema, input),
            session_id=opened.session_id,
            run_id=run_id,
            user_id=opened.user_id,
            session_state=opened.state,
            dependencies=dependencies or None,
            metadata=metadata or None,
            stream=stream,
            cancelled=lambda: cancelling.is_cancelled(run_id),
            loop=loop,
            db=self.db,
            session=opened.session,
            **media,
            **options,
        )

    def _performed(self, progress: Progress) -> Iterator[RunOutputEvent]:
        """Yield the events of a run up to, not including, its last. However it goes, `progress` has its end."""
        yield progress.event("RunStarted", model=progress.model.id, model_provider=progress.model.provider)
        yield from self._guarded(progress, self._talk(progress))

    def _talk(self, progress: Progress) -> Iterator[RunOutputEvent]:
        context = run_context(progress)
        self._begin(progress, context)
        yield from self._loop(progress, context).run()

    def _guarded(self, progress: Progress, events: Iterator[RunOutputEvent]) -> Iterator[RunOutputEvent]:
        """Yield the events; a fault among them ends the run with an error, which is kept like any other end."""
        try:
            yield from events
            if progress.status == RunStatus.completed:
                yield progress.event("RunContentCompleted")
        except ModelError as error:
            progress.fail(error.sentence)
        except Exception as error:
            logger.exception("The run %s failed", progress.request.run_id)
            progress.fail(str(error) or type(error).__name__)

    def _begin(self, progress: Progress, context: RunContext) -> None:
        """Put together what the model is sent first."""
        request = progress.request
        summary = self._summary(request.session) if self.puts_summary_in_context else None
        told = system_message(self, request, context, summary, self._team_context(progress))
        progress.messages += [told] if told else []
        progress.messages += extra_messages(self)
        progress.messages += user_messages(self, request)
        progress.history = self._history(request)
        context.messages = progress.messages

    def _history(self, request: RunRequest) -> list[Any]:
        wanted = request.add_history_to_context
        if not (self.add_history_to_context if wanted is None else wanted):
            return []
        is_member = request.parent_run_id is not None and request.workflow_id is None
        runs = history_runs(
            request.db,
            request.session_id,
            runs=self.num_history_runs,
            messages=self.num_history_messages,
            member_id=self.component_id if is_member else None,
            of_workflow=request.workflow_id is not None,
        )
        return history_messages(runs, messages=self.num_history_messages, tool_calls=self.max_tool_calls_from_history)

    def _loop(self, progress: Progress, context: RunContext) -> Loop:
        request = progress.request
        injected = Injected(
            run_context=context,
            agent=self,
            team=self,
            session_state=request.session_state,
            dependencies=request.dependencies,
            images=list(request.images),
            videos=list(request.videos),
            audio=list(request.audio),
            files=list(request.files),
        )
        loop = Loop(progress, {}, injected)
        loop.functions = self._functions(progress, loop)
        return loop

    def _functions(self, progress: Progress, loop: Loop) -> dict[str, Function]:
        """Return the tools of one run, by name."""
        functions = self.own_functions()
        for function in memory_tools(self, progress.request):
            functions.setdefault(function.name, function)
        return functions

    def _team_context(self, progress: Progress) -> str:
        """Return what the model is told of the members it leads."""
        return ""

    def _summary(self, session: Session | None) -> SessionSummary | None:
        return session.session_summary if session else None

    # --- keeping it ---------------------------------------------------------------------------------------------
    def _kept(self, opened: OpenSession, progress: Progress, events: Iterator[RunOutputEvent]) -> Items:
        """Yield the events, store the run, yield its last events and the run.

        A caller that goes away in the middle cancels the run, which is stored all the same.
        """
        summary = None
        try:
            yield from events
            if progress.status == RunStatus.completed and self.enable_session_summaries:
                summary = yield from summarise(self, opened, progress)
        except (GeneratorExit, KeyboardInterrupt):
            if progress.status == RunStatus.running:
                progress.cancel()
            self._store(opened, progress, None)
            raise
        finally:
            cancelling.forget(progress.request.run_id)
        last_events = list(final_events(progress))  # before it is stored: they are kept with it
        self._store(opened, progress, summary)
        yield from last_events
        yield progress.run()

    def _store(self, opened: OpenSession, progress: Progress, summary: SessionSummary | None) -> None:
        """Store the members' runs and the run, in this order (format §4.2)."""
        self._save(opened, [*self._members_to_store(progress), self._to_store(progress)], summary=summary)

    def _to_store(self, progress: Progress) -> Run:
        return stored_form(self, progress.run())

    def _members_to_store(self, progress: Progress) -> Sequence[Run]:
        return ()

    def _found_name(self, session: Session) -> str:
        first = self.db.get_runs(session.session_id, limit=_NAMED_BY) if self.db else []
        runs = [run for run in first if run.is_top_level]
        if not runs and self.db:  # a team with many members: all of those were theirs
            runs = self.db.last_runs(session.session_id or "", 1)
        return find_name(self.chat_model(), runs)


def final_events(progress: Progress) -> Iterator[RunOutputEvent]:
    """Yield the last events of a run that has ended; a cancelled one is also completed, as in Agno (format §9)."""
    run = progress.run()
    if progress.status == RunStatus.error:
        yield progress.event("RunError", content=progress.content, error_type="model_provider_error")
        return
    if progress.status == RunStatus.paused:
        raw = run.raw
        yield progress.event(
            "RunPaused", content=progress.content, tools=raw.get("tools"), requirements=raw.get("requirements")
        )
        return
    if progress.status == RunStatus.cancelled:
        yield progress.event("RunCancelled", reason=progress.content)
    kept = ("content", "content_type", "reasoning_content", "citations", "model_provider_data", "metadata", "metrics")
    values: Mapping[str, Any] = {key: run.raw.get(key) for key in (*kept, "session_state", "member_responses")}
    yield progress.event("RunCompleted", **values)


def run_context(progress: Progress) -> RunContext:
    """Return what tools may know of the run."""
    request = progress.request
    return RunContext(
        run_id=request.run_id,
        session_id=request.session_id,
        user_id=request.user_id,
        workflow_id=request.workflow_id,
        session_state=request.session_state,
        dependencies=request.dependencies,
        metadata=request.metadata,
        output_schema=request.output_schema or progress.component.output_schema,
    )


def validated(schema: Any, value: Any) -> Any:
    """Return the input as the wanted model.

    Raises:
        pydantic.ValidationError: it does not fit.
    """
    if schema is None or isinstance(value, schema):
        return value
    return schema.model_validate_json(value) if isinstance(value, str) else schema.model_validate(value)
