"""What a paused run waits for, as a card that people decide on; and what they send, read against what was asked."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from django.http import HttpRequest

from agentos.access.rules import NotAllowed, check_can_approve, check_can_continue
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.db.sources import SourceError
from agentos.masking import current, masked_value
from agentos.records import StepOutput, StepRequirement
from agentos.records.questions import Ask, Question
from agentos.records.text import as_text
from agentos.turns.conduct import Acting, acting_as
from agentos.turns.deciding import paused_runs, waiting_of
from agentos.turns.kinds import Kind
from agentos.turns.models import Turn
from agentos.turns.waiting import Asking, Waiting
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters.budget import Budget, Clipped

# Characters of stored text in one card, and in one of its parts.
_SHOWN: Final = 20_000
_EACH: Final = 6_000

_ASKED: Final[Mapping[Ask, str]] = {
    Ask.CONFIRMATION: "{who} wants to call this with these arguments. It has not been called.",
    Ask.USER_INPUT: "{who} wants to call this and lacks arguments. Fill them in, and it is called with them.",
    Ask.USER_FEEDBACK: "{who} asks before it goes on. The answer goes to the model.",
    Ask.EXTERNAL: "{who} wants this carried out elsewhere. Hand in what it gave; the model goes on with that.",
    Ask.STEP: "The workflow asks before it does this step.",
    Ask.STEP_INPUT: "The workflow asks for what this step needs.",
    Ask.ROUTE: "The workflow asks which way to go.",
    Ask.REVIEW: "The workflow asks whether what this step gave is accepted.",
    Ask.ERROR: "This step failed. The workflow asks what to do.",
}  # fmt: skip
_EFFECTS: Final[Mapping[tuple[Ask, str], str]] = {
    (Ask.CONFIRMATION, "confirm"): "Confirm {name}",
    (Ask.CONFIRMATION, "reject"): "Reject",
    (Ask.USER_INPUT, "answer"): "Call {name} with this",
    (Ask.USER_FEEDBACK, "answer"): "Send the answer",
    (Ask.EXTERNAL, "answer"): "Hand in the result",
    (Ask.STEP, "confirm"): "Do {name}",
    (Ask.STEP_INPUT, "answer"): "Do {name} with this",
    (Ask.ROUTE, "answer"): "Go this way",
    (Ask.REVIEW, "confirm"): "Accept the output",
    (Ask.REVIEW, "edit"): "Use the changed output",
    (Ask.ERROR, "retry"): "Do {name} again",
    (Ask.ERROR, "skip"): "Leave out {name}",
}
_REJECTED: Final = {
    "skip": "Reject: leave it out",
    "cancel": "Reject: cancel the run",
    "else": "Reject: take the other branch",
    "retry": "Reject: have it done again",
}
_TYPES: Final = {"int": "number", "float": "number", "bool": "choice", "list": "json", "dict": "json", "text": "long"}


@dataclass(frozen=True)
class Choice:
    """One button: `name` is sent, `label` says what it does; `cannot` is why it is not there to be pressed."""

    name: str
    label: str
    cannot: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether it refuses."""
        return self.name in ("reject", "skip")


@dataclass(frozen=True)
class FieldView:
    """A field to fill in. `input`: text, long, number, choice or json; `options`: what a choice offers."""

    name: str
    label: str
    input: str
    description: str
    required: bool
    value: str
    options: Sequence[str] = ()
    whole: bool = False


@dataclass(frozen=True)
class Picks:
    """A question with choices: `options` are (value sent, label, description, whether it was chosen)."""

    name: str
    text: str
    many: bool
    options: Sequence[tuple[str, str, str, bool]]


