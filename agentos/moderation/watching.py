"""Rules that flag by themselves: a query each, asked of sessions that are new or changed since the rule last looked.

Whoever follows the sources calls `run_due` after each look. A rule looks at rows by when they were derived, some at a
time, and flags a session once. The newest rows are looked at twice: one may become visible after a later one.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from agentos.access.roles import AnyUser
from agentos.access.rules import scope_of
from agentos.catalog.keys import one_line
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.errors import QueryError
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import Exact, Node, Term, leaves
from agentos.catalog.timebox import timebox
from agentos.moderation.acting import Actor, Refused, record
from agentos.moderation.flags import flag_by_rule
from agentos.moderation.models import NAME_CHARACTERS, Flag, FlagReason, FlagRule
from agentos.moderation.rules import check_can_moderate

MOST_RULES: Final = 50
# Sessions a rule looks at by one statement.
AT_ONCE: Final = 500
# Rows of so many seconds are looked at again.
AGAIN: Final = timedelta(seconds=60)
# A new rule flags what is there already only if it is no more than this.
MOST_AT_FIRST: Final = 200
SHOWN: Final = 20
COUNTING_SECONDS: Final = 1.0
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class DryRun:
    """What a query would flag now: how many sessions (None: too many to count in time), and those updated last."""

    query: str
    count: int | None
    rows: list[CatalogSession]

    @property
    def may_flag_all(self) -> bool:
        """Whether a rule may begin by flagging all of them."""
        return self.count is not None and self.count <= MOST_AT_FIRST


def dry_run(user: AnyUser, text: str) -> DryRun:
    """Return what a rule with this query would flag if it looked at every session. Raises `Refused` for a bad query."""
    query = ListQuery.of(_read(text))
    rows = CatalogSession.objects.visible_to(user).filtered(query)
    with timebox(COUNTING_SECONDS) as box:
        count = rows.order_by().count()
    shown = list(rows.order_by("-updated_at", "-id").only("source", "session_id", "title", "session_type")[:SHOWN])
    return DryRun(query.text, None if box.over else count, shown)


def keep_rule(actor: Actor, name: str, text: str, reason: str, *, from_the_start: bool = False) -> FlagRule:
    """Make a rule. `from_the_start`: it flags what is there already, too.

    Raises:
        NotAllowed: no moderator.
        Refused: a bad name, query or reason, too many rules, or too much to flag from the start.
    """
    check_can_moderate(actor.person)
    if not scope_of(actor.person).everything:
        raise Refused("A rule looks at every session, so it is made by somebody who sees them all.")
    words, query = one_line(name, NAME_CHARACTERS), printed(_read(text))
    if not words:
        raise Refused("A rule needs a name.")
    if not FlagReason.objects.filter(name=reason, in_use=True).exists():
        raise Refused("Choose a reason from the list.")
    if FlagRule.objects.count() >= MOST_RULES:
        raise Refused(f"There are {MOST_RULES} rules, which is the most. Delete one first.")
    if from_the_start and not dry_run(actor.person, query).may_flag_all:
        raise Refused(f"It would flag more than {MOST_AT_FIRST} sessions at once. Narrow it, or begin with new ones.")
    begin = _BEGINNING if from_the_start else timezone.now()
    try:
        with transaction.atomic():
            rule = FlagRule.objects.create(name=words, query=query, reason=reason, seen_until=begin, **actor.fields)
            record("rule.keep", actor, None, name=words, query=query)
    except IntegrityError:
        raise Refused(f"There is a rule named “{words}” already.") from None
    return rule


def switch(rule: FlagRule, actor: Actor, *, on: bool) -> None:
    """Have a rule look, from now on, or no more."""
    check_can_moderate(actor.person)
    with transaction.atomic():
        FlagRule.objects.filter(pk=rule.pk).update(is_on=on, **({"seen_until": timezone.now()} if on else {}))
        record("rule.keep", actor, None, name=rule.name, query=rule.query, on=on)


def drop(rule: FlagRule, actor: Actor) -> None:
    """Delete a rule. What it flagged stays."""
    check_can_moderate(actor.person)
    with transaction.atomic():
        rule.delete()
        record("rule.drop", actor, None, name=rule.name)


def run_due(budget: float | None) -> int:
    """Let every rule look at what is new, for `budget` seconds in all (None: to the end); return how many it flagged.

    What does not fit is looked at the next time: a rule goes on where it was.
    """
    deadline = None if budget is None else time.monotonic() + budget
    flagged = 0
    for rule in FlagRule.objects.filter(is_on=True).order_by("seen_until"):
        flagged += _look(rule, deadline)
        if _is_over(deadline):
            break
    return flagged


def _look(rule: FlagRule, deadline: float | None) -> int:
    try:
        node = _read(rule.query)
    except Refused as error:  # the language has changed since
        FlagRule.objects.filter(pk=rule.pk).update(problem=str(error))
        return 0
    began, flagged = timezone.now(), 0
    seen, key = rule.seen_until, 0
    while rows := list(_after(seen, key)):
        flagged += _flag(rule, node, [pk for pk, _ in rows])
        key, seen = rows[-1]
        if _is_over(deadline):
            break
    until = min(seen, began - AGAIN)
    if until > rule.seen_until:
        FlagRule.objects.filter(pk=rule.pk).update(seen_until=until)
    return flagged


def _after(seen: datetime, key: int) -> Iterable[tuple[int, datetime]]:
    rows = CatalogSession.objects.filter(indexed_at__gte=seen).exclude(indexed_at=seen, pk__lte=key)
    return rows.order_by("indexed_at", "pk").values_list("pk", "indexed_at")[:AT_ONCE]


def _flag(rule: FlagRule, node: Node, keys: list[int]) -> int:
    matching = CatalogSession.objects.filter(pk__in=keys).filtered(ListQuery.of(node))
    rows = list(matching.only("source", "session_id", "session_key", "title"))
    before = Flag.objects.filter(rule=rule, subject__session_key__in=[row.session_key for row in rows])
    known = set(before.values_list("subject__source", "subject__session_key")) if rows else set()
    new = [row for row in rows if (row.source, row.session_key) not in known]
    return sum(flag_by_rule(row.source, row.session_id, rule, row.title) is not None for row in new)


def _read(text: str) -> Node:
    try:
        node = parse(text)
    except QueryError as error:
        raise Refused(error.sentence) from None
    if node is None:
        raise Refused("A rule needs a query: without one it would flag every session.")
    if Term("is", Exact("starred")) in leaves(node):
        raise Refused("Stars are everybody's own, so no rule can ask for them.")
    return node


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline
