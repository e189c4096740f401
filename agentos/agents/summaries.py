"""Session summaries: what was said so far, in short, kept with the session and told to the model next time (§5.7)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agentos.agents.asking import ask
from agentos.agents.request import never
from agentos.llm import Model, ModelError, Reply, get_model
from agentos.records import Message, Run, SessionSummary

_PROMPT: Final = """\
Below is a conversation between a user and an assistant. Sum it up for later conversations with the same user.
- summary: what matters of it, in a few sentences. Add nothing that was not said.
- topics: what it was about, as a list of short terms."""
_FORMAT: Final[dict[str, Any]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "SessionSummaryResponse",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "summary": {"type": "string", "description": "What matters of the conversation, in a few sentences."},
                "topics": {
                    "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                    "description": "What it was about.",
                },
            },
            "required": ["summary", "topics"],
            "additionalProperties": False,
        },
    },
}
_SAID: Final = {"user": "User", "assistant": "Assistant", "model": "Assistant"}


@dataclass(kw_only=True)
class SessionSummaryManager:
    """Makes summaries. `model` is the component's own unless given; `last_n_runs` and `conversation_limit` (messages)
    bound what is summed up, which is everything otherwise.
    """

    id: str | None = None
    name: str | None = None
    model: Model | str | None = None
    session_summary_prompt: str | None = None
    summary_request_message: str = "Sum up the conversation."
    last_n_runs: int | None = None
    conversation_limit: int | None = None

    def create_session_summary(
        self, runs: Sequence[Run], *, model: Model | None = None, cancelled: Callable[[], bool] = never
    ) -> tuple[SessionSummary, Reply] | None:
        """Return a summary of these runs and the answer it was read from; None when nothing was said in them.

        Raises:
            ModelError: the model gave no answer.
        """
        conversation = self.conversation(runs)
        if not conversation:
            return None
        prompt = f"{self.session_summary_prompt or _PROMPT}\n<conversation>\n{conversation}\n</conversation>"
        question = [Message(role="system", content=prompt), Message(role="user", content=self.summary_request_message)]
        reply = ask(self._model(model), question, cancelled, _FORMAT)
        return read_summary(reply.text), reply

    def conversation(self, runs: Sequence[Run]) -> str:
        """Return what was said, a line each."""
        chosen = runs[-self.last_n_runs :] if self.last_n_runs else runs
        messages = [message for run in chosen for message in run.own_messages if message.role in _SAID]
        if self.conversation_limit:
            messages = messages[-self.conversation_limit :]
        return "\n".join(f"{_SAID[message.role or '']}: {message.text}" for message in messages if message.text)

    def _model(self, fallback: Model | None) -> Model:
        if isinstance(self.model, str):
            self.model = get_model(self.model)
        return self.model or fallback or get_model(None)


def read_summary(text: str) -> SessionSummary:
    """Return the summary in a model's answer; an answer that is no JSON is the summary itself.

    Raises:
        ModelError: the answer is empty.
    """
    found = _object_in(text)
    summary = found.get("summary") if found else text.strip()
    if not isinstance(summary, str) or not summary:
        raise ModelError("The model gave no summary.")
    topics = found.get("topics") if found else None
    kept = [topic for topic in topics if isinstance(topic, str)] if isinstance(topics, list) else None
    # Agno writes local time without an offset (format §1.4).
    return SessionSummary(summary=summary, topics=kept or None, updated_at=datetime.now().isoformat())


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object in the text, which some models fence in."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1]) if start >= 0 else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
