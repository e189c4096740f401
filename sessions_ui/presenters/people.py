"""The people of this program as its pages list them: role, scope, binding, when they were last here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agentos.access.groups import Kept, kept
from agentos.access.managing import check_can_be_shut_out, check_can_give, check_can_manage
from agentos.access.models import ApiToken, BrowserSession, Grant, Identity, SignInLink
from agentos.access.oidc import check_can_change_role, setup
from agentos.access.people import target_of
from agentos.access.rights import RIGHTS, Right, Role
from agentos.access.rules import NotAllowed
from agentos.audit.acts import find
from agentos.audit.models import Entry

PAGE: Final = 100
SHOWS: Final = {"active": "Active", "off": "Switched off", "all": "All"}
# Entries of the log on the page of a person.
_HISTORY: Final = 20


@dataclass(frozen=True)
class Line:
    """Somebody in the list. `seen`: when they were last here by what is known, None for never.

    `by_sign_on`: their role is what their groups at the provider of single sign-on say.
    """

    user: User
    role: str
    agno_user_id: str | None
    grants: list[Grant]
    seen: datetime | None
    browsers: int
    by_sign_on: bool = False

    @property
    def as_data(self) -> dict[str, Any]:
        """The line as data."""
        return {
            "id": self.user.pk,
            "username": self.user.get_username(),
            "active": self.user.is_active,
            "role": self.role or None,
            "role_by_single_sign_on": self.by_sign_on,
            "user_id": self.agno_user_id,
            "scopes": [str(grant) for grant in self.grants],
            "last_seen": self.seen.isoformat() if self.seen else None,
            "sessions": self.browsers,
        }


@dataclass(frozen=True)
class Listed:
    """A page of the list. `next`: the name behind which the next one begins, "" at the end."""

    lines: list[Line]
    next: str = ""


def listed(find: str, show: str, after: str) -> Listed:
    """Return people by name: those whose name holds `find`, behind the name `after`; by a bounded number of queries."""
    people = User.objects.order_by("username").filter(username__gt=after)
    if show in ("active", "off"):
        people = people.filter(is_active=show == "active")
    if find:
        people = people.filter(username__icontains=find)
    rows = list(_told(people)[: PAGE + 1])
    return Listed([line_of(row) for row in rows[:PAGE]], rows[PAGE - 1].username if len(rows) > PAGE else "")


def _told(people: QuerySet[User]) -> QuerySet[User]:
    """Return the people with all that a line says of them."""
    said = Entry.objects.filter(actor=OuterRef("username"), actor_id=OuterRef("pk")).order_by("-number")
    open_ones = BrowserSession.objects.filter(user=OuterRef("pk"), expire_date__gt=timezone.now()).order_by()
    provider = setup()
    known = Identity.objects.filter(user=OuterRef("pk"), issuer=provider.issuer if provider else None)
    newest = BrowserSession.objects.filter(user=OuterRef("pk")).order_by("-seen_at")
    return (
        people.select_related("binding")
        .prefetch_related("groups", "grants")
        .annotate(
            browsers=Subquery(open_ones.values("user").annotate(number=Count("pk")).values("number")),
            browser_seen=Subquery(newest.values("seen_at")[:1]),
            last_act=Subquery(said.values("at")[:1]),
            by_sign_on=Exists(known),
        )
    )


def line_of(user: Any) -> Line:
    """Return the line of a user that `_told` has read."""
    binding = getattr(user, "binding", None)
    names = ", ".join(sorted(group.name for group in user.groups.all()))
    return Line(
        user=user,
        role="superuser" if user.is_superuser else names,
        agno_user_id=binding.agno_user_id if binding else None,
        grants=sorted(user.grants.all(), key=str),
        seen=max(filter(None, (user.browser_seen, user.last_act, user.last_login)), default=None),
        browsers=user.browsers or 0,
        by_sign_on=user.by_sign_on,
    )


@dataclass(frozen=True)
class Told:
    """An entry of the audit log with its sentence."""

    entry: Entry
    sentence: str


@dataclass(frozen=True)
class Person:
    """The page of one person. `why_not`: why the reader changes nothing about them; `why_stays`: why they are not shut
    out, demoted or narrowed; `why_role_stays`: why nobody changes their role here; "" for no reason.
    `roles`: those the reader may give, and why not the others."""

    line: Line
    why_not: str
    why_stays: str
    why_role_stays: str
    roles: list[tuple[Kept, str]]
    browsers: list[BrowserSession]
    tokens: list[ApiToken]
    links: list[SignInLink]
    history: list[Told]
    kinds: list[tuple[str, str]] = field(default_factory=lambda: [(one.value, str(one.label)) for one in Grant.Kind])

    @property
    def as_data(self) -> dict[str, Any]:
        """The page as data: of tokens and links, that they are there."""
        return {
            **self.line.as_data,
            "grants": [{"id": one.pk, "kind": one.kind, "value": one.value} for one in self.line.grants],
            "browsers": [
                {"address": one.address, "since": one.since.isoformat(), "last_seen": one.seen_at.isoformat()}
                for one in self.browsers
            ],
            "tokens": [{"id": one.pk, "created_at": one.created_at.isoformat()} for one in self.tokens],
            "links": [{"expires_at": one.expires_at.isoformat()} for one in self.links],
        }


def person(reader: User, key: int) -> Person | None:
    """Return the page of a person as the reader, who manages people, sees it; None if there is nobody."""
    user = _told(User.objects.filter(pk=key)).first()
    if user is None:
        return None
    now = timezone.now()
    return Person(
        line=line_of(user),
        why_not=_why_not(check_can_manage, reader, user),
        why_stays=_why_not(check_can_be_shut_out, user),
        why_role_stays=_why_not(check_can_change_role, user),
        roles=[(role, _why_not(check_can_give, reader, role.rights)) for role in kept()],
        browsers=list(user.browser_sessions.filter(expire_date__gt=now).defer("session_data").order_by("-seen_at")),
        tokens=list(user.api_tokens.order_by("-pk")),
        links=list(user.sign_in_links.filter(Q(used_at=None), expires_at__gt=now).order_by("-pk")),
        history=_history(user),
    )


@dataclass(frozen=True)
class RightLine:
    """A right with what it allows, and which of the roles give it, in their order."""

    right: Right
    what: str
    given: Sequence[bool]


def rights_table(roles: Sequence[Kept]) -> list[RightLine]:
    """Return each right with which of the roles give it."""
    return [RightLine(right, what, [right in role.rights for role in roles]) for right, (_, what) in RIGHTS.items()]


def role_names() -> list[str]:
    """Return the names of all roles, those that are there from the start first."""
    names = list(Group.objects.values_list("name", flat=True))
    return sorted(names, key=lambda name: (Role(name).rank if name in set(Role) else len(Role), name))


def _history(user: User) -> list[Told]:
    """Return what was changed about somebody, the last first: read along the index of acts about rights."""
    entries = Entry.objects.filter(kind="rights", object=target_of(user).object).order_by("-number")[:_HISTORY]
    return [Told(one, act.told(one.facts) if (act := find(one.act)) else one.act) for one in entries]


def _why_not(check: Any, *of: Any) -> str:
    try:
        check(*of)
    except NotAllowed as error:
        return str(error)
    return ""
