"""The roles themselves: a company makes its own, of rights that whoever makes them has, and changes those it has."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Count, QuerySet

from agentos.access.managing import check_can_give, managers
from agentos.access.people import Manager, Refused, reason_of
from agentos.access.rights import APP, Right, Role
from agentos.access.roles import rights_in
from agentos.audit import service as audit
from agentos.audit.service import Target

LONGEST_NAME: Final = 60
MOST: Final = 50


@dataclass(frozen=True)
class Kept:
    """A role: its key, its name, the rights it gives, and how many people have it."""

    pk: int
    name: str
    rights: frozenset[Right]
    people: int

    @property
    def is_first(self) -> bool:
        """Whether it is one of those that are there from the start, which are not deleted."""
        return self.name in set(Role)


def kept() -> list[Kept]:
    """Return all roles: those that are there from the start by their rank, then the others by name."""
    found = [
        Kept(group.pk, group.name, rights_in(group), group.people)
        for group in Group.objects.annotate(people=Count("user", distinct=True))
    ]
    return sorted(found, key=lambda one: (Role(one.name).rank if one.is_first else len(Role), one.name))


def keep(manager: Manager, name: str, rights: Iterable[str], reason: str) -> Group:
    """Make a role, or give the one of that name these rights in place of those it has.

    Raises:
        NotAllowed: the manager lacks one of the rights, or nobody would be left to manage people.
        Refused: a bad name, right or reason, or too many roles.
    """
    why, words = reason_of(reason), " ".join(name.split())
    if not 0 < len(words) <= LONGEST_NAME or not words.isprintable():
        raise Refused(f"A role has a name of 1 to {LONGEST_NAME} characters.")
    wanted = frozenset(Right(one) for one in rights if one in set(Right))
    if not wanted:
        raise Refused("A role gives at least one right.")
    check_can_give(manager.user, wanted)
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(name=words).first()
        before = rights_in(group) if group else frozenset()
        check_can_give(manager.user, before)
        if group is None and Group.objects.count() >= MOST:
            raise Refused(f"There are {MOST} roles, which is the most. Delete one first.")
        group = group or Group.objects.create(name=words)
        others = group.permissions.exclude(content_type__app_label=APP)
        group.permissions.set([*others, *_permissions(wanted)])
        if not managers().exists():
            raise Refused("Nobody would be left to manage people. Leave that right in a role that somebody has.")
        _record(manager, "role.kept", words, why, before, wanted)
    return group


def drop(manager: Manager, name: str, reason: str) -> None:
    """Delete a role that nobody has. Raises `Refused` for one that somebody has, or that is there from the start."""
    why = reason_of(reason)
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(name=name).first()
        if group is None or name in set(Role):
            raise Refused("There is no such role to delete.")
        if count := group.user_set.count():
            raise Refused(f"{count} people have this role. Give them another one first.")
        before = rights_in(group)
        check_can_give(manager.user, before)
        group.delete()
        _record(manager, "role.dropped", name, why, before, frozenset())


def _permissions(rights: frozenset[Right]) -> QuerySet[Permission]:
    return Permission.objects.filter(content_type__app_label=APP, codename__in=rights)


def _record(
    manager: Manager, act: str, name: str, reason: str, before: frozenset[Right], after: frozenset[Right]
) -> None:
    audit.record(
        act,
        actor=manager.user.get_username(),
        actor_id=manager.user.pk,
        on=Target(object=f"role {name}"),
        reason=reason,
        before=sorted(before),
        after=sorted(after),
        details={"role": name},
        origin=manager.origin,
    )
