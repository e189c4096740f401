"""A name for a session, found by the model from its first words (§5.8)."""

from collections.abc import Sequence
from typing import Final

from agentos.agents.asking import ask
from agentos.agents.request import never
from agentos.llm import Model
from agentos.records import Message, Run

_PROMPT: Final = "Name this conversation in at most five words. Answer with the name alone."
# Messages and characters of each that are read, and words of a name: models do not always count.
_MESSAGES: Final = 6
_LENGTH: Final = 500
_WORDS: Final = 5


def find_name(model: Model, runs: Sequence[Run]) -> str:
    """Return a name of at most five words.

    Raises:
        ValueError: nothing has been said yet.
        ModelError: the model gave no answer.
    """
    messages = [message for run in runs for message in run.own_messages if message.role in ("user", "assistant")]
    lines = [
        f"{(message.role or '').upper()}: {message.text[:_LENGTH]}" for message in messages[:_MESSAGES] if message.text
    ]
    if not lines:
        raise ValueError("Nothing has been said in this session yet, so no name can be found for it.")
    question = [
        Message(role="system", content=_PROMPT),
        Message(role="user", content="Conversation\n" + "\n".join(lines) + "\n\nName of the conversation:"),
    ]
    words = ask(model, question, never).text.replace('"', "").replace("\n", " ").strip(" '*").split()
    return " ".join(words[:_WORDS]) or "Conversation"
