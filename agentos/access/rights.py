"""What a user's tables say of them, read in one statement and once for each user object.

A request has a user object of its own, so a right taken away counts with the next request; an open stream looks again
with a new object every few seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Permission, User
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import OuterRef, Subquery
from django.db.models.sql.compiler import SQLCompiler

from agentos.masking.config import notice
from agentos.masking.models import MaskState
from agentos.prepared import Prepared

AnyUser = AbstractBaseUser | AnonymousUser
# The app whose permissions the rights are.
APP: Final = "access"
# Where a user object keeps what was read for it.
_KEPT: Final = "_agentos_rights"


class Role(StrEnum):
    """A role that is there from the start, by the name of its group, in rising order of rights."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    MODERATOR = "moderator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The place in the order, from 0: a role begins with every right of those of a lower rank."""
        return list(Role).index(self)

    def includes(self, other: "Role") -> bool:
        """Whether this role begins with the rights of `other`."""
        return self.rank >= other.rank


class Right(StrEnum):
    """One thing that people may do, by the codename of its Django permission. `RIGHTS` says what each allows."""

    READ = "read_sessions"
    EXPORT = "export_sessions"
    FLAG = "flag_sessions"
    CONTINUE = "continue_sessions"
    SPEAK = "speak_as_operator"
    CHANGE_STATE = "change_state"
    ANNOTATE = "annotate_sessions"
    APPROVE = "approve_calls"
    CHOOSE_ANSWERER = "choose_answerer"
    IMPORT = "import_sessions"
    SHARE_VIEWS = "share_views"
    SEE_SETTINGS = "see_settings"
    MODERATE = "moderate_sessions"
    REDACT = "redact_sessions"
    SEE_SECRETS = "see_secrets"
    READ_AUDIT = "read_audit"
    ERASE = "erase_sessions"
    EDIT_RETENTION = "edit_retention"
    SEE_JOBS = "see_jobs"
    EDIT_MASKS = "edit_masks"
    EDIT_PRICES = "edit_prices"
    SEE_ADDRESSES = "see_addresses"
    WITHDRAW_VIEWS = "withdraw_views"
    MANAGE_PEOPLE = "manage_people"


# The lowest role that begins with a right, and what the right allows. `manage.py migrate` makes permissions of them.
RIGHTS: Final[dict[Right, tuple[Role, str]]] = {
    Right.READ: (Role.VIEWER, "Read sessions, search them, save views"),
    Right.EXPORT: (Role.VIEWER, "Export sessions as files"),
    Right.FLAG: (Role.VIEWER, "Flag sessions for a look"),
    Right.CONTINUE: (Role.OPERATOR, "Continue, begin, name and fork sessions"),
    Right.SPEAK: (Role.OPERATOR, "Answer in a session in the agent's place"),
    Right.CHANGE_STATE: (Role.OPERATOR, "Change the state of a session by hand"),
    Right.ANNOTATE: (Role.OPERATOR, "Put tags and notes on sessions"),
    Right.APPROVE: (Role.OPERATOR, "Decide on calls that need an approval"),
    Right.CHOOSE_ANSWERER: (Role.OPERATOR, "Say who answers in a session"),
    Right.IMPORT: (Role.OPERATOR, "Import sessions"),
    Right.SHARE_VIEWS: (Role.OPERATOR, "Share saved views"),
    Right.SEE_SETTINGS: (Role.OPERATOR, "See how this program is set up"),
    Right.MODERATE: (Role.MODERATOR, "Decide on cases; hold, hide, archive and take over sessions; suspend users"),
    Right.REDACT: (Role.MODERATOR, "Redact what was said in sessions, for good"),
    Right.SEE_SECRETS: (Role.MODERATOR, "Have masked secrets shown, which is on record"),
    Right.READ_AUDIT: (Role.MODERATOR, "Read and export the audit log"),
    Right.ERASE: (Role.ADMIN, "Delete sessions for good"),
    Right.EDIT_RETENTION: (Role.ADMIN, "Make rules of retention"),
    Right.SEE_JOBS: (Role.ADMIN, "See and stop the jobs of others"),
    Right.EDIT_MASKS: (Role.ADMIN, "Choose what is masked as a secret"),
    Right.EDIT_PRICES: (Role.ADMIN, "Change what models cost"),
    Right.SEE_ADDRESSES: (Role.ADMIN, "See where databases and servers are"),
    Right.WITHDRAW_VIEWS: (Role.ADMIN, "Take back views that others share"),
    Right.MANAGE_PEOPLE: (Role.ADMIN, "Give roles and scopes, and shut people out"),
}

# Rights that were a part of another until they came to be: whoever has the other one keeps what they could do.
PARTS: Final = {Right.EXPORT: Right.READ}


@dataclass(frozen=True)
class Rights:
    """What a user may do, and in which sessions.

    `role`: the highest of those that are there from the start, None without one. `groups`: the names of all of their
    groups. `agno_user_id`: the Agno user they are bound to, None for nobody. `grants`: kind and value of each.
    """

    role: Role | None = None
    held: frozenset[Right] = frozenset()
    groups: tuple[str, ...] = ()
    agno_user_id: str | None = None
    grants: frozenset[tuple[str, str]] = frozenset()

    @property
    def is_narrowed(self) -> bool:
        """Whether they may see only a part of the sessions."""
        return self.agno_user_id is not None or bool(self.grants)

    @property
    def label(self) -> str:
        """What to call their role; "" without one."""
        return self.role or ", ".join(self.groups)


class _Held(Subquery):
    """The codenames of the rights that the groups of a user give, with commas between them; NULL for none."""

    def __init__(self) -> None:
        held = Permission.objects.filter(content_type__app_label=APP, group__user=OuterRef("pk"))
        super().__init__(held.order_by().values("codename"))

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **options: Any) -> Any:
        """SQLite's word for it."""
        return self.as_sql(compiler, connection, "(SELECT GROUP_CONCAT(codename) FROM (%(subquery)s) held)", **options)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **options: Any) -> Any:
        """PostgreSQL's."""
        template = "(SELECT STRING_AGG(codename, ',') FROM (%(subquery)s) held)"
        return self.as_sql(compiler, connection, template, **options)


