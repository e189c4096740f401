"""Changing who people are here: each act is allowed, whole, on record, and ends what they were signed in with.

What is refused is refused with a plain sentence: `NotAllowed` for who acts, `Refused` for what was asked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from agentos.access import acts  # noqa: F401  # what is recorded has to be registered
from agentos.access.managing import LAST, check_can_give, check_can_manage, managers
from agentos.access.models import ApiToken, Binding, Grant, SignInLink
from agentos.access.oidc import check_can_change_role
from agentos.access.rights import forget_rights, rights_of
from agentos.access.roles import give_role, rights_in
from agentos.access.rules import NotAllowed
from agentos.access.signed_in import end_sessions
from agentos.audit import service as audit
from agentos.audit.service import Target

SHORTEST_REASON: Final = 5
LONGEST_REASON: Final = 1_000
LONGEST_VALUE: Final = 500


class Refused(Exception):
    """It cannot be done so; `str()` is a plain sentence that says why."""


@dataclass(frozen=True)
class Manager:
    """Who changes something about people, and from which address."""

    user: User
    origin: str = ""

    def record(self, act: str, person: User, reason: str = "", **facts: Any) -> None:
        """Put an act on record; the last thing of a change. `before`, `after` are what changed, the rest details."""
        before, after = facts.pop("before", None), facts.pop("after", None)
        audit.record(
            act,
            actor=self.user.get_username(),
            actor_id=self.user.pk,
            on=target_of(person),
            reason=reason,
            before=before,
            after=after,
            details={"name": person.get_username(), **facts},
            origin=self.origin,
        )


def target_of(person: User) -> Target:
    """Return a person as what something is done to."""
    return Target(object=f"user {person.get_username()}")


def create(manager: Manager, name: str, role: str) -> User:
    """Make an account with a role and without a password: a one-time link signs its owner in."""
    group = _group(role)
    check_can_give(manager.user, rights_in(group))
    with transaction.atomic():
        made = new_user(name, group.name)
        manager.record("person.created", made, role=group.name)
    return made


def new_user(name: str, role: str) -> User:
    """Store a user with a role and no password. Raises `Refused` for a name that Django does not allow."""
    made = User(username=name)
    made.set_unusable_password()
    try:
        made.full_clean()
    except ValidationError as error:
        raise Refused(f"{name!r} cannot be a user: {' '.join(error.messages)}") from error
    made.save()
    give_role(made, role)
    return made


def change_role(manager: Manager, person: User, role: str, reason: str) -> None:
    """Give somebody another role, in place of those they have."""
    group, why = _group(role), reason_of(reason)
    check_can_give(manager.user, rights_in(group))
    with _changed(manager, person):
        check_can_change_role(person)
        before = ", ".join(rights_of(person).groups)
        if before == group.name:
            raise Refused(f"{person.get_username()} has the role {group.name} already.")
        with _somebody_left(person):
            give_role(person, group.name)
        manager.record("person.role", person, why, role=group.name, before=before, after=group.name)


def grant(manager: Manager, person: User, kind: str, value: str, reason: str) -> None:
    """Narrow what somebody sees to a part of the sessions, or widen the part by another of its kind."""
    why, name = reason_of(reason), value.strip()
    if kind not in Grant.Kind.values:
        raise Refused("Choose what the scope names.")
    if not 0 < len(name) <= LONGEST_VALUE or not name.isprintable():
        raise Refused(f"A scope names something in 1 to {LONGEST_VALUE} characters on one line.")
    with _changed(manager, person):
        with _somebody_left(person):
            made, is_new = Grant.objects.get_or_create(user=person, kind=kind, value=name)
        if not is_new:
            raise Refused(f"{person.get_username()} sees {made} already.")
        manager.record("person.granted", person, why, scope=str(made))


def ungrant(manager: Manager, person: User, key: int, reason: str) -> None:
    """Take back one part of what somebody sees. Without any left they see everything, which the page says before."""
    why = reason_of(reason)
    with _changed(manager, person):
        found = person.grants.filter(pk=key).first()
        if found is None:
            raise Refused("That scope was taken back already.")
        found.delete()
        manager.record("person.ungranted", person, why, scope=str(found))


def bind(manager: Manager, person: User, agno_user_id: str, reason: str) -> None:
    """Bind somebody to an Agno user, whose sessions are then all they see; "" for to nobody."""
    why, who = reason_of(reason), agno_user_id.strip()
    if len(who) > LONGEST_VALUE or not who.isprintable():
        raise Refused(f"The id of an Agno user has at most {LONGEST_VALUE} characters on one line.")
    with _changed(manager, person):
        before = rights_of(person).agno_user_id
        if before == (who or None):
            raise Refused(f"{person.get_username()} is bound so already.")
        if not who:
            Binding.objects.filter(user=person).delete()
            manager.record("person.unbound", person, why, before=before)
            return
        with _somebody_left(person):
            Binding.objects.update_or_create(user=person, defaults={"agno_user_id": who})
        manager.record("person.bound", person, why, agno_user_id=who, before=before, after=who)


def switch_off(manager: Manager, person: User, reason: str) -> None:
    """Shut somebody out: browsers, tokens and links of theirs are of no use any more."""
    why = reason_of(reason)
    with _changed(manager, person):
        if not person.is_active:
            raise Refused("The account is switched off already.")
        with _somebody_left(person):
            _set_active(person, False)
        tokens, links = person.api_tokens.all().delete()[0], _open_links(person).delete()[0]
        manager.record("person.switched_off", person, why, tokens=tokens, links=links)


def switch_on(manager: Manager, person: User, reason: str) -> None:
    """Let somebody in again, with the role and scope they had."""
    why = reason_of(reason)
    with _changed(manager, person):
        if person.is_active:
            raise Refused("The account is switched on already.")
        _set_active(person, True)
        manager.record("person.switched_on", person, why)


def sign_out(manager: Manager, person: User) -> int:
    """Sign somebody out of every browser; return of how many."""
    check_can_manage(manager.user, person)
    with transaction.atomic():
        count = end_sessions(person)
        manager.record("person.signed_out", person, count=count)
    return count


def revoke_tokens(manager: Manager, person: User) -> int:
    """Take back somebody's API tokens; return how many there were."""
    check_can_manage(manager.user, person)
    with transaction.atomic():
        count, _ = ApiToken.objects.filter(user=person).delete()
        manager.record("token.revoked", person, count=count)
    return count


