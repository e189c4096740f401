"""The tools with which a model reads what was before and keeps what should last: history, past sessions, state."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.request import RunRequest
from agentos.records import TRANSIENT_STATE, Message, Session
from agentos.tools import Function

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent
    from agentos.db.base import BaseDb

_PREVIEW: Final = 200
_PAST_SESSIONS: Final = 10
# Sessions that a search looks into.
_SEARCHED: Final = 200
_NOBODY: Final = "Only the sessions of a named user can be looked at, and this session has none."
_TOOL_CALLS: Final = 3


def memory_tools(component: "ModelComponent", request: RunRequest) -> list[Function]:
    """Return those that the component's options ask for."""
    db, session = request.db or component.db, request.session
    wanted: list[Callable[..., Any]] = []
    if component.enable_agentic_state:
        wanted.append(update_session_state)
    if db is not None and component.read_chat_history:
        wanted.append(chat_history_tool(db, request.session_id))
    if db is not None and component.read_tool_call_history:
        wanted.append(tool_call_history_tool(db, request.session_id))
    if db is not None and component.search_past_sessions and session is not None:
        wanted += past_session_tools(db, session, component)
    return [Function.from_callable(function) for function in wanted]


def update_session_state(session_state_updates: dict[str, Any], session_state: dict[str, Any]) -> str:
    """Change the session state, which outlives this conversation.

    Args:
        session_state_updates: The keys to set, with their new values.
    """
    updates = session_state_updates.get("session_state_updates", session_state_updates)
    for key, value in (updates if isinstance(updates, dict) else session_state_updates).items():
        if key not in TRANSIENT_STATE:
            session_state[key] = value
    kept = {key: value for key, value in session_state.items() if key not in TRANSIENT_STATE}
    return f"The session state is now: {json.dumps(kept, ensure_ascii=False, default=str)}"


def chat_history_tool(db: "BaseDb", session_id: str) -> Callable[..., Any]:
    """Return the tool that reads this session's conversation."""

    def get_chat_history(num_chats: int | None = None) -> str:
        """Read what was said in this session before.

        Args:
            num_chats: How many of the last exchanges (a question and its answer) to read; all without it.
        """
        runs = db.last_runs(session_id, num_chats)
        return json.dumps([_told(message) for run in runs for message in run.own_messages if _is_talk(message)])

    return get_chat_history


def tool_call_history_tool(db: "BaseDb", session_id: str) -> Callable[..., Any]:
    """Return the tool that reads this session's tool calls."""

    def get_tool_call_history(num_calls: int = _TOOL_CALLS) -> str:
        """Read which tools were called in this session before, the latest first.

        Args:
            num_calls: How many calls to read.
        """
        calls: list[dict[str, Any]] = []
        for run in reversed(db.last_runs(session_id, max(num_calls * 4, 20))):
            for call in reversed(run.tool_calls):
                calls.append({"name": call.name, "arguments": call.args or call.arguments, "result": call.result})
        return json.dumps(calls[: max(num_calls, 0)], default=str)

    return get_tool_call_history


def past_session_tools(db: "BaseDb", session: Session, component: "ModelComponent") -> list[Callable[..., Any]]:
    """Return the tools that list and read earlier sessions: only those of this session's own user."""
    limit = component.num_past_sessions_to_search or _PAST_SESSIONS
    runs_at_most = component.num_past_session_runs_in_search

    def own(other: Session) -> bool:
        # Sessions without a user may be anybody's.
        return other.user_id == session.user_id is not None and other.session_id != session.session_id

    def search_past_sessions(query: str | None = None) -> str:
        """List this user's earlier sessions, the latest first, each with its id and the beginning of what was said.

        Args:
            query: Only sessions whose name, summary or beginning holds this text.
        """
        if session.user_id is None:
            return _NOBODY
        found: list[dict[str, Any]] = []
        for other in _sessions_of(db, session.user_id, _SEARCHED if query else limit + 1):
            if own(other):
                told = _preview(db, other)
                if not query or query.casefold() in json.dumps(told, ensure_ascii=False).casefold():
                    found.append(told)
            if len(found) == limit:
                break
        return json.dumps(found, ensure_ascii=False)

    def read_past_session(session_id: str, num_runs: int | None = None) -> str:
        """Read the conversation of an earlier session.

        Args:
            session_id: Its id, as search_past_sessions gives it.
            num_runs: How many of its last runs to read; all without it.
        """
        other = db.load_session(session_id)
        if other is None or not own(other):
            return f"There is no earlier session {session_id!r} of this user."
        runs = db.last_runs(session_id, num_runs or runs_at_most)
        return json.dumps([_told(message) for run in runs for message in run.own_messages if _is_talk(message)])

    return [search_past_sessions, read_past_session]


def _sessions_of(db: "BaseDb", user_id: str, limit: int) -> list[Session]:
    found = db.get_sessions(
        user_id=user_id, limit=limit, page=1, sort_by="updated_at", sort_order="desc", include_runs=False
    )
    return list(found) if isinstance(found, list) else []


def _preview(db: "BaseDb", session: Session) -> dict[str, Any]:
    last = db.last_runs(session.session_id or "", 1)
    return {
        "session_id": session.session_id,
        "name": session.session_name,
        "summary": session.summary_text,
        "last_question": last[-1].input_text[:_PREVIEW] if last else None,
        "last_answer": last[-1].content_text[:_PREVIEW] if last else None,
        "created_at": session.created_at,
    }


def _told(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": message.text}


def _is_talk(message: Message) -> bool:
    return message.role in ("user", "assistant") and bool(message.text)