@dataclass(frozen=True)
class AskView:
    """One thing to decide, as the card shows it. `number`: its place, by which its inputs are named."""

    number: int
    asking: Asking
    who: str
    budget: Budget
    given: Mapping[str, Any]

    @property
    def question(self) -> Question:
        """What is asked."""
        return self.asking.question

    @property
    def sentence(self) -> str:
        """What will happen."""
        return _ASKED[self.question.ask].format(who=self.question.who or self.who)

    @property
    def message(self) -> str:
        """What the workflow says about it."""
        raw = self.question.holder.raw
        keys = ("confirmation_message", "user_input_message", "output_review_message", "error_message")
        return current().masked(next((as_text(raw[key])[:2_000] for key in keys if raw.get(key)), ""))

    @cached_property
    def arguments(self) -> Clipped | None:
        """The call's arguments as indented JSON; None for a step."""
        call = self.question.call
        if call is None:
            return None
        arguments = masked_value(call.tool_args or {}, current())
        return self.budget.take(json.dumps(arguments, indent=2, ensure_ascii=False, default=str))

    @cached_property
    def output(self) -> Clipped | None:
        """What the step gave, for a review."""
        holder = self.question.holder
        if self.question.ask != Ask.REVIEW or not isinstance(holder, StepRequirement):
            return None
        given: StepOutput | None = holder.step_output
        return self.budget.take(current().masked(given.content_text or "") if given is not None else "")

    @property
    def choices(self) -> list[Choice]:
        """The buttons; what refuses comes first, so that the hand that confirms has to reach over."""
        cannot = self.asking.cannot
        found = [Choice(name, self._label(name), cannot.get(name, "")) for name in self.asking.choices]
        return sorted(found, key=lambda choice: not choice.is_refusal)

    def _label(self, name: str) -> str:
        if name == "reject" and self.question.ask in (Ask.STEP, Ask.REVIEW):
            return _REJECTED.get(str(self.question.holder.raw.get("on_reject")), "Reject")
        label = _EFFECTS.get((self.question.ask, name), "Go on with the run")
        return label.format(name=self.question.name[:60])

    @property
    def obstacles(self) -> list[str]:
        """Why not everything can be chosen, each sentence once."""
        return list(dict.fromkeys(self.asking.cannot.values()))

    @property
    def takes_reason(self) -> bool:
        """Whether a rejection tells why."""
        return "reject" in self.asking.possible

    @property
    def takes_result(self) -> bool:
        """Whether the result is handed in."""
        return self.question.ask == Ask.EXTERNAL and bool(self.asking.possible)

    @property
    def text(self) -> str:
        """The reason or the result that was typed before the form was refused."""
        return str(self.given.get(f"{self.number}-text") or "")

    @property
    def edited(self) -> str:
        """The output to change."""
        return str(self.given.get(f"{self.number}-edit") or (self.output.text if self.output else ""))

    @property
    def chosen(self) -> str:
        """What was chosen before the form was refused."""
        return str(self.given.get(f"{self.number}-choice") or "")

    @property
    def filled(self) -> list[tuple[str, str]]:
        """The fields that have a value already: the model's."""
        given = [item for item in self.question.fields if item.value is not None]
        return [(item.name or "", current().masked(as_text(item.value))[:500]) for item in given]

    @property
    def fields(self) -> list[FieldView]:
        """The fields that are open."""
        if self.question.ask not in (Ask.USER_INPUT, Ask.STEP_INPUT) or self.asking.is_settled:
            return []
        open_fields = [item for item in self.question.fields if item.value is None]
        return [self._field(index, item) for index, item in enumerate(open_fields)]

    def _field(self, index: int, item: Any) -> FieldView:
        name, kind = f"{self.number}-field-{index}", item.field_type or "str"
        allowed = item.raw.get("allowed_values")
        options = [as_text(value) for value in allowed] if isinstance(allowed, list) else []
        if kind == "bool" and not options:
            options = ["yes", "no"]
        return FieldView(
            name=name,
            label=item.name or "value",
            input="choice" if options else _TYPES.get(kind, "text"),
            description=(item.description or "")[:500],
            required=item.required,
            value=str(self.given.get(name) or ""),
            options=options,
            whole=kind == "int",
        )

    @property
    def picks(self) -> list[Picks]:
        """The questions with choices, and a router's."""
        if self.asking.is_settled:
            return []
        if self.question.ask == Ask.ROUTE:
            many = bool(self.question.holder.raw.get("allow_multiple_selections"))
            rows = [(label, "") for label in self.question.choices]
            return [self._picks(0, "Which way?", rows, many=many)]
        return [
            self._picks(
                index,
                item.question or item.header or "",
                [(option.label or "", option.description or "") for option in item.options],
                many=item.multi_select,
            )
            for index, item in enumerate(self.question.feedback)
        ]

    def _picks(self, index: int, text: str, rows: Sequence[tuple[str, str]], *, many: bool) -> Picks:
        name = f"{self.number}-pick-{index}"
        chosen = self.given.get(f"{name}[]") or ()
        options = [(str(place), label, about, str(place) in chosen) for place, (label, about) in enumerate(rows)]
        return Picks(name, text, many, options)