def revoke_links(manager: Manager, person: User) -> int:
    """Take back the sign-in links that nobody used yet; return how many there were."""
    check_can_manage(manager.user, person)
    with transaction.atomic():
        count, _ = _open_links(person).delete()
        manager.record("link.revoked", person, count=count)
    return count


def issue_link(manager: Manager, person: User) -> str:
    """Return the token of a link that signs somebody in once; it exists nowhere else."""
    check_can_manage(manager.user, person)
    if not person.is_active:
        raise Refused("The account is switched off, so no link signs anybody in with it.")
    with transaction.atomic():
        token = SignInLink.objects.all().issue(person)
        manager.record("link.issued", person)
    return token


def reason_of(text: str) -> str:
    """Return a reason on one line. Raises `Refused` if it says too little or too much."""
    words = " ".join(text.split())
    if not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise Refused(f"Say why in {SHORTEST_REASON} to {LONGEST_REASON:,} characters: it is kept with what was done.")
    return words


@contextmanager
def _changed(manager: Manager, person: User) -> Iterator[None]:
    """Do what follows as a whole, one manager at a time; then the person has to sign in again.

    Who manages people is locked: two of them who demote each other at once are one after the other.
    """
    with transaction.atomic():
        keys = {*managers().values_list("pk", flat=True), person.pk}
        list(User.objects.select_for_update().filter(pk__in=keys).order_by("pk").values_list("pk"))
        person.refresh_from_db()
        check_can_manage(manager.user, person)
        yield
        end_sessions(person)


@contextmanager
def _somebody_left(person: User) -> Iterator[None]:
    """Raise `NotAllowed` if what is done inside leaves nobody to manage people."""
    before = managers().exists()
    yield
    if before and not managers().exists():
        raise NotAllowed(LAST.format(name=person.get_username()))


def _set_active(person: User, is_active: bool) -> None:
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    forget_rights(person)


def _open_links(person: User) -> QuerySet[SignInLink]:
    return person.sign_in_links.filter(used_at=None)


def _group(name: str) -> Group:
    found = Group.objects.filter(name=name).first()
    if found is None:
        raise Refused("There is no such role.")
    return found
