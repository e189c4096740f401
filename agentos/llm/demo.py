"""The model that needs no key and no network: it says what would happen, word by word."""

import re
import time
from collections.abc import Callable, Generator, Sequence
from typing import Final

from agentos.llm.base import Delta, Model, Request
from agentos.records import Message

DEMO_MODEL_ID: Final = "demo"
DEMO_PROVIDER: Final = "AgentOS Sessions demo"
# Characters of the user's message that are quoted back.
_QUOTED: Final = 300


class DemoModel(Model):
    """Answers offline and always the same to the same conversation, and says that no model key is set.

    `pause` is the time between two words, in seconds. `instead_of` names the model a key would bring.
    """

    id = DEMO_MODEL_ID
    name = "DemoModel"
    provider = DEMO_PROVIDER
    service = DEMO_PROVIDER

    def __init__(self, instead_of: str | None = None, pause: float = 0.03) -> None:
        self.instead_of = instead_of
        self.pause = pause

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield a word at a time, or all at once; it calls no tools, needs no ticks and never fails."""
        answer = self._answer(request.messages)
        for word in re.findall(r"\s*\S+", answer) if request.stream else [answer]:
            if cancelled():
                return
            yield Delta(content=word)
            time.sleep(self.pause)

    def _answer(self, messages: Sequence[Message]) -> str:
        asked = " ".join(next((m.text for m in reversed(messages) if m.role == "user"), "").split())
        quoted = asked if len(asked) <= _QUOTED else asked[:_QUOTED] + "…"
        earlier = sum(1 for message in messages if message.role in ("user", "assistant")) - 1
        model = f"`{self.instead_of}`" if self.instead_of else "a model"
        known = {0: "no earlier message", 1: "1 earlier message"}.get(earlier, f"{earlier} earlier messages")
        return (
            "This is the **demo model**: no model key is set, so nobody has thought about this answer.\n\n"
            f"> {quoted or '(an empty message)'}\n\n"
            f"With your message, {model} would be sent {known} of this session. "
            "Set `OPENAI_API_KEY` (and `OPENAI_BASE_URL` for another server) and start again to have it answer. "
            "This turn is stored in the session all the same, in the way that Agno stores its own."
        )