@dataclass
class Card:
    """A paused run with all it waits for. `reason`: why this person may not decide; `problem`: why it was not taken."""

    row: CatalogSession
    run: CatalogRun
    waiting: Waiting | None
    reason: str = ""
    problem: str = ""
    acting: Acting | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def reason_id(self) -> str:
        """The id of the input that says why one acts."""
        return f"decision-{self.run.ordinal}-reason"

    @property
    def who(self) -> str:
        """Who ran."""
        return self.run.component_name or self.run.component_id or f"The {self.run.kind}"

    @cached_property
    def asks(self) -> list[AskView]:
        """What is to be decided."""
        budget = Budget(_SHOWN, _EACH)
        asks = self.waiting.asks if self.waiting is not None else ()
        return [AskView(number, one, self.who, budget, self.given) for number, one in enumerate(asks)]

    @property
    def can_be_sent(self) -> bool:
        """Whether there is anything to press."""
        return not self.reason and self.waiting is not None and self.waiting.can_be_decided

    @property
    def is_alone(self) -> bool:
        """Whether one button is enough: there is one thing to decide."""
        return len(self.asks) == 1


class Decisions:
    """The cards of a session, read when the page shows them: only then is the source asked."""

    def __init__(self, request: HttpRequest, row: CatalogSession) -> None:
        self.row = row
        self._request = request

    @cached_property
    def runs(self) -> list[CatalogRun]:
        """The paused runs on which nobody's decision is under way."""
        runs = paused_runs(self.row)
        active = Turn.objects.of_session(self.row.source, self.row.session_id).active().filter(kind=Kind.DECISION)
        aimed_at = {turn.aimed_at for turn in active} if runs else set()
        return [run for run in runs if run.run_id not in aimed_at]

    @property
    def mark(self) -> str:
        """What changes when there is something else to decide."""
        return " ".join(str(run.ordinal) for run in self.runs)

    @cached_property
    def cards(self) -> list[Card]:
        """A card for each of them."""
        return [card for run in self.runs if (card := self.card(run)) is not None]

    @property
    def asks_why(self) -> bool:
        """Whether a card asks why one acts in somebody else's session: then the form below need not."""
        return any(card.can_be_sent and card.acting and not card.acting.reason for card in self.cards)

    def card(self, run: CatalogRun, **given: Any) -> Card | None:
        """Return a run's card; None when it does not wait any more."""
        try:
            waiting = waiting_of(self.row, run.run_id or "")
        except SourceError as error:
            return Card(self.row, run, None, problem=str(error), **given)
        if waiting is None or not waiting.is_waiting:
            return None
        acting = acting_as(signed_in_user(self._request), self.row)
        return Card(self.row, run, waiting, reason=self._reason(waiting), acting=acting, **given)

    def _reason(self, waiting: Waiting) -> str:
        try:
            check_can_continue(self._request.user, self.row)
            if waiting.needs_approval:
                check_can_approve(self._request.user)
        except NotAllowed as error:
            return str(error)
        return ""
