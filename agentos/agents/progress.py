"""A run while it goes on: what it has so far, and the run that is kept of it whenever it ends."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.context import as_json
from agentos.agents.request import RunRequest
from agentos.agents.state import lasting
from agentos.db.writer_metrics import add
from agentos.llm import Model, Reply
from agentos.records import Message, Requirement, Run, RunOutput, RunStatus, TeamRunOutput, ToolExecution
from agentos.records.events import RunOutputEvent
from agentos.records.moment import elapsed, now

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent

Json = dict[str, Any]

_CANCELLED: Final = "Run {id} was cancelled"


class Progress:
    """One run of an agent or a team's leader: whatever happens to it, `run()` is what is to be kept of it by then.

    `messages` are the run's own, `history` what was sent before them. `members`: the runs a leader has delegated.
    """

    def __init__(self, component: "ModelComponent", request: RunRequest) -> None:
        self.component = component
        self.request = request
        self.history: list[Message] = []
        self.messages: list[Message] = []
        self.tools: list[ToolExecution] = []
        self.requirements: list[Requirement] = []
        self.members: list[Run] = []
        self.answers_of_members: list[Requirement] = []
        self.member_components: dict[str, ModelComponent] = {}
        self.requirements_of_members: list[Requirement] = []
        self.media: dict[str, list[Json]] = {}
        self.events: list[Json] = []
        self.metrics: Json = {}
        self.said = ""  # all its words so far, those beside tool calls included: Agno's content of a run
        self.content: Any = None
        self.parsed: Any = None
        self.content_type = "str"
        self.reasoning = ""
        self.citations: Json | None = None
        self.audio: Json | None = None
        self.provider_data: Json | None = None
        self.status = RunStatus.running
        self.earlier: Json = {}
        self.created_at = int(now())
        self._begun = elapsed()
        self._first_token: float | None = None

    @property
    def model(self) -> Model:
        """The model that answers."""
        return self.component.chat_model()

    def take_up(self, run: Run) -> None:
        """Go on with a paused run: it keeps its id, its messages, its tools and what it has used so far."""
        raw = deepcopy(run.raw)
        taken = type(run).from_dict(raw)
        self.earlier = {key: value for key, value in raw.items() if key not in ("content", "content_type", "status")}
        self.messages = [message for message in taken.messages if not message.from_history]
        self.tools = taken.tools
        self.requirements = taken.requirements
        self.members = [member for member in taken.embedded if isinstance(member, RunOutput | TeamRunOutput)]
        self.events = list(taken.events)
        self.reasoning = taken.reasoning_content or ""
        self.media = {kind: raw[kind] for kind in ("images", "videos", "audio", "files") if raw.get(kind)}

    # --- what happens -------------------------------------------------------------------------------------------
    def event(self, name: str, **values: Any) -> RunOutputEvent:
        """Return an event of this run, and keep it if the component stores events."""
        component, request = self.component, self.request
        prefix = "Team" if component.kind == "team" else ""
        event = RunOutputEvent.now(
            prefix + name,
            **{f"{component.kind}_id": component.component_id, f"{component.kind}_name": component.name},
            run_id=request.run_id,
            parent_run_id=request.parent_run_id,
            session_id=request.session_id,
            workflow_id=request.workflow_id,
            nested_depth=request.depth,
            **values,
        )
        self.keep(event)
        return event

    def keep(self, event: RunOutputEvent) -> None:
        """Keep an event with the run. Only those of streamed runs are, and never the pieces of the answer (§5.8)."""
        component = self.component
        skipped = {str(name) for name in component.events_to_skip or ()}
        if component.store_events and self.request.stream and not event.is_content and event.event not in skipped:
            self.events.append(event.to_dict())

    def count(self, reply: Reply, role: str = "model", model: Model | None = None) -> None:
        """Add an answer's tokens to the run's."""
        used, model = reply.usage.to_dict() if reply.usage else {}, model or self.model
        if self._first_token is None and reply.time_to_first_token is not None and role == "model":
            self._first_token = (
                elapsed() - self._begun - reply.metrics.to_dict()["duration"] + reply.time_to_first_token
            )
        if used:
            add(self.metrics, used | {"details": {role: [{"id": model.id, "provider": model.service, **used}]}})

    def take(self, reply: Reply) -> Message:
        """Add the model's answer to the run and return it as a message."""
        message = reply.message()
        self.messages.append(message)
        self.said += reply.text
        self.count(reply)
        self.provider_data = reply.provider_data or self.provider_data
        self.citations = reply.citations or self.citations
        self.audio = reply.audio or self.audio
        self.reasoning = "\n".join(part for part in (self.reasoning, reply.reasoning) if part)
        return message

    # --- how it ends --------------------------------------------------------------------------------------------
    def complete(self, content: Any, content_type: str = "str", parsed: Any = None) -> None:
        """The run has its answer. `parsed` is the object that a structured answer stands for."""
        self.status, self.content, self.content_type, self.parsed = RunStatus.completed, content, content_type, parsed

    def pause(self, sentence: str, requirements: Sequence[Requirement]) -> None:
        """The run waits for somebody. What the model said, if anything, stands instead of the sentence (§3.10)."""
        self.status, self.content = RunStatus.paused, self.said or sentence
        known = {requirement.id for requirement in self.requirements}
        self.requirements += [requirement for requirement in requirements if requirement.id not in known]

    def fail(self, sentence: str) -> None:
        """The run ends with an error."""
        self.status, self.content, self.content_type = RunStatus.error, sentence, "str"

    def break_off(self, reply: Reply) -> None:
        """The model failed in the middle of its answer; its words until then are kept."""
        if reply.text:
            self.messages.append(Message(role="assistant", content=reply.text, metrics=reply.metrics.to_dict()))
            self.count(reply)

    def cancel(self, reply: Reply | None = None) -> None:
        """Somebody asked to stop; what the model had said by then is kept, calls it could not finish are not."""
        if reply is not None:
            self.break_off(reply)
        self.requirements = []
        for tool in self.tools:
            for flag in ("requires_confirmation", "requires_user_input", "external_execution_required"):
                if tool.result is None and tool.raw.get(flag):
                    tool.raw[flag] = False
        self.status = RunStatus.cancelled
        self.content = self.said + (reply.text if reply else "") or _CANCELLED.format(id=self.request.run_id)

    # --- what is kept -------------------------------------------------------------------------------------------
    def run(self) -> RunOutput | TeamRunOutput:
        """Return the run as it is now."""
        component, request = self.component, self.request
        ids = {f"{component.kind}_id": component.component_id, f"{component.kind}_name": component.name}
        raw = self.earlier | _present(
            {
                "run_id": request.run_id,
                **ids,
                "session_id": request.session_id,
                "parent_run_id": request.parent_run_id,
                "user_id": request.user_id,
                "workflow_id": request.workflow_id if component.kind == "agent" else None,
                "workflow_step_id": request.workflow_step_id,
                "input": self.earlier.get("input") or self._input(),
                "content": self.content,
                "content_type": self.content_type,
                "reasoning_content": self.reasoning or None,
                "model": self.model.id,
                "model_provider": self.model.provider,
                "model_provider_data": self.provider_data or None,
                "messages": [message.to_dict() for message in self._kept_messages()],
                "metrics": self._metrics(),
                "tools": [tool.to_dict() for tool in self.tools],
                **{kind: media or None for kind, media in self.media.items()},
                "response_audio": self.audio,
                "citations": self.citations,
                "metadata": request.metadata or self.earlier.get("metadata"),
                "session_state": self._state(),
                "requirements": [item.to_dict() for item in self.requirements] or None,
                "events": self.events or None,
                "created_at": self.earlier.get("created_at", self.created_at),
                "status": str(self.status),
            }
        )
        if self.status == RunStatus.cancelled:
            raw.pop("requirements", None)
        if component.kind == "team":
            raw["member_responses"] = [member.to_dict() for member in self.members]
        run: RunOutput | TeamRunOutput = (TeamRunOutput if component.kind == "team" else RunOutput).from_dict(raw)
        if self.parsed is not None:
            run.content = self.parsed
        return run

    def _kept_messages(self) -> list[Message]:
        instructions, rest = self.messages[:1], self.messages[1:]
        if not instructions or instructions[0].role not in ("system", "developer"):
            instructions, rest = [], self.messages
        return [*instructions, *self.history, *rest]

    def _input(self) -> Json:
        request = self.request
        media = {
            "images": [item.raw for item in request.images],
            "videos": [item.raw for item in request.videos],
            "audios": [item.raw for item in request.audio],
            "files": [item.raw for item in request.files],
        }
        return {"input_content": as_json(request.input), **{key: value for key, value in media.items() if value}}

    def _metrics(self) -> Json:
        earlier = self.earlier.get("metrics") or {}
        times = {"duration": elapsed() - self._begun + (earlier.get("duration") or 0)}
        first = earlier.get("time_to_first_token", self._first_token)
        total: Json = {}
        add(total, earlier)
        add(total, self.metrics)
        extra = {"additional_metrics": earlier["additional_metrics"]} if earlier.get("additional_metrics") else {}
        return extra | total | times | ({} if first is None else {"time_to_first_token": first})

    def _state(self) -> Json:
        """Return the state as of now; members' runs also keep who ran in what (format §2.1)."""
        state = self.request.session_state
        return dict(state) if self.request.parent_run_id else lasting(state)


def _present(values: Mapping[str, Any]) -> Json:
    """Return the object without nulls: Agno leaves them out."""
    return {key: value for key, value in values.items() if value is not None}
