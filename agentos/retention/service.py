"""Making rules of retention, looking at what one would do, and having it done, by a job.

A rule finds what its query finds in the list, is old enough, and is not on hold. It archives or deletes; that can be
taken back until what is deleted goes for good, as after any other deletion.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, check_has, check_reads, check_sees_all
from agentos.audit.acts import Act, register
from agentos.catalog.keys import one_line
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import Exact, Node, Not, Term, all_of, leaves
from agentos.catalog.timebox import timebox
from agentos.jobs import service as jobs
from agentos.jobs.acts import find
from agentos.jobs.models import Job
from agentos.moderation.acting import Actor, Refused, record
from agentos.moderation.models import NAME_CHARACTERS
from agentos.retention.models import RetentionRule

register(
    Act("retention.keep", "change", "archive", "Kept the rule of retention “{name}”: {does} after {days} days {query}"),
    Act("retention.drop", "change", "archive", "Deleted the rule of retention “{name}”"),
)
EVERY: Final = timedelta(days=1)
MOST_RULES: Final = 50
LONGEST_DAYS: Final = 36_500
SHOWN: Final = 100
COUNTING_SECONDS: Final = 2.0
_HELD: Final = Term("is", Exact("held"))
_STARRED: Final = Term("is", Exact("starred"))


@dataclass(frozen=True)
class Draft:
    """A rule before it is kept, as a form says it."""

    query: str
    days: int
    act: str
    counted_from: str = RetentionRule.CountedFrom.UPDATED

    @classmethod
    def of(cls, rule: RetentionRule) -> "Draft":
        """Return what a rule says."""
        return cls(rule.query, rule.days, rule.act, rule.counted_from)


@dataclass(frozen=True)
class DryRun:
    """What a rule would do now: to how many sessions (None: too many to count in time), and the first of them."""

    query: str
    count: int | None
    rows: list[CatalogSession]


def check_can_edit(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may make rules of retention: they look at every session."""
    check_reads(user)
    check_has(user, Right.EDIT_RETENTION, "make rules of retention")
    check_sees_all(user, "A rule of retention looks at every session, so it is made by somebody who sees them all.")


def can_edit(user: AnyUser) -> bool:
    """Whether `check_can_edit` lets the user through."""
    try:
        check_can_edit(user)
    except NotAllowed:
        return False
    return True


def sessions_of(draft: Draft) -> SessionQuerySet:
    """Return what a rule is about now, without an order. Raises `Refused` for a query that cannot be read."""
    asked = _read(draft.query)
    node = Not(_HELD) if asked is None else all_of([asked, Not(_HELD)])
    rows = CatalogSession.objects.filtered(ListQuery.of(node))
    last = int((timezone.now() - timedelta(days=draft.days)).timestamp())
    column = "created_at" if draft.counted_from == RetentionRule.CountedFrom.CREATED else "updated_at"
    return rows.filter(**{f"{column}__gt": 0, f"{column}__lt": last})  # 0 stands for no known time


def dry_run(draft: Draft) -> DryRun:
    """Return what a rule would do if it ran now. Raises `Refused` for what makes no rule."""
    checked = _checked(draft)
    rows = sessions_of(checked)
    with timebox(COUNTING_SECONDS) as box:
        count = rows.order_by().count()
    fields = ("source", "session_id", "title", "session_type", "updated_at", "created_at")
    shown = list(rows.order_by("updated_at", "id").only(*fields)[:SHOWN])
    return DryRun(checked.query, None if box.over else count, shown)


def keep(actor: Actor, name: str, draft: Draft) -> RetentionRule:
    """Make a rule, which is off. Raises `NotAllowed`, or `Refused` for what makes no rule or a name that is taken."""
    check_can_edit(actor.person)
    words, checked = one_line(name, NAME_CHARACTERS), _checked(draft)
    if not words:
        raise Refused("A rule needs a name.")
    if RetentionRule.objects.count() >= MOST_RULES:
        raise Refused(f"There are {MOST_RULES} rules, which is the most. Delete one first.")
    try:
        with transaction.atomic():
            values = {"query": checked.query, "days": checked.days, "act": checked.act}
            rule = RetentionRule.objects.create(name=words, counted_from=checked.counted_from, **values, **actor.fields)
            record("retention.keep", actor, None, name=words, query=checked.query, days=checked.days, does=checked.act)
    except IntegrityError:
        raise Refused(f"There is a rule named “{words}” already.") from None
    return rule


def switch(rule: RetentionRule, actor: Actor, *, on: bool) -> None:
    """Have a rule run each day from now on, or no more."""
    check_can_edit(actor.person)
    with transaction.atomic():
        RetentionRule.objects.filter(pk=rule.pk).update(is_on=on)
        record("retention.keep", actor, None, name=rule.name, query=rule.query, days=rule.days, does=rule.act, on=on)


def drop(rule: RetentionRule, actor: Actor) -> None:
    """Delete a rule. What it did stays done."""
    check_can_edit(actor.person)
    with transaction.atomic():
        rule.delete()
        record("retention.drop", actor, None, name=rule.name)


def run(rule: RetentionRule) -> Job | None:
    """Begin a job that does what a rule says to what it finds now; None if it finds nothing, or cannot be read."""
    act = find(rule.act)
    problem, job = "" if act else "This program does not know the act any more.", None
    try:
        rows = sessions_of(Draft.of(rule))
        if act is not None and rows.exists():
            job = jobs.prepare(Actor(f"Rule of retention “{rule.name}”"), rows, act, chosen=rule.query)
            reason = f"rule of retention “{rule.name}”: {rule.days} days {rule.get_counted_from_display()}"
            jobs.start(job, Actor(job.actor), reason, typed=str(job.total))
    except Refused as error:  # the language has changed since, or there are too many
        problem = str(error)
    RetentionRule.objects.filter(pk=rule.pk).update(problem=problem)
    return job


def run_due(*, now: bool = False) -> list[Job]:
    """Run the rules that are on and have not run within a day; `now`: all that are on. Each is run by one process."""
    begun = []
    for rule in RetentionRule.objects.filter(is_on=True):
        free = RetentionRule.objects.filter(pk=rule.pk, is_on=True)
        if not now:
            free = free.filter(Q(ran_at=None) | Q(ran_at__lt=timezone.now() - EVERY))
        if free.update(ran_at=timezone.now()):
            begun.append(run(rule))
    return [job for job in begun if job is not None]


def _checked(draft: Draft) -> Draft:
    if draft.act not in RetentionRule.Act.values or draft.counted_from not in RetentionRule.CountedFrom.values:
        raise Refused("A rule archives or deletes, so many days after the last update or the beginning of a session.")
    if not 1 <= draft.days <= LONGEST_DAYS:
        raise Refused(f"A rule waits 1 to {LONGEST_DAYS:,} days.")
    return Draft(printed(_read(draft.query)), draft.days, draft.act, draft.counted_from)


def _read(text: str) -> Node | None:
    try:
        node = parse(text)
    except QueryError as error:
        raise Refused(error.sentence) from None
    if node is not None and _STARRED in leaves(node):
        raise Refused("Stars are everybody's own, so no rule can ask for them.")
    return node
