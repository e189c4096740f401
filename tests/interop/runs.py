"""Turns of our own in anybody's session, by the component that the chat pane rebuilds from what is stored."""

from typing import Any

from agentos.db.sources import Source
from agentos.db.sql import SqlDb
from agentos.llm import OpenAIChat
from agentos.records import Run, Session
from agentos.turns.answering import rebuilt


def our_turn(source: Source, session: Session, question: str, model_url: str, **options: Any) -> Run:
    """Let `our-model` answer the question in this session, and return the run as it is stored."""
    model = OpenAIChat("our-model", api_key="ours", base_url=model_url)
    db = SqlDb(source)
    answerer = rebuilt(session, db, watch=lambda _: model)
    run = answerer.component.run(question, session_id=session.session_id, user_id=session.user_id, **options)
    stored = db.get_run(run.run_id)
    assert isinstance(stored, Run)
    return stored


def told(messages: list[dict[str, Any]]) -> list[list[Any]]:
    """Return role, text and calls of a request's messages but the instructions, which each side words its own way."""
    return [
        [
            message["role"],
            message.get("content") or "",
            [[call["function"]["name"], call["function"]["arguments"]] for call in message.get("tool_calls") or []],
        ]
        for message in messages
        if message["role"] not in ("system", "developer")
    ]
