"""Cases from the first flag to an outcome. Every change of state goes by the one table in `states.py`."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentos.moderation.acting import Actor, Conflict, Refused, ago, reason_of, record, tell
from agentos.moderation.models import Case, Subject
from agentos.moderation.rules import can_moderate, check_can_moderate
from agentos.moderation.states import TRANSITIONS, Outcome, State, leads_on
from agentos.moderation.subjects import tell_catalog

FURTHEST_DUE: Final = timedelta(days=365)


def open_for(subject: Subject, title: str, due_hours: int) -> Case:
    """Return the unresolved case of a session whose row is locked; open one if there is none.

    An earlier due time holds.
    """
    due = timezone.now() + timedelta(hours=due_hours)
    case = Case.objects.unresolved().filter(subject=subject).first()
    if case is None:
        return Case.objects.create(subject=subject, title=title[:200], due_at=due)
    if due < case.due_at:
        Case.objects.filter(pk=case.pk).update(due_at=due)
    return case


def claim(case: Case, actor: Actor, seen: int | None = None) -> Case:
    """Take the case on oneself. Raises `Conflict` if somebody else has done so."""
    with transaction.atomic():
        case = _locked(case, actor, seen, unless_mine=True)
        if case.state == State.CLAIMED and case.assignee_id == actor.person.pk:
            return case
        return _go(case, "claim", actor, assignee=actor.user, claimed_at=timezone.now())


def assign(case: Case, actor: Actor, to: User, seen: int | None = None) -> Case:
    """Give the case to a colleague. Raises `Refused` if they may not decide about sessions."""
    if not can_moderate(to):
        raise Refused(f"{to.get_username()} is no moderator, so a case cannot be given to them.")
    with transaction.atomic():
        case = _locked(case, actor, seen)
        done = f"assigned it to {to.get_username()}"
        return _go(case, "assign", actor, done=done, assignee=to, claimed_at=timezone.now())


def give_back(case: Case, actor: Actor, seen: int | None = None) -> Case:
    """Put a claimed case back among the open ones."""
    with transaction.atomic():
        return _go(_locked(case, actor, seen), "give_back", actor, assignee=None, claimed_at=None)


def escalate(case: Case, actor: Actor, reason: str, seen: int | None = None) -> Case:
    """Ask for a second pair of eyes; whoever had it gives it up."""
    why = reason_of(reason)
    with transaction.atomic():
        return _go(_locked(case, actor, seen), "escalate", actor, reason=why, assignee=None, claimed_at=None)


def resolve(case: Case, actor: Actor, outcome: str, reason: str, seen: int | None = None) -> Case:
    """Decide the case; its flags are settled."""
    why = reason_of(reason)
    if outcome not in Outcome.values:
        raise Refused("Say what was decided.")
    with transaction.atomic():
        case = _locked(case, actor, seen)
        done = f"resolved it: {Outcome(outcome).label.lower()}"
        case.flags.update(is_open=False)
        tell_catalog(case.subject)
        return _go(case, "resolve", actor, done=done, reason=why, resolved_at=timezone.now(), outcome=outcome)


def reopen(case: Case, actor: Actor, seen: int | None = None) -> Case:
    """Take a decision back. Raises `Conflict` if the session has a newer case that is not resolved."""
    with transaction.atomic():
        case = _locked(case, actor, seen)
        newer = Case.objects.unresolved().filter(subject=case.subject).exclude(pk=case.pk).first()
        if newer is not None:
            raise Conflict(f"The session has a newer case, {newer.pk}. Go on there.")
        case.flags.update(is_open=True)
        tell_catalog(case.subject)
        return _go(case, "reopen", actor, resolved_at=None, outcome="", assignee=None, claimed_at=None)


def set_due(case: Case, actor: Actor, due: datetime) -> Case:
    """Say until when the case has to be decided."""
    if not timezone.now() < due < timezone.now() + FURTHEST_DUE:
        raise Refused("A due time lies ahead, within a year.")
    with transaction.atomic():
        case = _locked(case, actor, None)
        if case.state == State.RESOLVED:
            raise Refused("The case is resolved, so nothing is due.")
        case.due_at = due
        case.save(update_fields=["due_at"])
        record("case.due", actor, case.subject, done=f"moved the due time to {due:%Y-%m-%d %H:%M}", case=case.pk)
        return case


def _locked(case: Case, actor: Actor, seen: int | None, *, unless_mine: bool = False) -> Case:
    """Return the case as it now is, locked with its session. `seen`: the version that the reader decided upon."""
    check_can_moderate(actor.person)
    Subject.objects.select_for_update().get(pk=case.subject_id)
    now = Case.objects.select_for_update().get(pk=case.pk)
    if seen is not None and seen != now.version and not (unless_mine and now.assignee_id == actor.person.pk):
        raise Conflict(_what_happened(now))
    return now


def _go(case: Case, act: str, actor: Actor, *, done: str = "", reason: str = "", **values: Any) -> Case:
    step = TRANSITIONS[act]
    if not leads_on(act, case.state):
        raise Conflict(_what_happened(case))
    before = case.state
    for name, value in {**values, "state": step.after, "version": case.version + 1}.items():
        setattr(case, name, value)
    case.save()
    tell(case, f"case.{act}", actor, done or step.done, reason)
    told = {"case": case.pk, "outcome": case.get_outcome_display()} if case.outcome else {"case": case.pk}
    record(f"case.{act}", actor, case.subject, reason=reason, before=before, after=str(step.after), **told)
    return case


def _what_happened(case: Case) -> str:
    last = case.events.filter(act__startswith="case.").order_by("-pk").first()
    if last is None:
        return f"The case is {case.get_state_display().lower()}, so this cannot be done."
    return f"{last.actor} {last.done} {ago(last.at)}. Look at the case as it is now."
