"""The review queue and a case as their page shows them."""

from dataclasses import dataclass, field
from typing import Any, Final

from agentos.access.roles import AnyUser
from agentos.catalog.models import CatalogSession
from agentos.moderation import queue
from agentos.moderation.deciding import DECISIONS, Decision
from agentos.moderation.models import Case, CaseEvent
from agentos.moderation.queue import Entry
from agentos.moderation.states import Outcome, State, leads_on
from sessions_ui.presenters.saved_views import list_of

# More sessions of one user are not counted.
MOST_SESSIONS: Final = 1_000
DUE_HOURS: Final = ((1, "in an hour"), (4, "in 4 hours"), (24, "in a day"), (72, "in 3 days"), (168, "in a week"))


@dataclass(frozen=True)
class Tab:
    """A part of the queue, with how many cases it has."""

    name: str
    label: str
    count: int
    is_current: bool


@dataclass(frozen=True)
class CaseView:
    """A case with its history and what one may do with it. `sessions`: of its user, None where nobody is known."""

    entry: Entry
    history: list[CaseEvent]
    earlier: int
    upheld: int
    sessions: int | None = None
    sessions_url: str = ""
    decisions: tuple[Decision, ...] = ()
    may: dict[str, bool] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The case."""
        return self.entry.case

    @property
    def row(self) -> CatalogSession | None:
        """Its session, None if it is in no source any more."""
        return self.entry.row


def tabs(user: AnyUser, show: str) -> list[Tab]:
    """Return the parts of the queue."""
    counted = queue.counts(user)
    return [Tab(name, label, counted[name], name == show) for name, label in queue.SHOWS.items()]


def case_view(user: AnyUser, entry: Entry) -> CaseView:
    """Return what the page of a case shows. Four statements at most."""
    case = entry.case
    others = Case.objects.filter(subject=case.subject_id, state=State.RESOLVED).exclude(pk=case.pk)
    outcomes = list(others.values_list("outcome", flat=True))
    row, sessions, url = entry.row, None, ""
    if row is not None and row.user_id:
        visible = CatalogSession.objects.visible_to(user).filter(user_key=_key(row))
        sessions, url = visible.order_by()[: MOST_SESSIONS + 1].count(), list_of("user", row.user_id)
    decisions = [one for one in DECISIONS if row is not None or one.outcome in (Outcome.NO_ACTION, Outcome.ACTED)]
    if row is not None and not row.user_id:
        decisions = [one for one in decisions if one.outcome != Outcome.SUSPENDED]
    return CaseView(
        entry,
        list(case.events.order_by("pk")),
        len(outcomes),
        sum(outcome != Outcome.NO_ACTION for outcome in outcomes),
        sessions,
        url,
        tuple(decisions),
        {act: leads_on(act, case.state) for act in ("claim", "assign", "give_back", "escalate", "resolve", "reopen")},
    )


def _key(row: CatalogSession) -> str:
    from agentos.catalog.keys import index_key

    return index_key(row.user_id or "")


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return a case of the queue as JSON."""
    case = entry.case
    return {
        "id": case.pk,
        "state": case.state,
        "version": case.version,
        "title": entry.title,
        "source": case.subject.source,
        "session_id": case.subject.session_id,
        "is_gone": entry.row is None,
        "assignee": case.assignee.get_username() if case.assignee else None,
        "opened_at": case.opened_at.isoformat(),
        "due_at": case.due_at.isoformat(),
        "resolved_at": case.resolved_at.isoformat() if case.resolved_at else None,
        "outcome": case.outcome or None,
        "flags": [{"reason": one.reason, "note": one.shown_note, "by": one.actor} for one in entry.flags],
    }


def case_data(view: CaseView) -> dict[str, Any]:
    """Return a case with its history as JSON."""
    history = [
        {"at": one.at.isoformat(), "actor": one.actor, "act": one.act, "done": one.done, "reason": one.shown_reason}
        for one in view.history
    ]
    return {**entry_data(view.entry), "history": history, "possible": [act for act, may in view.may.items() if may]}
