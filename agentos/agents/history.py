"""What a model is sent of earlier runs (format §5.6)."""

from collections.abc import Sequence
from typing import Any, Final

from agentos.db.base import BaseDb
from agentos.records import NOT_HISTORY, Message, Run, WorkflowRunOutput, history_context

DEFAULT_RUNS: Final = 3
UNFINISHED: Final = frozenset({"PENDING", "RUNNING"})
_NOT_SENT: Final = frozenset({"system", "developer"})


def history_runs(
    db: BaseDb | None,
    session_id: str,
    *,
    runs: int | None,
    messages: int | None,
    member_id: str | None = None,
    of_workflow: bool = False,
) -> list[Run]:
    """Return the runs whose messages are history: the last `runs`, or as many as the last `messages` may come from.

    A member of a team has a history of its own: the runs in which it was delegated to. Of a workflow's runs only those
    count that are completed.
    """
    if db is None:
        return []
    # A run has one message of its own at least, so no more than that many runs need to be read.
    limit = runs if runs is not None else messages if messages is not None else DEFAULT_RUNS
    if member_id is not None:
        return db.last_runs(session_id, limit, top_level=False, skip_statuses=NOT_HISTORY, agent_id=member_id)
    skipped = NOT_HISTORY | UNFINISHED if of_workflow else NOT_HISTORY
    return db.last_runs(session_id, limit, skip_statuses=skipped)


def history_messages(
    runs: Sequence[Run], *, messages: int | None = None, tool_calls: int | None = None
) -> list[Message]:
    """Return the messages of those runs as a request repeats them, oldest first, each marked as history.

    `messages`: only the last that many, not beginning in the middle of a tool call. `tool_calls`: results of only the
    last that many calls.
    """
    found = [message for run in runs for message in sent_again(run)]
    if messages is not None:
        found = found[-messages:] if messages > 0 else []
        while found and found[0].role == "tool":
            found.pop(0)
    return found if tool_calls is None else with_last_calls(found, tool_calls)


def sent_again(run: Run) -> list[Message]:
    """Return copies of the run's own messages but its instructions, marked as history.

    A workflow's run has no messages; what it was given and what it answered stands for them.
    """
    if isinstance(run, WorkflowRunOutput):
        said = (("user", run.input_text), ("assistant", run.content_text))
        return [Message(role=role, content=text, from_history=True) for role, text in said if text]
    own = [message for message in run.own_messages if message.role not in _NOT_SENT]
    return [Message.from_dict({**message.raw, "from_history": True}) for message in own]


def with_last_calls(messages: list[Message], count: int) -> list[Message]:
    """Return the messages with only the last `count` tool calls and their results; the words around them stay."""
    ids = [call.ids[0] for message in messages for call in message.tool_calls if call.ids]
    kept_ids = set(ids[-count:]) if count > 0 else set()
    kept: list[Message] = []
    for message in messages:
        if message.role == "tool" and message.tool_call_id not in kept_ids:
            continue
        if message.tool_calls:
            thinned = _with_calls(message, kept_ids)
            if thinned is not None:
                kept.append(thinned)
        else:
            kept.append(message)
    return kept


def _with_calls(message: Message, ids: set[str]) -> Message | None:
    """Return a copy of the message with only these of its calls; None if nothing is left of it."""
    calls: list[Any] = [call.raw for call in message.tool_calls if set(call.ids) & ids]
    rest = {key: value for key, value in message.raw.items() if key != "tool_calls"}
    if calls:
        return Message.from_dict({**rest, "tool_calls": calls})
    return Message.from_dict(rest) if message.text else None


def as_context(runs: Sequence[Run], tag: str) -> str:
    """Return past runs as a block of text to put before a task, "" for none."""
    return history_context([(run.input_text, run.content_text) for run in runs], tag) or ""
