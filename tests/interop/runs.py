"""Runs as our own turns build them, for sessions of every kind."""

import time
import uuid
from typing import Any

from agentos.records import Run, Session

METRICS = {
    "input_tokens": 40,
    "output_tokens": 9,
    "total_tokens": 49,
    "duration": 0.4,
    "details": {
        "model": [
            {"input_tokens": 40, "output_tokens": 9, "total_tokens": 49, "id": "our-model", "provider": "OpenAI Chat"}
        ]
    },
}


def turn_for(session: Session, question: str, answer: str) -> Run:
    """Return a completed run that answers `question` in this session."""
    kind = str(session.session_type)
    common: dict[str, Any] = {
        "run_id": str(uuid.uuid4()),
        "session_id": session.session_id,
        f"{kind}_id": session.raw[f"{kind}_id"],
        "content": answer,
        "content_type": "str",
        "created_at": int(time.time()),
        "status": "COMPLETED",
    }
    if session.user_id is not None:
        common["user_id"] = session.user_id
    if kind == "workflow":
        step = {"step_name": "ours", "executor_type": "agent", "executor_name": "Ours", "metrics": METRICS}
        return Run.from_dict({**common, "input": question, "metrics": {"steps": {"ours": step}, "duration": 0.4}})
    return Run.from_dict(
        {
            **common,
            "input": {"input_content": question},
            "model": "our-model",
            "model_provider": "OpenAI",
            "messages": [message("user", question), message("assistant", answer)],
            "metrics": METRICS,
            "tools": [],
        }
    )


def message(role: str, content: str) -> dict[str, Any]:
    """Return a message with everything Agno always writes."""
    flags = {"from_history": False, "stop_after_tool_call": False, "created_at": int(time.time())}
    return {"id": str(uuid.uuid4()), "role": role, "content": content, **flags}
