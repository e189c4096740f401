"""The review queue: which cases a moderator sees, in which order, and how many of each kind there are."""

from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Final

from django.contrib.auth.models import Permission, User
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, Value
from django.utils import timezone

from agentos.access.rights import APP, AnyUser, Right
from agentos.access.rules import scope_of
from agentos.catalog.models import CatalogSession
from agentos.moderation.models import Case, CaseQuerySet, Flag, Measure, Standing
from agentos.moderation.states import UNRESOLVED, State
from agentos.prepared import Prepared

PAGE: Final = 50
SHOWS: Final = {
    "open": "Open", "mine": "Mine", "escalated": "Escalated", "due": "Past due", "held": "On hold",
    "resolved": "Resolved",
}  # fmt: skip
_NARROW: Final = ("source", "session_id", "session_key", "session_type", "component_name", "component_id", "user_id",
                  "title", "marks", "last_status")  # fmt: skip

# One row, as it is not grouped by anything: a constant is no column.
_WAITING: Final = Prepared(
    lambda: (
        Case.objects.unresolved().order_by().values(every=Value(1)).annotate(number=Count("pk")).values_list("number")
    )
)


@dataclass(frozen=True)
class Entry:
    """A case in the queue. `row`: its session in the catalog, None if it is in no source any more.

    `flags`: the open ones, or of a resolved case all, the first one first.
    """

    case: Case
    row: CatalogSession | None
    flags: list[Flag]

    @property
    def title(self) -> str:
        """What to call it."""
        return (self.row.title if self.row is not None else "") or self.case.title

    @property
    def is_late(self) -> bool:
        """Whether it should have been decided by now."""
        return self.case.state in UNRESOLVED and self.case.due_at < timezone.now()


@dataclass(frozen=True)
class Page:
    """A page of the queue. `next`: the key of the case behind which the next one begins, None at the end."""

    entries: list[Entry] = field(default_factory=list)
    next: int | None = None


def visible_cases(user: AnyUser) -> CaseQuerySet:
    """Return the cases about sessions that the user may see; whoever sees all, also of sessions that are gone."""
    if scope_of(user).everything:
        return Case.objects.all()
    of_case = {"source": OuterRef("subject__source"), "session_key": OuterRef("subject__session_key")}
    return Case.objects.filter(Exists(CatalogSession.objects.visible_to(user).filter(**of_case)))


def counts(user: AnyUser) -> dict[str, int]:
    """Return how many cases each part of the queue has, by one statement."""
    return visible_cases(user).aggregate(**{show: Count("pk", filter=_part(show, user)) for show in SHOWS})


def open_count(user: AnyUser) -> int:
    """Return how many cases wait to be decided. Every page of a moderator says so."""
    if scope_of(user).everything:
        [(waiting,)] = _WAITING.rows()
        return int(waiting)
    return visible_cases(user).unresolved().count()


def page(user: AnyUser, show: str, after: int | None = None) -> Page:
    """Return a page of a part of the queue, behind the case `after`: by due time, resolved ones from the latest."""
    column, sign, way = ("resolved_at", "-", "lt") if show == "resolved" else ("due_at", "", "gt")
    cases = visible_cases(user).filter(_part(show, user))
    start = Case.objects.filter(pk=after).values_list(column, flat=True).first() if after else None
    if start is not None:
        behind = Q(**{f"{column}__{way}": start}) | Q(**{column: start, f"pk__{way}": after})
        cases = cases.filter(behind)
    rows = list(_told(cases.order_by(f"{sign}{column}", f"{sign}pk"))[: PAGE + 1])
    return Page(entries_of(user, rows[:PAGE]), rows[PAGE - 1].pk if len(rows) > PAGE else None)


def one(user: AnyUser, pk: int) -> Entry | None:
    """Return a case that the user may see, None for none."""
    case = _told(visible_cases(user)).filter(pk=pk).first()
    return entries_of(user, [case])[0] if case is not None else None


def next_to_claim(user: AnyUser) -> Case | None:
    """Return the most urgent case that nobody has, None for none."""
    return visible_cases(user).filter(state__in=(State.OPEN, State.ESCALATED)).by_due().first()


def moderators() -> list[User]:
    """Return the people a case can be given to."""
    right = Permission.objects.filter(content_type__app_label=APP, codename=Right.MODERATE)
    able = Q(groups__permissions__in=right) | Q(is_superuser=True)
    return list(User.objects.filter(able, is_active=True).distinct().order_by("username"))


def entries_of(user: AnyUser, cases: list[Case]) -> list[Entry]:
    """Return the cases with their sessions, which are read by one statement."""
    places = [Q(source=case.subject.source, session_key=case.subject.session_key) for case in cases]
    visible = CatalogSession.objects.visible_to(user).only(*_NARROW)
    rows = {(row.source, row.session_key): row for row in visible.filter(reduce(or_, places))} if places else {}
    found = []
    for case in cases:
        flags = list(case.flags.all())
        shown = [flag for flag in flags if flag.is_open] or flags
        found.append(Entry(case, rows.get((case.subject.source, case.subject.session_key)), shown))
    return found


def _told(cases: CaseQuerySet) -> CaseQuerySet:
    flags = Prefetch("flags", Flag.objects.select_related("rule").order_by("pk"))
    return cases.select_related("subject", "assignee").prefetch_related(flags)


def _part(show: str, user: AnyUser) -> Q:
    unresolved = Q(state__in=UNRESOLVED)
    if show == "mine":
        return unresolved & Q(assignee=user.pk)
    if show == "escalated":
        return Q(state=State.ESCALATED)
    if show == "due":
        return unresolved & Q(due_at__lt=timezone.now())
    if show == "held":
        held = Measure.objects.filter(subject=OuterRef("subject"), kind=Standing.HOLD, lifted_at=None)
        return unresolved & Q(Exists(held))
    return Q(state=State.RESOLVED) if show == "resolved" else unresolved
