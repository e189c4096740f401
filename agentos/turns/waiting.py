"""What a paused run waits for, as its source has it right now: what can be decided here, and why the rest cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from agentos.db.reader import Approval, Reader
from agentos.records import Run
from agentos.records.moment import now
from agentos.records.questions import Ask, Question, open_questions, why_not_genuine
from agentos.records.replies import choices_of
from agentos.turns import choosing

__all__ = ["GO_ON", "Asking", "Waiting", "find_run", "look"]

# The choice of a question that was decided elsewhere, or whose time is over: only going on is left.
GO_ON: Final = "go_on"

NO_TOOL: Final = (
    "{name} is carried out by the agent's own program, which is not registered here. Name it in AGENTOS_AGENTS, or "
    "continue the run where it lives; rejecting works here."
)
NO_INPUT: Final = (
    "What is filled in goes to {name}, which is carried out by the agent's own program. Name it in AGENTOS_AGENTS, or "
    "continue the run where it lives."
)
NO_MEMBER: Final = (
    "{who} asks for this, and only the team's own program can go on with a member. Name the team in AGENTOS_AGENTS, or "
    "continue the run where it lives."
)
NO_STEPS: Final = (
    "Only the workflow's own program can go on with its steps. Name it in AGENTOS_AGENTS, or continue the run where it "
    "lives."
)
EXPIRED: Final = "The time to decide on {name} was over at {until}."
CLOSED: Final = "The approval of {name} is {status}, so it cannot be decided any more."
NO_RECORD: Final = (
    "{name} needs an approval on record, and the source has no record of one for this call. It cannot be confirmed."
)
DECIDED: Final = "{who} {status} this{when}. The run has not gone on since."
TIMED_OUT: Final = {
    "approve": "The time to decide is over: the step is done as if it had been confirmed.",
    "skip": "The time to decide is over: the step is left out.",
    "cancel": "The time to decide is over: the run is cancelled.",
}
# What the models of tools that ask are called, in Agno and here: their answer is the call's result.
_ASKING_TOOLS: Final = frozenset({"get_user_input", "ask_user"})


@dataclass(frozen=True)
class Asking:
    """A question with what can be done about it here: `choices`, and by choice the sentence why it `cannot` be made.

    `note`: what a person should know before. `approval`: the record of it, if the source has one.
    """

    question: Question
    choices: tuple[str, ...]
    cannot: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    approval: Approval | None = None

    @property
    def possible(self) -> tuple[str, ...]:
        """The choices that can be made."""
        return tuple(choice for choice in self.choices if choice not in self.cannot)

    @property
    def is_settled(self) -> bool:
        """Whether it was decided elsewhere, or by time."""
        return self.choices == (GO_ON,)

    @property
    def needs_approval(self) -> bool:
        """Whether somebody beside the user has to decide."""
        return self.question.approval_type == "required"


@dataclass(frozen=True)
class Waiting:
    """A run with everything it waits for; all of it is decided at once, as Agno takes what is left open for refused."""

    run: Run
    asks: Sequence[Asking]

    @property
    def is_waiting(self) -> bool:
        """Whether it waits at all."""
        return self.run.status == "PAUSED"

    @property
    def can_be_decided(self) -> bool:
        """Whether there is a possible choice for everything."""
        return self.is_waiting and all(one.possible for one in self.asks)

    @property
    def needs_approval(self) -> bool:
        """Whether somebody beside the user has to decide on any of it."""
        return any(one.needs_approval for one in self.asks)


def find_run(reader: Reader, session_id: str, run_id: str) -> Run | None:
    """Return a run of the session that has an entry of its own; only this one is read."""
    places = [stub.position for stub in reader.run_stubs(session_id) if stub.run_id == run_id]
    found = reader.runs(session_id, places[-1:]) if places else []
    return found[0] if found and isinstance(found[0], Run) else None


def look(reader: Reader, session_id: str, run: Run, *, has_program: bool | None = None) -> Waiting:
    """Return what a run waits for. `has_program`: whether its own program goes on with it, by default if one is known.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    if has_program is None:
        has_program = choosing.has_program(reader.source.name, run.kind, run.component_id)
    questions = open_questions(run)
    ids = [call.approval_id for call in (question.call for question in questions) if call and call.approval_id]
    approvals = reader.approvals(session_id, ids) if ids else {}

    def find(run_id: str) -> Run | None:
        return find_run(reader, session_id, run_id)

    asks = []
    for question in questions:
        approval = approvals.get((question.call and question.call.approval_id) or "")
        problem = why_not_genuine(run, question, find)
        asks.append(_asking(run, question, approval, problem, has_program=has_program))
    return Waiting(run, asks)


def _asking(run: Run, question: Question, approval: Approval | None, problem: str, *, has_program: bool) -> Asking:
    choices, note = choices_of(question), ""
    if approval is not None and approval.status in ("approved", "rejected"):
        choices, note = (GO_ON,), _decided(approval)
    elif (step := question.deadline) is not None and step.is_timed_out:
        choices, note = (GO_ON,), TIMED_OUT.get(str(step.on_timeout), TIMED_OUT["cancel"])
    problem = problem or _closed(question, approval)
    cannot = dict.fromkeys(choices, problem) if problem else {}
    if not problem and question.approval_type == "required" and approval is None and "confirm" in choices:
        cannot["confirm"] = NO_RECORD.format(name=question.name)
    if not problem and not has_program:
        refuses = choices == (GO_ON,) and approval is not None and approval.status == "rejected"
        cannot |= _without_program(run, question, choices, refuses=refuses)
    return Asking(question, choices, cannot, note, approval)


def _closed(question: Question, approval: Approval | None) -> str:
    if approval is None or approval.status in ("approved", "rejected"):
        return ""
    if approval.status != "pending":
        return CLOSED.format(name=question.name, status=approval.status or "in no known state")
    if approval.expires_at is not None and approval.expires_at <= now():
        return EXPIRED.format(name=question.name, until=_clock(approval.expires_at))
    return ""


def _without_program(run: Run, question: Question, choices: Sequence[str], *, refuses: bool) -> dict[str, str]:
    """Return what cannot be chosen where an agent without tools stands in for the one that paused."""
    if run.kind == "workflow":
        return dict.fromkeys(choices, NO_STEPS)
    if question.member:
        return dict.fromkeys(choices, NO_MEMBER.format(who=question.who or "A member"))
    if question.ask == Ask.CONFIRMATION:
        barred = [choice for choice in choices if choice != "reject" and not (choice == GO_ON and refuses)]
        return dict.fromkeys(barred, NO_TOOL.format(name=question.name))
    if question.ask == Ask.USER_INPUT and question.name not in _ASKING_TOOLS:
        return dict.fromkeys(choices, NO_INPUT.format(name=question.name))
    return {}


def _decided(approval: Approval) -> str:
    when = f" at {_clock(approval.resolved_at)}" if approval.resolved_at else ""
    return DECIDED.format(who=approval.resolved_by or "Somebody", status=approval.status, when=when)


def _clock(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y, %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "an unknown time"
