"""What a user's tables say of them, read in one statement and once for each user object.

A request has a user object of its own, so a right taken away counts with the next request; an open stream looks again
with a new object every few seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from agentos.prepared import Prepared

AnyUser = AbstractBaseUser | AnonymousUser
# What a user's rights are read from: a row for each of their groups and grants.
COLUMNS: Final = ("groups__name", "binding__agno_user_id", "grants__kind", "grants__value")
_RIGHTS: Final = Prepared(lambda pk: User.objects.filter(pk=pk).values_list(*COLUMNS))
# Where a user object keeps what was read for it.
_KEPT: Final = "_agentos_rights"


class Role(StrEnum):
    """A role by the name of its group, in rising order of rights."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    MODERATOR = "moderator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The place in the order, from 0: a role includes every role of a lower rank."""
        return list(Role).index(self)

    def includes(self, other: "Role") -> bool:
        """Whether this role has the rights of `other`."""
        return self.rank >= other.rank


@dataclass(frozen=True)
class Rights:
    """A user's role, None without one; the Agno user they are bound to, None for nobody; their grants (kind, value)."""

    role: Role | None = None
    agno_user_id: str | None = None
    grants: frozenset[tuple[str, str]] = frozenset()


def rights_of(user: AnyUser) -> Rights:
    """Return the user's rights: the role is admin for a superuser, else the highest of the groups.

    Somebody who is not signed in, or no longer active, has none.
    """
    if not isinstance(user, User) or not user.is_active:
        return Rights()
    # By attribute: a request's user is an object around the user, made when it is first asked for.
    kept: Rights | None = getattr(user, _KEPT, None)
    return kept or keep_rights(user, _RIGHTS.rows(user.pk))


def forget_rights(user: User) -> None:
    """Have the rights of this very object read anew when they are asked for next."""
    if hasattr(user, _KEPT):
        delattr(user, _KEPT)


def keep_rights(user: User, rows: Sequence[tuple[Any, ...]]) -> Rights:
    """Keep with the user object what their rows of `COLUMNS` say; return it."""
    names = {row[0] for row in rows}
    grants = frozenset((row[2], row[3]) for row in rows if row[2] is not None)
    highest = max((role for role in Role if role in names), key=lambda role: role.rank, default=None)
    rights = Rights(Role.ADMIN if user.is_superuser else highest, next((row[1] for row in rows), None), grants)
    setattr(user, _KEPT, rights)
    return rights
