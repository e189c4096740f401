"""Takes a text, or one thing that was said, out of what Agno stored, such that Agno still reads the rest.

What is taken out is replaced by MARKER. Ids, roles, statuses and the names of agents, tools and steps stay, whatever
they hold: by them Agno finds its way through a session.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from agentos.records.media import decode_base64
from agentos.records.needles import MARKER, Finder
from agentos.records.placeholders import blank_media, is_medium

__all__ = ["KEPT", "MARKER", "Redactor"]

# What holds a session together. Their values stay where Agno put them; the same keys mean nothing inside free content.
KEPT: Final = frozenset(
    (
        *("id", "run_id", "session_id", "agent_id", "team_id", "workflow_id", "user_id", "parent_run_id", "call_id"),
        *("tool_call_id", "parent_tool_call_id", "approval_id", "child_run_id", "member_agent_id", "member_run_id"),
        *("step_id", "step_run_id", "workflow_step_id", "workflow_run_id", "executor_id", "executor_run_id"),
        *("executor_session_id", "forked_from_run_id", "forked_from_session_id", "regenerated_from", "response_id"),
        *("trace_id", "span_id", "parent_span_id", "result_id", "compaction_id", "memory_id", "schedule_id"),
        *("schedule_run_id", "first_kept_message_id", "namespace", "path", "args_hash", "table_name"),
        *("role", "status", "run_status", "event", "type", "kind", "content_type", "format", "mime_type", "file_type"),
        *("run_type", "session_type", "source_type", "approval_type", "pause_type", "pause_kind", "step_type"),
        *("executor_type", "field_type", "error_type", "media_type", "checkpoint_status", "cancellation_stage"),
        *("decision", "on_reject", "on_timeout", "next_action", "model", "model_provider", "provider", "created_at"),
        *("updated_at", "resolved_at", "expires_at", "start_time", "end_time", "timeout_at", "tool_name", "agent_name"),
        *("team_name", "workflow_name", "step_name", "executor_name", "member_agent_name", "paused_step_name"),
        *("source_name", "storage_backend", "span_kind", "status_code"),
    )
)
# What people, models and programs fill as they like: every key and number in there counts as said.
_FREE: Final = frozenset(
    (
        *("content", "input_content", "tool_args", "arguments", "result", "session_state", "metadata", "dependencies"),
        *("user_input", "step_input", "additional_input", "resolution_data", "context", "attributes", "raw", "value"),
        *("followups", "references", "session_name", "feedback", "memory", "topics"),
    )
)
# In free content too these say what an object is, as Agno's and the providers' readers need it.
_NEVER: Final = frozenset({"role", "type"})
# An object with one of these has the `name` that a program gave it: a tool, a field of a form, an agent.
_NAMED_BY_PROGRAM: Final = frozenset({"arguments", "field_type", "agent_id", "team_id", "workflow_id", "provider"})
_PLACES: Final = {
    "tools": "tool calls", "requirements": "questions of paused runs", "step_requirements": "questions of paused runs",
    "error_requirements": "questions of paused runs", "session_state": "state", "reasoning_content": "reasoning",
    "reasoning_steps": "reasoning", "reasoning_messages": "reasoning", "events": "events of runs", "input": "inputs",
    "content": "answers", "metadata": "metadata", "member_responses": "runs inside runs", "summary": "summary",
    "step_executor_runs": "runs inside runs", "workflow_agent_run": "runs inside runs", "step_results": "steps",
    "images": "media", "videos": "media", "audio": "media", "files": "media", "response_audio": "media",
    "session_name": "session name", "followups": "answers", "session_metrics": "other fields",
}  # fmt: skip
_STREAMED: Final = ("content", "reasoning_content")

# Asked of an object and of the field it stands in.
Item = Callable[[dict[str, Any], str], dict[str, Any] | None]


class Redactor:
    """Takes texts out of values, and counts by place what it took.

    `needles` are taken out wherever they stand. `item` is asked of every object for what it is to become, None for
    what it is. `whole`: short texts that are taken out only of the run `run_id`, and of copies of its messages, and
    only where they are all that is said. `taken`: places in words, with how often; `kept`: how often a needle stands in
    an id or name, where it stays.
    """

    def __init__(
        self, needles: Finder, *, item: Item | None = None, whole: Sequence[str] = (), run_id: str | None = None
    ) -> None:
        self.needles = needles
        self.taken: Counter[str] = Counter()
        self.kept = 0
        self.run_id = run_id
        self._item = item
        self._whole = frozenset(whole)
        self._in_run = False
        self._place = "other fields"
        self._field = ""

    def fresh(self) -> "Redactor":
        """Return one for the same things that has not counted anything."""
        return Redactor(self.needles, item=self._item, whole=tuple(self._whole), run_id=self.run_id)

    def run(self, raw: Any) -> Any:
        """Return a stored run without what is to be taken out."""
        return self._object(raw, by_key=True) if isinstance(raw, dict) else self.free(raw)

    def field(self, name: str, value: Any) -> Any:
        """Return a column or field of this name of a stored object."""
        self._place = _PLACES.get(name, "other fields")
        return self._member(name, value)

    def said(self, text: str, place: str) -> str:
        """Return a text that people wrote, or a program for them."""
        self._place = place
        return self._text(text)

    def of_run(self, text: str, place: str) -> str:
        """Return a text that belongs to the run that something is taken out of."""
        self._place, self._in_run = place, True
        try:
            return self._text(text)
        finally:
            self._in_run = False

    def of_place(self, value: Any, place: str, *, in_run: bool = False) -> Any:
        """Return JSON in which everything counts as said; `in_run`: it belongs to the run of what is taken out."""
        self._place, self._in_run = place, in_run
        try:
            return self.free(value)
        finally:
            self._in_run = False

    def free(self, value: Any) -> Any:
        """Return JSON in which everything counts as said."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            changed = self._asked(value)
            return self._free_object(value) if changed is None else changed
        if isinstance(value, list):
            field = self._field
            return [self._free_in(one, field) for one in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and self.needles.are_in(json.dumps(value)):
            self._count()
            return MARKER
        return value

    # --- objects whose keys mean something ----------------------------------------------------------------------
    def _object(self, raw: dict[str, Any], *, by_key: bool = False) -> dict[str, Any]:
        changed = self._asked(raw)
        if changed is not None:
            return changed
        in_run, place = self._in_run, self._place
        if self.run_id is not None and raw.get("run_id") == self.run_id:
            self._in_run = True
        found, names_program = {}, not _NAMED_BY_PROGRAM.isdisjoint(raw)
        for key, value in raw.items():
            if by_key:
                self._place = _PLACES.get(key, "other fields")
            found[key] = self._kept(value) if key == "name" and names_program else self._member(key, value)
        self._in_run, self._place = in_run, place
        return found

    def _member(self, key: str, value: Any) -> Any:
        if key in KEPT and not isinstance(value, dict | list):
            return self._kept(value)
        self._field = key
        if key == "events" and isinstance(value, list):
            value = self._joined(value)
        if key == "messages" and isinstance(value, list):
            return [self._message(one) for one in value]
        if key in _FREE or (key == "input" and not (isinstance(value, dict) and "input_content" in value)):
            return self.free(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self._member_of(one, key) for one in value]
        return self._text(value) if isinstance(value, str) else value

    def _member_of(self, value: Any, field: str) -> Any:
        self._field = field
        return self._object(value) if isinstance(value, dict) else self.free(value)

    def _free_in(self, value: Any, field: str) -> Any:
        self._field = field
        return self.free(value)

    def _kept(self, value: Any) -> Any:
        self.kept += isinstance(value, str) and self.needles.are_in(value)
        return value

    def _message(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return self.free(raw)
        is_copy = raw.get("from_history") is True
        place, was = self._place, self._in_run
        self._place = "earlier messages, stored again" if is_copy else "messages"
        self._in_run = was or is_copy
        found = self._object(raw)
        self._place, self._in_run = place, was
        return found

    def _asked(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        """Return what becomes of an object that is to be taken out, or holds a file with a needle in it."""
        changed = self._item(raw, self._field) if self._item is not None else None
        if changed is None and is_medium(raw, self._field) and isinstance(raw.get("content"), str):
            data = decode_base64(raw["content"]) if self.needles else None
            if data is not None and self.needles.are_in_bytes(data):
                changed = blank_media(raw, self._field)
        if changed is not None and changed != raw:
            self._count()
        return changed

    def _joined(self, events: list[Any]) -> list[Any]:
        """Return a stream's events such that a needle which came in pieces stands in one of them."""
        found = list(events)
        for key in _STREAMED:
            pieces: dict[Any, list[int]] = {}
            for at, event in enumerate(events):
                if isinstance(event, dict) and isinstance(event.get(key), str):
                    pieces.setdefault((event.get("event"), event.get("run_id")), []).append(at)
            for places in pieces.values():
                text = "".join(events[at][key] for at in places)
                if self._splits(text, [events[at][key] for at in places]):
                    for at in places:
                        found[at] = {**found[at], key: text if at == places[-1] else ""}
        return found

    def _splits(self, text: str, pieces: Sequence[str]) -> bool:
        if len(pieces) < 2:
            return False
        if text in self._whole:
            return True
        return self.needles.replaced(text)[1] > sum(self.needles.replaced(piece)[1] for piece in pieces)

    # --- what was said ------------------------------------------------------------------------------------------
    def _free_object(self, value: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in value.items():
            if key in _NEVER and isinstance(item, str):
                found[key] = item
                continue
            name = self._text(key)
            while name != key and name in found:
                name += "'"
            self._field = key
            found[name] = self.free(item)
        return found

    def _text(self, text: str) -> str:
        if self._in_run and text in self._whole:
            self._count()
            return MARKER
        changed, number = self.needles.replaced(text)
        if not number:
            return text
        self._count(number)
        return self._still_json(text, changed, number)

    def _still_json(self, text: str, changed: str, number: int) -> str:
        """Return a text that was JSON as JSON: a needle may be a number in it, or reach from one value into another."""
        parsed = _parsed(text)
        if parsed is None or _parsed(changed) is not None:
            return changed
        taken = self.taken.copy()
        rebuilt = json.dumps(self.free(parsed))
        inside = self.taken.total() - taken.total()
        self.taken = taken
        if inside < number or self.needles.are_in(rebuilt):
            return json.dumps({"redacted": MARKER}) if isinstance(parsed, dict) else json.dumps([MARKER])
        return rebuilt

    def _count(self, number: int = 1) -> None:
        self.taken[self._place] += number


def _parsed(text: str) -> dict[str, Any] | list[Any] | None:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
