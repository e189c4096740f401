"""What somebody has answered to a paused run, taken over into the run: only answers, to what the run really asked."""

from collections.abc import Iterable, Sequence
from typing import Any

from agentos.records import Requirement, ToolExecution


def apply_answers(
    asked: Sequence[ToolExecution], requirements: Sequence[Requirement], tools: Iterable[ToolExecution]
) -> None:
    """Take the answers in `requirements` and `tools` over into the calls in `asked` that wait for them.

    Name, arguments and kind of a call stay as they were asked: whoever answers decides, and does not rewrite.
    """
    answers: dict[str, list[ToolExecution]] = {}
    for requirement in requirements:
        if requirement.tool_execution is not None:
            answers.setdefault(requirement.tool_execution.tool_call_id or "", []).append(_decided(requirement))
    for tool in tools:
        answers.setdefault(tool.tool_call_id or "", []).append(tool)
    for call in asked:
        for answer in answers.get(call.tool_call_id or "", ()):
            if call.is_waiting:
                _take(call, answer)


def _decided(requirement: Requirement) -> ToolExecution:
    """Return the requirement's call with what was decided, wherever the requirement holds it."""
    raw: dict[str, Any] = dict((requirement.tool_execution or ToolExecution()).raw)
    if requirement.confirmation is not None:
        raw["confirmed"] = requirement.confirmation
    if requirement.confirmation_note:
        raw["confirmation_note"] = requirement.confirmation_note
    if requirement.external_execution_result is not None:
        raw["result"] = requirement.external_execution_result
    for key in ("user_input_schema", "user_feedback_schema"):
        if requirement.raw.get(key):
            raw[key] = requirement.raw[key]
    return ToolExecution.from_dict(raw)


def _take(call: ToolExecution, answer: ToolExecution) -> None:
    if call.requires_confirmation and answer.confirmed is not None:
        call.raw |= {"confirmed": answer.confirmed, "confirmation_note": answer.confirmation_note}
    if call.requires_user_input:
        given = {field.name: field.value for field in answer.user_input_schema}
        for field in call.user_input_schema:
            if field.value is None and given.get(field.name) is not None:
                field.raw["value"] = given[field.name]
        call.raw["answered"] = all(field.value is not None for field in call.user_input_schema) or None
    if call.user_feedback_schema and answer.user_feedback_schema:
        chosen = {question.question: question.raw for question in answer.user_feedback_schema}
        for question in call.user_feedback_schema:
            if (found := chosen.get(question.question)) and found.get("selected_options") is not None:
                question.raw.update({key: found[key] for key in ("selected_options", "options") if key in found})
        # Choosing nothing is an answer too.
        open_questions = [item for item in call.user_feedback_schema if item.raw.get("selected_options") is None]
        call.raw["answered"] = not open_questions or None
    if call.external_execution_required and answer.result is not None:
        call.raw["result"] = answer.result if isinstance(answer.result, str) else str(answer.result)


def settle(requirements: Sequence[Requirement], tools: Sequence[ToolExecution]) -> None:
    """Write what became of the calls into the requirements that were made for them."""
    by_id = {tool.tool_call_id: tool for tool in tools}
    for requirement in requirements:
        call = requirement.tool_execution
        found = by_id.get(call.tool_call_id) if call else None
        if found is not None:
            requirement.raw["tool_execution"] = found.raw
            if found.confirmed is not None:
                requirement.raw["confirmation"] = found.confirmed
            if found.external_execution_required and found.result is not None:
                requirement.raw["external_execution_result"] = found.result
            if found.user_input_schema:
                requirement.raw["user_input_schema"] = found.raw["user_input_schema"]
