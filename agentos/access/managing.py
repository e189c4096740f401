"""Who may manage people. Each rule is a pair: `check_can_x()` raises `NotAllowed`, `can_x()` is a boolean."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.contrib.auth.models import Permission, User
from django.db.models import Q, QuerySet

from agentos.access.rights import APP, AnyUser, Right, rights_of
from agentos.access.rules import NotAllowed, check_has, check_sees_all

LAST: Final = (
    "{name} is the last person who manages people, so nobody could undo this. Make somebody else an admin first."
)
MORE: Final = "{name} may do more than you, so what they may do is changed by somebody who may do as much."
MORE_TO_GIVE: Final = "You can give only rights that you have. You lack: {rights}."


def check_can_manage_people(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may see who may do what, and change it: whoever sees every session."""
    check_has(user, Right.MANAGE_PEOPLE, "manage people")
    check_sees_all(user, "People are managed by those who see every session.")


def can_manage_people(user: AnyUser) -> bool:
    """Whether `check_can_manage_people` lets the user through."""
    return _passes(check_can_manage_people, user)


def check_can_manage(user: AnyUser, person: User) -> None:
    """Raise `NotAllowed` unless the user may change what this person may do: nobody who may do more than they."""
    check_can_manage_people(user)
    if not _held(person) <= rights_of(user).held:
        raise NotAllowed(MORE.format(name=person.get_username()))


def can_manage(user: AnyUser, person: User) -> bool:
    """Whether `check_can_manage` lets the user through."""
    return _passes(check_can_manage, user, person)


def check_can_give(user: AnyUser, rights: Iterable[Right]) -> None:
    """Raise `NotAllowed` unless the user may give these rights to somebody: they have to have them."""
    check_can_manage_people(user)
    lacking = sorted(set(rights) - rights_of(user).held)
    if lacking:
        raise NotAllowed(MORE_TO_GIVE.format(rights=", ".join(lacking)))


def can_give(user: AnyUser, rights: Iterable[Right]) -> bool:
    """Whether `check_can_give` lets the user through."""
    return _passes(check_can_give, user, rights)


def managers() -> QuerySet[User]:
    """Return who manages people: active, with the right to, and without a scope."""
    right = Permission.objects.filter(content_type__app_label=APP, codename=Right.MANAGE_PEOPLE)
    able = Q(is_superuser=True) | Q(groups__permissions__in=right)
    return User.objects.filter(able, is_active=True, binding=None, grants=None).distinct()


def check_can_be_shut_out(person: User) -> None:
    """Raise `NotAllowed` if nobody else would be left to manage people once this person did not any more."""
    if set(managers().values_list("pk", flat=True)) == {person.pk}:
        raise NotAllowed(LAST.format(name=person.get_username()))


def can_be_shut_out(person: User) -> bool:
    """Whether `check_can_be_shut_out` lets it happen."""
    return _passes(check_can_be_shut_out, person)


def _held(person: User) -> frozenset[Right]:
    """Return the rights of somebody's role, which they have again once their account is switched on."""
    groups = Permission.objects.filter(content_type__app_label=APP, group__user=person)
    codes = set(groups.values_list("codename", flat=True))
    return frozenset(right for right in Right if person.is_superuser or right in codes)


def _passes(check: Callable[..., None], *of: Any) -> bool:
    try:
        check(*of)
    except NotAllowed:
        return False
    return True
