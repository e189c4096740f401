"""What a model is told besides the conversation: who it is, what it is to do, what it should know."""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agentos.agents.request import RunContext, RunRequest
from agentos.records import Message, SessionSummary

if TYPE_CHECKING:
    from agentos.agents.options import ModelComponent

_PLACE: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_SUMMARY: Final = """\
This is what was said in this session before, in short. What is said below counts for more.
<summary_of_previous_interactions>
{summary}
</summary_of_previous_interactions>"""
_AGENTIC_STATE: Final = """\
You keep a session state, which outlives this conversation. Change it with the tool `update_session_state` when you \
learn something that will be needed later."""
_PAST_SESSIONS: Final = """\
You can look at this user's earlier sessions: `search_past_sessions` lists them, `read_past_session` opens one."""


def system_message(
    component: "ModelComponent",
    request: RunRequest,
    context: RunContext,
    summary: SessionSummary | None,
    team: str = "",
) -> Message | None:
    """Return the instructions of one run, None when there is nothing to say.

    `team`: what a leader is told of its team.
    """
    role = component.system_message_role
    given = component.system_message
    if isinstance(given, Message):
        return Message(role=given.role or role, content=given.content)
    if given is not None:
        return Message(role=role, content=_resolved(component, request, _called(given, component, context)))
    if not component.build_context:
        return None
    text = "\n\n".join(part for part in _sections(component, request, context, summary, team) if part.strip())
    return Message(role=role, content=text) if text else None


def _sections(
    component: "ModelComponent", request: RunRequest, context: RunContext, summary: SessionSummary | None, team: str
) -> list[str]:
    def resolved(text: str | None) -> str:
        return _resolved(component, request, text or "")

    return [
        resolved(component.description),
        _tagged("your_role", resolved(component.role)),
        _told(component, [resolved(line) for line in _instructions(component, context)]),
        team,
        _tagged("additional_information", _listed(_additional(component), always=True)),
        *(function.instructions or "" for function in component.told_tools(request)),
        _tagged("expected_output", resolved(component.expected_output)),
        resolved(component.additional_context),
        _AGENTIC_STATE if component.enable_agentic_state else "",
        _PAST_SESSIONS if component.search_past_sessions else "",
        _SUMMARY.format(summary=summary.summary) if summary and summary.summary else "",
        _state(component, request),
    ]


def _instructions(component: "ModelComponent", context: RunContext) -> list[str]:
    given = component.instructions
    if given is None:
        return []
    value = _called(given, component, context)
    return [value] if isinstance(value, str) else [str(line) for line in value]


def _told(component: "ModelComponent", lines: list[str]) -> str:
    text = _listed(lines)
    return _tagged("instructions", text) if component.use_instruction_tags else text


def _additional(component: "ModelComponent") -> list[str]:
    lines = []
    if component.markdown and component.output_schema is None:
        lines.append("Format your answers with Markdown.")
    if component.add_datetime_to_context:
        zone = ZoneInfo(component.timezone_identifier) if component.timezone_identifier else None
        now = datetime.now(zone)
        lines.append(f"It is now {now.strftime(component.datetime_format) if component.datetime_format else now}.")
    if component.add_name_to_context and component.name:
        lines.append(f"Your name is {component.name}.")
    return lines


def _state(component: "ModelComponent", request: RunRequest) -> str:
    wanted = request.add_session_state_to_context
    if not (component.add_session_state_to_context if wanted is None else wanted):
        return ""
    return _tagged("session_state", json.dumps(request.session_state, ensure_ascii=False, default=str))


def _called(value: Any, component: "ModelComponent", context: RunContext) -> Any:
    """Return what a function given instead of a text says; it may ask for these arguments by name."""
    if not callable(value):
        return value
    offered = {
        "agent": component,
        "team": component,
        "run_context": context,
        "session_state": context.session_state,
        "dependencies": context.dependencies,
    }
    names = inspect.signature(value).parameters
    return value(**{name: argument for name, argument in offered.items() if name in names})


def _resolved(component: "ModelComponent", request: RunRequest, text: str) -> str:
    """Put values of the session state, the dependencies and the metadata in the place of `{their_name}`.

    Names that nothing has stay as they are: braces are ordinary in instructions.
    """
    if not component.resolve_in_context or "{" not in text:
        return text
    known: dict[str, Any] = {"user_id": request.user_id, "session_id": request.session_id}
    for values in (request.metadata, request.dependencies, request.session_state):
        known.update(values or {})
    return _PLACE.sub(lambda found: str(known[found[1]]) if found[1] in known else found[0], text)


def _tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text}\n</{tag}>" if text else ""


def _listed(lines: Sequence[str], *, always: bool = False) -> str:
    if len(lines) == 1 and not always:
        return lines[0]
    return "\n".join(f"- {line}" for line in lines)


# --- the input ----------------------------------------------------------------------------------------------------


def user_messages(component: "ModelComponent", request: RunRequest) -> list[Message]:
    """Return the input as messages: a text or any value one, a list of messages as many."""
    given = request.input
    if isinstance(given, Message):
        return [_with_media(given, request)]
    if isinstance(given, list) and given and all(map(_is_message, given)):
        messages = [item if isinstance(item, Message) else Message(**item) for item in given]
        return [*messages[:-1], _with_media(messages[-1], request)]
    if isinstance(given, dict) and _is_message(given):
        return [_with_media(Message(**given), request)]
    text = _resolved(component, request, as_prompt(given))
    dependencies = _dependencies(component, request)
    content = "\n\n".join(part for part in (text, dependencies) if part)
    return [_with_media(Message(role=component.user_message_role, content=content), request)]


def extra_messages(component: "ModelComponent") -> list[Message]:
    """Return the examples that go between the instructions and the conversation."""
    messages = []
    for item in component.additional_input or ():
        if isinstance(item, Message):
            messages.append(item)
        elif isinstance(item, Mapping):
            messages.append(Message(**item))
        else:
            messages.append(Message(role="user", content=as_prompt(item)))
    return messages


def as_prompt(value: Any) -> str:
    """Return an input as text: structured values as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json.dumps(as_json(value), ensure_ascii=False, indent=2, default=str)


def as_json(value: Any) -> Any:
    """Return an input as JSON keeps it: pydantic models and messages as the objects they stand for."""
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", exclude_none=True)
    if isinstance(value, Message):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    return value


def _dependencies(component: "ModelComponent", request: RunRequest) -> str:
    wanted = request.add_dependencies_to_context
    wanted = component.add_dependencies_to_context if wanted is None else wanted
    if not wanted or not request.dependencies:
        return ""
    values = {name: value() if callable(value) else value for name, value in request.dependencies.items()}
    return _tagged("additional_context", json.dumps(values, ensure_ascii=False, indent=2, default=str))


def _is_message(item: Any) -> bool:
    return isinstance(item, Message) or (isinstance(item, Mapping) and "role" in item and "content" in item)


def _with_media(message: Message, request: RunRequest) -> Message:
    for key in ("images", "videos", "audio", "files"):
        media = [*getattr(message, key), *getattr(request, key)]
        if media:
            message.raw[key] = [medium.raw for medium in media]
    return message
