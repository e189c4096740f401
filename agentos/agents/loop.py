"""The talk of one run with its model: ask, call the tools it wants, ask again, until it has answered in words."""

import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.answers import settle
from agentos.agents.progress import Progress
from agentos.agents.structured import accept, wanted_format
from agentos.llm import Delta, Model, ModelError, Reply, Request
from agentos.records import Media, Message, Requirement, RunStatus, ToolExecution
from agentos.records.events import RunOutputEvent
from agentos.records.moment import elapsed
from agentos.tools import Done, Function, Injected, Prepared, execute, prepare, resume

if TYPE_CHECKING:
    from agentos.agents.delegation import Delegation

# Answers in one run that may ask for tools: a model that never stops asking is stopped.
MAX_ROUNDS: Final = 200
_LIMIT: Final = "Tool call limit reached: this call was not carried out. Answer with what you have."
_GENERATED: Final = "This is what the tool call above made."
_PAUSED: Final = {
    "confirmation": "Some tools have to be confirmed before they are called.",
    "user_input": "Some tools need input from the user before they are called.",
    "user_feedback": "Some questions have to be answered by the user.",
    "external_execution": "Some tools have to be carried out elsewhere.",
}
_END: Final = object()


class Loop:
    """Carries on one run. `inner` takes the events of runs inside this one (a team's members), from any thread."""

    def __init__(self, progress: Progress, functions: dict[str, Function], injected: Injected) -> None:
        self.progress = progress
        self.functions = functions
        self.injected = injected
        self.inner: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.delegation: Delegation | None = None
        self._calls = len(progress.tools)

    def run(self) -> Iterator[RunOutputEvent]:
        """Yield the run's events until it has an answer, is paused, or was cancelled.

        Raises:
            ModelError: the model gave no answer.
        """
        for _ in range(MAX_ROUNDS):
            reply = yield from self._ask()
            if self.progress.request.cancelled():
                self.progress.cancel(reply)
                return
            message = self.progress.take(reply)
            yield self._answered(message)
            if not message.tool_calls:
                accept(self.progress, reply.text)
                return
            yield from self._call(prepare(message.tool_calls, self.functions))
            if self.progress.status != RunStatus.running:
                return
        raise ModelError(f"The model asked for tools {MAX_ROUNDS} times without answering. Ask for less at once.")

    def resume(self) -> Iterator[RunOutputEvent]:
        """Carry out, or refuse, the calls this run waited for; what is still open pauses it again."""
        answered = {message.tool_call_id for message in self.progress.messages if message.role == "tool"}
        requests = {key: call for message in self.progress.messages for call in message.tool_calls for key in call.ids}
        prepared: list[Prepared] = []
        for execution in self.progress.tools:
            request = requests.get(execution.tool_call_id or "")
            if request is None or execution.tool_call_id in answered or execution.is_waiting:
                continue
            outcome = resume(execution, request, self.functions)
            if isinstance(outcome, Prepared):
                prepared.append(outcome)
            else:
                yield self._settled(execution, outcome)
        for item in self._executed(prepared):
            if isinstance(item, RunOutputEvent):
                yield item
            elif isinstance(item, Prepared):
                yield self.progress.event("ToolCallStarted", tool=item.execution().to_dict())
            else:
                by_id = {execution.tool_call_id: execution for execution in self.progress.tools}
                yield self._settled(by_id[item.message.tool_call_id], item)
        settle(self.progress.requirements, self.progress.tools)
        if any(tool.is_waiting for tool in self.progress.tools) or self.progress.requirements_of_members:
            self.pause()

    def _settled(self, execution: ToolExecution, done: Done) -> RunOutputEvent:
        """Write what became of a call into its place in the run."""
        if done.execution is not None:
            execution.raw.update(done.execution.raw)
        self.progress.messages += [done.message, *done.following]
        if done.media:
            self.add_media(done.media)
        return self.completed(done)

    # --- the model ----------------------------------------------------------------------------------------------
    def _ask(self) -> Generator[RunOutputEvent, None, Reply]:
        """Yield the events of one request; return the answer, as much of it as came before a stop.

        A model that fails before its first word is asked again as often as the component's `retries` say.
        """
        component, attempt = self.progress.component, 0
        while True:
            reply = Reply(elapsed)
            try:
                yield from self._heard(reply)
            except ModelError:
                if attempt == component.retries or reply.text:
                    self.progress.break_off(reply)
                    raise
            except GeneratorExit:  # whoever read the events has gone
                self.progress.cancel(reply)
                raise
            else:
                return reply
            self._wait(component.delay_between_retries * (2**attempt if component.exponential_backoff else 1))
            attempt += 1

    def _heard(self, reply: Reply) -> Iterator[RunOutputEvent]:
        """Put the answer to one request together, and yield its pieces when they are wanted."""
        progress = self.progress
        model, request = progress.model, progress.request
        yield progress.event("ModelRequestStarted", model=model.id, model_provider=model.provider)
        for delta in self._asked_once(model):
            reply.add(delta)
            if request.stream and (delta.content or delta.reasoning):
                yield self._piece(delta)
            if request.cancelled():
                break

    def _asked_once(self, model: Model) -> Iterator[Delta]:
        progress = self.progress
        request = Request(
            messages=self._messages(),
            tools=[function.to_wire() for function in self.functions.values()],
            tool_choice=progress.component.tool_choice if self.functions else None,
            response_format=wanted_format(progress.component, progress.request),
            stream=progress.request.stream,
            remote_media=True,
        )
        yield from model.answer(request, cancelled=progress.request.cancelled)

    def _messages(self) -> list[Message]:
        """Return what is sent: instructions, history, the run's own messages."""
        progress = self.progress
        own = progress.messages
        head = own[:1] if own and own[0].role in ("system", "developer") else []
        sent = [*head, *progress.history, *own[len(head) :]]
        if progress.component.send_media_to_model:
            return sent
        dropped = ("images", "audio", "videos", "files")
        return [Message.from_dict({k: v for k, v in message.raw.items() if k not in dropped}) for message in sent]

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.progress.request.cancelled():
            time.sleep(min(0.1, seconds))

    def _piece(self, delta: Delta) -> RunOutputEvent:
        return self.progress.event(
            "RunContent", content=delta.content, content_type="str", reasoning_content=delta.reasoning or None
        )

    def _answered(self, message: Message) -> RunOutputEvent:
        used = message.metrics.to_dict() if message.metrics else {}
        model = self.progress.model
        counts = {
            key: used.get(key) for key in ("input_tokens", "output_tokens", "total_tokens", "time_to_first_token")
        }
        return self.progress.event("ModelRequestCompleted", model=model.id, model_provider=model.provider, **counts)

    # --- its tools ----------------------------------------------------------------------------------------------
    def _call(self, prepared: list[Prepared]) -> Iterator[RunOutputEvent]:
        """Carry out what the model asked for. Results are sent back in the order they were asked for in."""
        done: dict[int, Done] = {}
        allowed = self._within_limit(prepared, done)
        running = [item for item in allowed if item.pause is None]
        for item in self._executed(running):
            if isinstance(item, RunOutputEvent):
                yield item
            elif isinstance(item, Prepared):
                yield self.progress.event("ToolCallStarted", tool=item.execution().to_dict())
            else:
                done[id(item.prepared)] = item
                if self.delegation is not None and item.execution is not None:
                    self.delegation.mark(item.execution)
                if item.execution is not None:
                    yield self.completed(item)
        waiting = [item for item in allowed if item.pause is not None]
        self._add(prepared, done, waiting)
        if self.progress.request.cancelled():
            self.progress.cancel()
        elif waiting or self.progress.requirements_of_members:
            self.pause()
        elif stopping := [item for item in done.values() if item.stop]:
            self.progress.complete(self.progress.said + stopping[-1].message.text)

    def _within_limit(self, prepared: list[Prepared], done: dict[int, Done]) -> list[Prepared]:
        """Return the calls that may be carried out; the rest is answered with a sentence."""
        limit = self.progress.component.tool_call_limit
        if limit is None:
            return prepared
        room = max(limit - self._calls, 0)
        self._calls += len(prepared)
        for item in prepared[room:]:
            message = Message(role="tool", content=_LIMIT, tool_call_id=item.call_id, tool_name=item.request.name)
            done[id(item)] = Done(prepared=item, execution=None, message=message, media=[], stop=False)
        return prepared[:room]

    def _executed(self, running: Sequence[Prepared]) -> Iterator[Prepared | Done | RunOutputEvent]:
        """Yield the calls as they begin and end, and between them the events of runs that they cause."""
        loop = self.progress.request.loop
        if self.delegation is None:
            yield from execute(running, self.injected, loop=loop)
            return
        context = copy_context()
        pump = threading.Thread(target=context.run, args=(self._pump, running), name="agentos-tools", daemon=True)
        pump.start()
        while (item := self.inner.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _pump(self, running: Sequence[Prepared]) -> None:
        try:
            for item in execute(running, self.injected, loop=self.progress.request.loop):
                self.inner.put(item)
        except BaseException as error:  # raised in the thread that waits
            self.inner.put(error)
        finally:
            self.inner.put(_END)

    def _add(self, prepared: list[Prepared], done: dict[int, Done], waiting: list[Prepared]) -> None:
        """Add the calls' results to the run: to its tools, its messages, its media, and what it waits for."""
        progress = self.progress
        media: list[Media] = []
        for item in prepared:
            result = done.get(id(item))
            if result is not None:
                if result.execution is not None:
                    progress.tools.append(result.execution)
                progress.messages += [result.message, *result.following]
                media += result.media
            elif item in waiting:
                progress.tools.append(item.execution())
        if media:
            self.add_media(media)

    def add_media(self, media: Sequence[Media]) -> None:
        """Tell the model what its tools made, in a message of its own (§3.3), and keep it with the run."""
        kinds = {"image": "images", "video": "videos", "audio": "audio", "file": "files"}
        held: dict[str, list[Any]] = {}
        for medium in media:
            held.setdefault(kinds[medium.kind], []).append(medium.raw)
        self.progress.messages.append(Message(role="user", content=_GENERATED, **held))
        for kind, items in held.items():
            self.progress.media.setdefault(kind, []).extend(items)

    def completed(self, done: Done) -> RunOutputEvent:
        """Return the event of a call that has ended."""
        execution = done.execution or ToolExecution()
        seconds = execution.metrics.duration if execution.metrics else None
        arguments = ", ".join(f"{name}={value}" for name, value in (execution.tool_args or {}).items())
        told = f"{execution.tool_name}({arguments}) completed in {seconds or 0:.4f}s. "
        return self.progress.event("ToolCallCompleted", content=told, tool=execution.to_dict())

    def pause(self) -> None:
        """End the run for now: it waits for what its open calls need."""
        progress = self.progress
        known = {_tool_id(requirement) for requirement in progress.requirements}
        open_calls = [tool for tool in progress.tools if tool.is_waiting and tool.tool_call_id not in known]
        requirements = [Requirement(tool_execution=tool) for tool in open_calls] + progress.requirements_of_members
        kinds = dict.fromkeys(requirement.kind for requirement in [*progress.requirements, *requirements])
        progress.requirements_of_members = []
        progress.pause(" ".join(_PAUSED[kind] for kind in kinds if kind in _PAUSED), requirements)


def _tool_id(requirement: Requirement) -> str | None:
    return requirement.tool_execution.tool_call_id if requirement.tool_execution else None
