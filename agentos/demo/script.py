"""Writing down one demo session, turn by turn: ids follow from its own id, times run on from its start."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

from agentos.demo.parts import (
    Call,
    Component,
    Json,
    Round,
    counts,
    message,
    run_metrics,
    tokens_of,
    tool_call,
    tool_execution,
)

# Ids are the same on every machine, so links to the demo stay good.
_IDS: Final = UUID("6f0d6c0e-4a3f-4a7b-9d41-2f1f0b5a7c11")


@dataclass
class Script:
    """One session. `started` is in unix seconds; `user_id` None is an anonymous session."""

    session_id: str
    component: Component
    user_id: str | None
    started: int
    name: str | None = None
    state: Json | None = None
    metadata: Json | None = None
    summary: Json | None = None
    # Seconds between the end of one run and the next question.
    pause: int = 95
    runs: list[Json] = field(default_factory=list)
    _clock: int = 0
    _count: int = 0

    def __post_init__(self) -> None:
        """Begin at the start."""
        self._clock = self.started

    def turn(
        self,
        question: str,
        answer: Any,
        *rounds: Round,
        by: Component | None = None,
        state: Json | None = None,
        **more: Any,
    ) -> Json:
        """Add a run: the question, rounds of tool calls, the answer. `more` are further keys of the run.

        `state` is merged into the session's state as of this run. Returns the run, to be refined.
        """
        run = self.run_of(by or self.component, question, answer, rounds)
        if state is not None:
            self.state = {**(self.state or {}), **state}
        if self.state is not None:
            run["session_state"] = dict(self.state)
        run.update(more)
        self.runs.append(run)
        self._clock += self.pause
        return run

    def run_of(self, component: Component, question: str, answer: Any, rounds: Sequence[Round] = ()) -> Json:
        """Return a completed run of one agent or team, without adding it to the session."""
        run_id = self.new_id()
        created_at = self._clock
        talk = _Talk(self, component)
        talk.ask(question)
        for each in rounds:
            talk.call(each if isinstance(each, tuple) else (each,))
        talk.say(answer)
        return {
            "run_id": run_id,
            **component.ids,
            "session_id": self.session_id,
            **({} if self.user_id is None else {"user_id": self.user_id}),
            "input": {"input_content": question},
            "content": answer,
            "content_type": "str" if isinstance(answer, str) else "dict",
            "model": component.model,
            "model_provider": "OpenAI",
            "messages": talk.messages,
            "metrics": run_metrics(component, talk.requests, self._clock - created_at + 0.37),
            "tools": talk.tools,
            "created_at": created_at,
            "status": "COMPLETED",
            **({"member_responses": []} if component.kind == "team" else {}),
        }

    def team_turn(self, question: str, answer: str, *members: Json, embed: bool = False, **more: Any) -> Json:
        """Add a team run that delegated to `members`, which `run_of` made. They come before it, as Agno saves them.

        `embed`: the team stores its members' runs inside its own as well.
        """
        calls = [_delegation(member) for member in members]
        run = self.run_of(self.component, question, answer, calls)
        for member in members:
            member["parent_run_id"] = run["run_id"]
        self.runs += members
        run["member_responses"] = list(members) if embed else []
        run.update(more)
        if self.state is not None:
            run["session_state"] = dict(self.state)
        self.runs.append(run)
        self._clock += self.pause
        return run

    def new_id(self) -> str:
        """Return the session's next id."""
        self._count += 1
        return str(uuid5(_IDS, f"{self.session_id}/{self._count}"))

    def tick(self, seconds: int) -> int:
        """Let time pass and return it."""
        self._clock += seconds
        return self._clock

    @property
    def now(self) -> int:
        """The script's time in unix seconds."""
        return self._clock


def _delegation(member: Json) -> Call:
    """Return the call by which a team leader hands a task to a member."""
    member_id = member.get("agent_id") or member.get("team_id")
    args = {"member_id": member_id, "task": member["input"]["input_content"]}
    failed = member["status"] == "ERROR"
    return Call("delegate_task_to_member", args, str(member["content"]), error=failed, seconds=2.0)


class _Talk:
    """The messages of one run as they come."""

    def __init__(self, script: Script, component: Component) -> None:
        self.script = script
        self.component = component
        self.messages: list[Json] = []
        self.tools: list[Json] = []
        self.requests: list[Json] = []
        if component.instructions:
            self._add("system", component.instructions)

    def ask(self, question: str) -> None:
        self._add("user", question)

    def call(self, calls: tuple[Call, ...]) -> None:
        """Add the assistant's request for these calls, and what each answered."""
        ids = ["call_" + self.script.new_id().replace("-", "")[:24] for _ in calls]
        requests = [tool_call(call_id, call) for call_id, call in zip(ids, calls, strict=True)]
        self._assistant(None, sum(tokens_of(str(call.args)) + 9 for call in calls), tool_calls=requests)
        for call_id, call in zip(ids, calls, strict=True):
            now = self.script.tick(1)
            if not call.unrecorded:
                self.tools.append(tool_execution(call_id, call, now))
            if not call.flags.get("waiting"):
                error = {} if call.unrecorded else {"tool_call_error": call.error}
                what = {"tool_call_id": call_id, "tool_name": call.name, "tool_args": call.args, **error}
                self._add("tool", call.result, **what)

    def say(self, answer: Any) -> None:
        """Add the final answer; structured output is kept as JSON text in its message."""
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        self.script.tick(2)
        self._assistant(text, tokens_of(text))

    def _assistant(self, text: str | None, output_tokens: int, **more: Any) -> None:
        metrics = counts(sum(tokens_of(str(each)) + 4 for each in self.messages), output_tokens)
        self.requests.append(metrics)
        self._add("assistant", text, metrics={**metrics, "duration": 1.2}, **more)

    def _add(self, role: str, content: Any, **more: Any) -> None:
        self.messages.append(message(self.script.new_id(), role, self.script.now, content, **more))
