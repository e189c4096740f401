"""The four roles. Each is a Django group, made by a migration, and has the rights of those before it."""

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User

AnyUser = AbstractBaseUser | AnonymousUser


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


def role_of(user: AnyUser) -> Role | None:
    """Return the user's role: admin for a superuser, else the highest of the groups, None without one.

    Read anew at every call, so that a role taken away counts at once, in an open stream as well.
    """
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    names = set(user.groups.filter(name__in=list(Role)).values_list("name", flat=True))
    return max((role for role in Role if role in names), key=lambda role: role.rank, default=None)


def has_role(user: AnyUser, role: Role) -> bool:
    """Whether the user's role includes `role`."""
    own = role_of(user)
    return own is not None and own.includes(role)


def give_role(user: User, role: Role) -> None:
    """Make `role` the user's one role, in place of any other."""
    user.groups.remove(*Group.objects.filter(name__in=[other for other in Role if other != role]))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
