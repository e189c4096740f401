"""The four roles. Each is a Django group, made by a migration, and has the rights of those before it."""

from django.contrib.auth.models import Group, User

from agentos.access.rights import AnyUser, Role, forget_rights, rights_of

__all__ = ["AnyUser", "Role", "give_role", "has_role", "role_of"]


def role_of(user: AnyUser) -> Role | None:
    """Return the user's role: admin for a superuser, else the highest of the groups, None without one."""
    return rights_of(user).role


def has_role(user: AnyUser, role: Role) -> bool:
    """Whether the user's role includes `role`."""
    own = role_of(user)
    return own is not None and own.includes(role)


def give_role(user: User, role: Role) -> None:
    """Make `role` the user's one role, in place of any other."""
    user.groups.remove(*Group.objects.filter(name__in=[other for other in Role if other != role]))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    forget_rights(user)
