"""A session as JSON Lines, a line for each run that nobody delegated: for training a model, or for judging one."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.masking import current, masked_value
from agentos.records import NOBODY, ByPerson, Message, Run, claimed
from agentos.transfer.options import Options

# Runs that Agno leaves out of the history it sends to a model.
_NO_HISTORY: Final = frozenset({"PAUSED", "CANCELLED", "ERROR", "REGENERATED"})
_ROLES: Final = {"developer": "system", "model": "assistant"}
_KNOWN: Final = frozenset({"system", "user", "assistant", "tool"})
Said = dict[str, Any]


def jsonl(source: Source, session_id: str, options: Options) -> Iterator[str]:
    """Yield a line for each run that `options.purpose` can use.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    # At least one: what a person answered begins with the run before it.
    earlier: deque[list[Said]] = deque(maxlen=max(1, options.history))
    people = options.people(source.name, session_id)
    for run in Reader(source).iter_runs(session_id):
        if not isinstance(run, Run) or not run.is_top_level:
            continue
        by = people.get(run.run_id or "", NOBODY)
        wanted = options.history or bool(by.answered)
        history = [message for messages in earlier for message in messages] if wanted else []
        is_example = options.purpose == "fine-tuning"
        line = _example(run, history, options, by) if is_example else _case(run, history, options, by)
        if line is not None:
            yield json.dumps(line if options.secrets else masked_value(line, current())) + "\n"
        if run.status not in _NO_HISTORY and (options.history or people):
            earlier.append([message for message in own_messages(run) if message["role"] != "system"])


def _example(run: Run, history: list[Said], options: Options, by: ByPerson) -> Said | None:
    """Return a conversation as OpenAI's fine-tuning takes it; None for a run that is no example of a finished one.

    What a person wrote of it stands in `metadata`, which other lines do not have.
    """
    messages = own_messages(run) or _answer_alone(run, by)
    if run.status != "COMPLETED" or not messages or not _is_whole(messages):
        return None
    if messages[-1]["role"] != "assistant" or not messages[-1].get("content"):
        return None
    system = [message for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    before = _history(run, history) if options.history or by.answered else []
    if not _is_whole(before):
        return None
    line: Said = {"messages": [*system, *before, *rest]}
    return line | {"metadata": _hands(run, by)} if by.words or claimed(run) else line


def _case(run: Run, history: list[Said], options: Options, by: ByPerson) -> Said:
    """Return what was asked, what came of it, and what it took; what was expected is for a person to fill in."""
    metrics = run.metrics
    tools = [{"name": call.name, "arguments": call.args, "error": call.error} for call in run.tool_calls]
    case = {
        "input": run.input_text or _first(run, "user"),
        "output": run.content_text,
        "expected": None,
        "tools": tools,
        "metadata": {
            "session_id": run.session_id,
            "run_id": run.run_id,
            "type": run.kind,
            "component": run.component_name or run.component_id,
            "model": run.model,
            "model_provider": run.model_provider,
            "status": run.status,
            "created_at": run.created_at,
            "input_tokens": metrics.input_tokens if metrics else None,
            "output_tokens": metrics.output_tokens if metrics else None,
            "total_tokens": metrics.tokens if metrics else None,
            "duration": metrics.duration if metrics else None,
            **_hands(run, by),
        },
    }
    return {**case, "history": _history(run, history)} if options.history or by.answered else case


def _answer_alone(run: Run, by: ByPerson) -> list[Said]:
    """Return what a person answered in a workflow's place: such a run has no messages."""
    return [{"role": "assistant", "content": run.content_text}] if by.answered and run.content_text else []


def _hands(run: Run, by: ByPerson) -> Said:
    """Return what people wrote of a run: by name where it is on record, and what the run only claims."""
    return {
        "answered_by": by.answered or None,
        "asked_by": by.asked or None,
        "claims_operator": None if by.answered else claimed(run) or None,
    }


def own_messages(run: Run) -> list[Said]:
    """Return the run's messages as OpenAI spells them; of a run without any, what it was given and what it answered."""
    messages = [said for message in run.own_messages if (said := _said(message)) is not None]
    if messages or not run.input_text or not run.content_text:
        return messages
    return [{"role": "user", "content": run.input_text}, {"role": "assistant", "content": run.content_text}]


def _history(run: Run, history: list[Said]) -> list[Said]:
    """Return what the model was sent of earlier runs, if the run has copies of it, else what was `history` then."""
    copies = [_said(message) for message in run.messages if message.from_history]
    return [said for said in copies if said is not None and said["role"] != "system"] or history


def _said(message: Message) -> Said | None:
    role = _ROLES.get(message.role or "", message.role or "")
    if role not in _KNOWN:
        return None
    said: Said = {"role": role, "content": message.text}
    if role == "tool":
        said["tool_call_id"] = message.tool_call_id or ""
    calls = [call for call in message.tool_calls if call.id]
    if role == "assistant" and calls:
        said["content"] = message.text or None
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name or "", "arguments": call.arguments}}
            for call in calls
        ]
    return said


def _is_whole(messages: list[Said]) -> bool:
    """Whether every call is followed by its result: nothing else can be trained on."""
    waiting: set[Any] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return False
            waiting.remove(message["tool_call_id"])
        elif waiting:
            return False
        else:
            waiting = {call["id"] for call in message.get("tool_calls", ())}
    return not waiting


def _first(run: Run, role: str) -> str:
    return next((message.text for message in run.own_messages if message.role == role), "")
