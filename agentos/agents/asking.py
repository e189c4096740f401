"""One question to a model whose answer is wanted whole: for summaries and names."""

from collections.abc import Callable, Sequence
from typing import Any

from agentos.llm import Model, Reply, Request
from agentos.records import Message


def ask(
    model: Model,
    messages: Sequence[Message],
    cancelled: Callable[[], bool],
    response_format: dict[str, Any] | None = None,
) -> Reply:
    """Return the model's whole answer.

    Raises:
        ModelError: there was none.
    """
    reply = Reply()
    for delta in model.answer(Request(messages, response_format=response_format, stream=False), cancelled=cancelled):
        reply.add(delta)
    return reply
