"""Deciding a case together with what follows from it for the session: one transaction, all or nothing."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction

from agentos.access.rules import SessionRow
from agentos.moderation import cases, measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Case, Measure, Standing
from agentos.moderation.obstacles import suspension_of
from agentos.moderation.states import Outcome


@dataclass(frozen=True)
class Decision:
    """What a moderator may decide, with what it does beside resolving the case, in words."""

    outcome: Outcome
    label: str
    effect: str


DECISIONS: Final = (
    Decision(Outcome.NO_ACTION, "No action", "Releases a hold"),
    Decision(Outcome.WARNED, "Warned", "Somebody has spoken to the user; releases a hold"),
    Decision(Outcome.ACTED, "Acted upon", "Leaves what stands as it is"),
    Decision(Outcome.KEPT_ON_HOLD, "Keep on hold", "Puts the session on hold, until it is released"),
    Decision(Outcome.SUSPENDED, "Suspend the user", "Nobody continues any of their sessions"),
)
_RELEASING: Final = (Outcome.NO_ACTION, Outcome.WARNED)


def decide(
    case: Case, row: SessionRow | None, actor: Actor, outcome: str, reason: str, seen: int | None = None
) -> Case:
    """Resolve the case and do what the outcome says. `row`: its session, None if it is in no source any more.

    Raises what resolving, holding, releasing and suspending raise; then nothing was done.
    """
    with transaction.atomic():
        if row is not None and outcome in Outcome.values:
            _follow(case, row, actor, Outcome(outcome), reason)
        return cases.resolve(case, actor, outcome, reason, seen)


def _follow(case: Case, row: SessionRow, actor: Actor, outcome: Outcome, reason: str) -> None:
    is_held = Measure.objects.filter(subject=case.subject_id, kind=Standing.HOLD, lifted_at=None).exists()
    if outcome in _RELEASING and is_held:
        measures.lift(row, Standing.HOLD, actor, reason)
    elif outcome == Outcome.KEPT_ON_HOLD and not is_held:
        measures.put(row, Standing.HOLD, actor, reason)
    elif outcome == Outcome.SUSPENDED and (row.user_id is None or suspension_of(row.user_id) is None):
        measures.suspend(row.user_id or "", actor, reason)
