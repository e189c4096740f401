"""The run that is kept of an answer, in the shape in which Agno itself would have stored it."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from agentos.agents.answer import Continuation
from agentos.records import Message, Metrics, Run, RunOutput, TeamRunOutput, WorkflowRunOutput

Json = dict[str, Any]

_STEP: Final = "Continuation"
_STEP_AGENT_ID: Final = "session-continuation"


@dataclass(frozen=True)
class Question:
    """What the person said: text, media in Agno's form, and who it was (a name of ours, not Agno's user)."""

    message: str
    continued_by: str
    images: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)

    def as_message(self) -> Message:
        """Return it as a message for the model."""
        media = {key: value for key, value in (("images", self.images), ("files", self.files)) if value}
        return Message.from_dict({"role": "user", "content": self.message, **media})


@dataclass(frozen=True)
class Answer:
    """What came of it. `status` is Agno's; `problem` says what to do about an ERROR. Times are in seconds."""

    status: str
    text: str = ""
    reasoning: str = ""
    problem: str = ""
    usage: Metrics | None = None
    duration: float | None = None
    time_to_first_token: float | None = None
    started_at: float = field(default_factory=time.time)


def sent_messages(continuation: Continuation, question: Question) -> list[Message]:
    """Return all that the model is sent: instructions, history, the question."""
    system = [continuation.system_message] if continuation.system_message else []
    return [*system, *continuation.history, question.as_message()]


def build_run(continuation: Continuation, question: Question, answer: Answer, *, run_id: str) -> Run:
    """Return the run to store. It belongs to the session's own user, whoever continued it.

    An agent's and a team's run holds the messages itself. A workflow's run has none: it holds the run of the one
    step that answered, as Agno has it for a workflow whose single step is an agent.
    """
    if continuation.component.kind == "workflow":
        return WorkflowRunOutput.from_dict(_workflow_run(continuation, question, answer, run_id))
    component = continuation.component
    raw = _model_run(continuation, question, answer, run_id)
    raw |= {f"{component.kind}_id": component.id, f"{component.kind}_name": component.name}
    if component.kind == "team":
        return TeamRunOutput.from_dict(_present(raw | {"member_responses": []}))
    return RunOutput.from_dict(_present(raw))


def _model_run(continuation: Continuation, question: Question, answer: Answer, run_id: str) -> Json:
    """Return what the runs of an agent, a team and a workflow's step have in common."""
    media = {"images": question.images or None, "files": question.files or None}
    return {
        **_frame(continuation, question, answer, run_id),
        "input": _present({"input_content": question.message, **media}),
        "reasoning_content": answer.reasoning or None,
        "model": continuation.model.id,
        "model_provider": continuation.model.provider,
        "messages": _stored_messages(continuation, question, answer),
        "metrics": _run_metrics(continuation, answer),
        "tools": [],
        "session_state": continuation.session_state,
    }


def _frame(continuation: Continuation, question: Question, answer: Answer, run_id: str) -> Json:
    return {
        "run_id": run_id,
        "session_id": continuation.session_id,
        "user_id": continuation.user_id,
        "content": _content(answer, run_id),
        "content_type": "str",
        "metadata": {"agentos_sessions": {"continued_by": question.continued_by}},
        "created_at": int(answer.started_at),
        "status": answer.status,
    }


def _content(answer: Answer, run_id: str) -> str:
    """Return what Agno keeps as content: the answer, the error's text, or for an early stop a sentence."""
    if answer.status == "ERROR":
        return answer.problem
    if answer.status == "CANCELLED" and not answer.text:
        return f"Run {run_id} was cancelled"
    return answer.text


def _stored_messages(continuation: Continuation, question: Question, answer: Answer) -> list[Json]:
    """Return the run's own messages: history is left out, as Agno does by default."""
    messages = []
    if continuation.system_message:
        messages.append(_message(answer, role="system", content=continuation.system_message.text))
    messages.append(_message(answer, **question.as_message().to_dict()))
    if answer.status != "ERROR" or answer.text:
        metrics = _tokens(answer.usage) | _times(answer)
        reasoning = answer.reasoning or None
        messages.append(
            _message(
                answer, role="assistant", content=answer.text, reasoning_content=reasoning, metrics=metrics or None
            )
        )
    return messages


def _message(answer: Answer, **fields: Any) -> Json:
    return _present(
        {
            "id": str(uuid.uuid4()),
            **fields,
            "from_history": False,
            "stop_after_tool_call": False,
            "created_at": int(answer.started_at),
        }
    )


def _run_metrics(continuation: Continuation, answer: Answer) -> Json:
    tokens = _tokens(answer.usage)
    entry = {"id": continuation.model.id, "provider": continuation.model.service, **tokens}
    details = {"details": {"model": [entry]}} if tokens else {}
    return tokens | _times(answer) | details


def _tokens(usage: Metrics | None) -> Json:
    return dict(usage.to_dict()) if usage else {}


def _times(answer: Answer) -> Json:
    return _present({"time_to_first_token": answer.time_to_first_token, "duration": answer.duration})


def _workflow_run(continuation: Continuation, question: Question, answer: Answer, run_id: str) -> Json:
    """Return a workflow run: bare input, no messages, metrics by step, and the step's own run within it."""
    step_id, step = str(uuid.uuid4()), _model_run(continuation, question, answer, str(uuid.uuid4()))
    executor = _present(
        {
            **step,
            "agent_id": _STEP_AGENT_ID,
            "agent_name": _STEP,
            "parent_run_id": run_id,
            "workflow_step_id": step_id,
        }
    )
    frame = _frame(continuation, question, answer, run_id)
    return _present(
        {
            **frame,
            "input": question.message,
            "workflow_id": continuation.component.id,
            "workflow_name": continuation.component.name,
            **{key: [] for key in ("images", "videos", "audio", "files")},
            "step_results": [_step_result(answer, frame["content"], step_id, executor)],
            "step_executor_runs": [executor],
            "metrics": {"steps": {_STEP: _step_metrics(executor)}, "duration": answer.duration},
        }
    )


def _step_metrics(executor: Json) -> Json:
    return {
        "step_name": _STEP,
        "executor_type": "agent",
        "executor_name": _STEP,
        "metrics": executor["metrics"],
    }


def _step_result(answer: Answer, content: str, step_id: str, executor: Json) -> Json:
    """Return the step's output; every key is always present, null or not."""
    return {
        "content": content,
        "step_name": _STEP,
        "step_id": step_id,
        "step_type": "Step",
        "executor_type": "agent",
        "executor_name": _STEP,
        "step_run_id": executor["run_id"],
        **dict.fromkeys(("images", "videos", "audio", "files")),
        "metrics": executor["metrics"],
        "success": answer.status == "COMPLETED",
        "error": answer.problem or None,
        "stop": False,
        "is_paused": False,
    }


def _present(value: Json) -> Json:
    """Return the object without nulls: Agno leaves them out."""
    return {key: item for key, item in value.items() if item is not None}