def columns() -> tuple[Any, ...]:
    """Return what of a user their rights are read from; there is a row for each of their groups and grants.

    The last one is of nobody: whether something else is masked by now, which every page has to know.
    """
    masks = Subquery(MaskState.objects.filter(pk=1).values("token"))
    return "groups__name", _Held(), "binding__agno_user_id", "grants__kind", "grants__value", masks


_RIGHTS: Final = Prepared(lambda pk: User.objects.filter(pk=pk).values_list(*columns()))


def rights_of(user: AnyUser) -> Rights:
    """Return the user's rights: those of their groups, all for a superuser.

    Somebody who is not signed in, or no longer active, has none.
    """
    if not isinstance(user, User) or not user.is_active:
        return Rights()
    # By attribute: a request's user is an object around the user, made when it is first asked for.
    kept: Rights | None = getattr(user, _KEPT, None)
    return kept or keep_rights(user, _RIGHTS.rows(user.pk))


def has_right(user: AnyUser, right: Right) -> bool:
    """Whether the user may do that, as far as their groups say; in which sessions, `rules.scope_of` says."""
    return right in rights_of(user).held


def forget_rights(user: User) -> None:
    """Have the rights of this very object read anew when they are asked for next."""
    if hasattr(user, _KEPT):
        delattr(user, _KEPT)


def keep_rights(user: User, rows: Sequence[tuple[Any, ...]]) -> Rights:
    """Keep with the user object what their rows of `columns()` say; return it."""
    notice(next((row[5] or "" for row in rows), ""))
    names = {row[0] for row in rows if row[0] is not None}
    codes = set((rows[0][1] or "").split(",")) if rows else set()
    rights = Rights(
        role=Role.ADMIN if user.is_superuser else max(names & set(Role), key=_rank, default=None),
        held=frozenset(right for right in Right if user.is_superuser or right in codes),
        groups=tuple(sorted(names)),
        agno_user_id=next((row[2] for row in rows), None),
        grants=frozenset((row[3], row[4]) for row in rows if row[3] is not None),
    )
    setattr(user, _KEPT, rights)
    return rights


def _rank(name: str) -> int:
    return Role(name).rank
