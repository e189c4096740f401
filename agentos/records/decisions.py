"""What people decide about the steps of a paused workflow run: the methods of its requirements.

A method writes into the requirement's own `raw`, so that a run whose requirements were decided carries the decisions.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentos.records.details import InputField

__all__ = ["ErrorDecisions", "StepDecisions"]

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "str": str,
    "text": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "list": list,
    "dict": dict,
}


class StepDecisions:
    """Deciding whether and how a step is done."""

    __slots__ = ()
    raw: dict[str, Any]

    def confirm(self) -> None:
        """Let the step be done, or accept what it said."""
        self.raw["confirmed"] = True

    def reject(self, feedback: str | None = None) -> None:
        """Do not let it be done, or do not accept what it said; `feedback` is told the step when it is done again."""
        self.raw["confirmed"] = False
        if feedback is not None:
            self.raw["rejection_feedback"] = feedback

    def edit(self, new_output: Any) -> None:
        """Accept what the step said, but with this in its place."""
        self.raw |= {"confirmed": True, "edited_output": new_output}

    def select(self, *choices: str) -> None:
        """Pick these of a router's choices.

        Raises:
            ValueError: there is no such choice, or only one may be picked.
        """
        known = self.raw.get("available_choices")
        unknown = [choice for choice in choices if known and choice not in known]
        if unknown:
            raise ValueError(f"There is no choice {unknown[0]!r}, only {', '.join(map(str, known or []))}.")
        if len(choices) > 1 and not self.raw.get("allow_multiple_selections"):
            raise ValueError("Only one choice may be picked.")
        self.raw["selected_choices"] = list(choices)

    def select_single(self, choice: str) -> None:
        """Pick one of a router's choices."""
        self.select(choice)

    def select_multiple(self, choices: list[str]) -> None:
        """Pick several of a router's choices."""
        self.select(*choices)

    def set_user_input(self, validate: bool = True, **values: Any) -> None:
        """Answer what the step asks for, field by field.

        Raises:
            ValueError: a required field is missing, or a value is not of the field's type or choices.
        """
        fields: list[InputField] = self.user_input_schema  # type: ignore[attr-defined]  # StepRequirement's
        if validate and (problems := list(_problems(fields, values))):
            raise ValueError("The answers do not fit: " + "; ".join(problems) + ".")
        for field in fields:
            if field.name in values:
                field.value = values[field.name]
        self.raw["user_input"] = (self.raw.get("user_input") or {}) | values

    def get_user_input(self, field_name: str) -> Any:
        """Return the answer to one field; None while there is none."""
        return (self.raw.get("user_input") or {}).get(field_name)

    @property
    def needs_confirmation(self) -> bool:
        """Whether somebody has to say yes or no before the step."""
        raw = self.raw
        return bool(raw.get("requires_confirmation")) and raw.get("confirmed") is None

    @property
    def needs_user_input(self) -> bool:
        """Whether somebody has to fill in fields."""
        return bool(self.raw.get("requires_user_input")) and self.raw.get("user_input") is None

    @property
    def needs_route_selection(self) -> bool:
        """Whether somebody has to pick a router's choices."""
        return bool(self.raw.get("requires_route_selection")) and not self.raw.get("selected_choices")

    @property
    def needs_output_review(self) -> bool:
        """Whether somebody has to accept what the step said."""
        return bool(self.raw.get("requires_output_review")) and self.raw.get("confirmed") is None

    @property
    def needs_executor_resolution(self) -> bool:
        """Whether the agent or team in the step still waits for somebody."""
        asked = self.executor_requirements  # type: ignore[attr-defined]  # StepRequirement's
        return bool(self.raw.get("requires_executor_input")) and not all(item.is_resolved() for item in asked)

    @property
    def is_open(self) -> bool:
        """Whether anything is left to decide."""
        waits = self.needs_confirmation or self.needs_user_input or self.needs_route_selection
        return waits or self.needs_output_review or self.needs_executor_resolution

    @property
    def is_timed_out(self) -> bool:
        """Whether the time to decide is over."""
        deadline = self.raw.get("timeout_at")
        if not isinstance(deadline, str):
            return False
        try:
            until = datetime.fromisoformat(deadline)
        except ValueError:
            return False
        return datetime.now(UTC) >= (until if until.tzinfo else until.replace(tzinfo=UTC))


class ErrorDecisions:
    """Deciding what becomes of a step that failed."""

    __slots__ = ()
    raw: dict[str, Any]

    def retry(self) -> None:
        """Do the step again."""
        self.raw["decision"] = "retry"

    def skip(self) -> None:
        """Go on without the step."""
        self.raw["decision"] = "skip"

    @property
    def needs_decision(self) -> bool:
        """Whether nobody has decided yet."""
        return self.raw.get("decision") is None

    @property
    def is_resolved(self) -> bool:
        """Whether somebody has decided."""
        return not self.needs_decision

    @property
    def should_retry(self) -> bool:
        """Whether the step is done again."""
        return self.raw.get("decision") == "retry"

    @property
    def should_skip(self) -> bool:
        """Whether the run goes on without the step."""
        return self.raw.get("decision") == "skip"


def _problems(fields: "list[InputField]", values: dict[str, Any]) -> "Any":
    for field in fields:
        value = values.get(field.name or "")
        if value is None or value == "":
            if field.raw.get("required", True):
                yield f"{field.name} is missing"
            continue
        wanted = _TYPES.get(field.field_type or "")
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
            yield f"{field.name} has to be {field.field_type}, not {type(value).__name__}"
        allowed = field.raw.get("allowed_values")
        if allowed and value not in allowed:
            yield f"{field.name} has to be one of {', '.join(map(str, allowed))}"
