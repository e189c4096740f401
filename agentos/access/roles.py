"""Roles are Django groups. Four are there from the start; a company makes others, of the rights that it likes."""

from typing import Any

from django.apps import apps as all_apps
from django.contrib.auth.models import Group, User
from django.db import DEFAULT_DB_ALIAS

from agentos.access.rights import APP, PARTS, RIGHTS, AnyUser, Right, Role, forget_rights, has_right, rights_of

__all__ = ["AnyUser", "Right", "Role", "give_role", "has_right", "make_rights", "rights_in", "rights_of"]


def make_rights(*, apps: Any = all_apps, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Make the permissions that are not there yet, and give each to the roles that begin with it.

    Called after each `manage.py migrate`. What somebody has changed since about a role stays: only a right that is new
    is given to it. One that was a part of another until now is given to every role that has the other one.
    """
    try:
        group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
        content_type, _grant = apps.get_model("contenttypes", "ContentType"), apps.get_model(APP, "Grant")
    except LookupError:  # migrated to a time before them
        return
    if using != DEFAULT_DB_ALIAS:
        return
    of_grants, _ = content_type.objects.get_or_create(app_label=APP, model="grant")
    known = set(permission.objects.filter(content_type=of_grants).values_list("codename", flat=True))
    new = {right: what for right, what in RIGHTS.items() if right not in known}
    if not new:
        return
    permission.objects.bulk_create(
        permission(content_type=of_grants, codename=right, name=what) for right, (_, what) in new.items()
    )
    for role in Role:
        given = [right for right, (lowest, _) in new.items() if role.includes(lowest)]
        made, _ = group.objects.get_or_create(name=role)
        made.permissions.add(*permission.objects.filter(content_type=of_grants, codename__in=given))
    for part, whole in PARTS.items():
        if part in new and whole in known:
            those = group.objects.filter(permissions__content_type=of_grants, permissions__codename=whole)
            permission.objects.get(content_type=of_grants, codename=part).group_set.add(*those)


def give_role(user: User, role: str) -> None:
    """Make `role`, the name of a group, the user's one role, in place of any other. Raises Group.DoesNotExist."""
    user.groups.set([Group.objects.get(name=role)])
    forget_rights(user)


def rights_in(group: Group) -> frozenset[Right]:
    """Return the rights that a role gives."""
    codes = set(group.permissions.filter(content_type__app_label=APP).values_list("codename", flat=True))
    return frozenset(right for right in Right if right in codes)
