"""Actors: agents and teams as programs have them, whose model says what the script says and whose tools return it."""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from agentos import Agent, Team
from agentos.agents.chat import ChatComponent
from agentos.agents.delegation import ONE as DELEGATE
from agentos.demo.parts import Call, Component, Json, counts, tokens_of
from agentos.llm import Delta, Model, ModelError, Request, ToolCallPart
from agentos.records import Image, Message, Metrics
from agentos.tools import Function, RetryAgentRun, ToolResult

__all__ = ["Line", "Role", "ScriptedModel", "Stage", "actor"]

# Seconds from a question to the first word of the answer, and from there to its end.
_THINKS: Final = 0.4
_SPEAKS: Final = 0.8


class Stage(Protocol):
    """Where a script is played: it has the time and the ids."""

    def tick(self, seconds: float) -> None:
        """Let time pass."""

    def new_id(self) -> str:
        """Return the next id."""


@dataclass(frozen=True)
class Line:
    """One answer of a model: words, calls, or both. `fails`: the words are what its server says instead of an answer.

    `interrupted` is called when the words are out: somebody stops the run there.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    reasoning: str = ""
    citations: Json | None = None
    fails: bool = False
    interrupted: Callable[[], object] | None = None


class ScriptedModel(Model):
    """Stands in for the OpenAI model of this id: says the lines it was given, one a request, at the stage's time.

    Token counts are about those that the real one would report.
    """

    name = "OpenAIChat"
    provider = "OpenAI"
    service = "OpenAI Chat"

    def __init__(self, model_id: str, lines: Sequence[Line], stage: Stage) -> None:
        self.id = model_id
        self._lines = iter(lines)
        self._stage = stage

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield the next line, and then what it cost.

        Raises:
            ModelError: the script says that the model fails here.
        """
        line = next(self._lines)
        self._stage.tick(_THINKS)
        if line.fails:
            raise ModelError(line.text)
        if line.interrupted:
            line.interrupted()
        calls = tuple(self._part(index, call) for index, call in enumerate(line.calls))
        yield Delta(content=line.text, reasoning=line.reasoning, tool_calls=calls, citations=line.citations)
        self._stage.tick(_SPEAKS)
        yield Delta(usage=Metrics.from_dict(_usage(request.messages, line)), finish_reason="stop")

    def _part(self, index: int, call: Call) -> ToolCallPart:
        arguments = json.dumps(call.args, ensure_ascii=False) if call.arguments is None else call.arguments
        call_id = "call_" + self._stage.new_id().replace("-", "")[:24]
        return ToolCallPart(index=index, id=call_id, name=call.name, arguments=arguments)


def _usage(messages: Sequence[Message], line: Line) -> Json:
    asked = sum(tokens_of(message.text + str(message.raw.get("tool_calls") or "")) + 4 for message in messages)
    thought = tokens_of(line.reasoning) if line.reasoning else 0
    said = tokens_of(line.text) if line.text or not line.calls else 0
    called = sum(tokens_of(str(call.args)) + 9 for call in line.calls)
    return counts(asked, said + called + thought, reasoning_tokens=thought)


def _functions(calls: Sequence[Call], stage: Stage) -> list[Function]:
    """Return the tools for these calls: each answers its calls one after the other; an unknown one is no tool."""
    by_name: dict[str, list[Call]] = {}
    for call in calls:
        if not call.flags.get("unknown"):
            by_name.setdefault(call.name, []).append(call)
    return [_function(name, own, stage) for name, own in by_name.items()]


def _function(name: str, calls: list[Call], stage: Stage) -> Function:
    # A call with unreadable arguments never reaches its tool.
    results = iter([call for call in calls if call.arguments is None])

    def perform(**arguments: Any) -> Any:
        return _result(next(results), stage)

    flags = {key: value for call in calls for key, value in call.flags.items()}
    properties: Json = {key: {} for call in calls for key in call.args}
    return Function(
        name=name,
        description=name.replace("_", " ").capitalize() + ".",
        parameters={"type": "object", "properties": properties},
        entrypoint=perform,
        skip_entrypoint_processing=True,
        **flags,
    )


def _result(call: Call, stage: Stage) -> Any:
    """Return what the script says of this call.

    Raises:
        RetryAgentRun: the script says that it fails. The model goes on, and nobody is alarmed by a log entry.
    """
    stage.tick(call.seconds)
    if call.error:
        raise RetryAgentRun(call.result)
    return ToolResult(content=call.result, images=[Image.from_dict(image) for image in call.images])


@dataclass(frozen=True)
class Role:
    """What one agent or team does in one run: what it is asked, what it says, and the members it asks on the way."""

    component: Component
    task: str
    lines: tuple[Line, ...]
    members: tuple["Role", ...] = ()

    @property
    def all_lines(self) -> list[Line]:
        """Return its lines, those with which it hands out tasks first."""
        return [*map(_delegation, self.members), *self.lines]


def actor(component: Component, roles: Sequence[Role], stage: Stage, **options: Any) -> ChatComponent:
    """Return the agent or team for these roles of it, to be played one after the other; it may have none.

    `options` are those of the component. A team that embeds its members' runs has members that do so too.
    """
    lines = [line for role in roles for line in role.all_lines]
    calls = [call for role in roles for line in role.lines for call in line.calls]
    common: dict[str, Any] = {
        "id": component.id,
        "name": component.name,
        "model": ScriptedModel(component.model, lines, stage),
        "instructions": component.instructions or None,
        "tools": _functions(calls, stage),
        **options,
    }
    if component.kind == "agent":
        return Agent(**common)
    inner = [member for role in roles for member in role.members]
    kept = {key: value for key, value in options.items() if key == "store_member_responses"}
    members = [
        actor(each, [role for role in inner if role.component == each], stage, **(kept if each.kind == "team" else {}))
        for each in component.members
    ]
    return Team(members=members, **common)


def _delegation(role: Role) -> Line:
    """Return the line with which a leader hands a task to a member."""
    return Line(calls=(Call(DELEGATE, {"member_id": role.component.id, "task": role.task}, ""),))
