"""Who of a provider's people is who here, and their role: settled anew each time they sign in, whole and on record.

A person is known by issuer and `sub` alone. Whoever comes for the first time is a new person, whatever name or e-mail
address they bring: an account that is here already is never taken over.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from agentos.access.models import Identity
from agentos.access.oidc import Setup
from agentos.access.people import Refused, new_user, target_of
from agentos.access.rights import forget_rights, rights_of
from agentos.access.roles import give_role
from agentos.access.signed_in import end_sessions
from agentos.audit import service as audit

ACTOR: Final = "single sign-on"
NO_GROUP: Final = "None of your groups may sign in here. Ask an administrator which one may."
SWITCHED_OFF: Final = "Your account is switched off here. Ask an administrator."
NO_SUCH_ROLE: Final = "The role that your groups give is not there. Ask an administrator to look at the log."
LONGEST_NAME: Final = 140
MOST_ATTEMPTS: Final = 10
logger = logging.getLogger(__name__)


class Failed(Exception):
    """The provider did not say who it is; `str()` is a plain sentence that says why.

    `status`: that of the answer. `why`: what is put on record.
    """

    def __init__(self, sentence: str, status: int, why: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.why = why


class TurnedAway(Exception):
    """The provider says who it is, and they may not sign in here; `str()` is a plain sentence that says why."""


@dataclass(frozen=True)
class Claimed:
    """Somebody as their provider tells of them, proven.

    `subject`: the provider's own id of them. `groups`: all that it names. `names`: what to call them, the best first.
    """

    subject: str
    groups: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


def let_in(setup: Setup, claimed: Claimed, origin: str) -> User:
    """Return the user that somebody is, with the role that their groups give now; one who is new is made.

    A role that their groups do not give any more is taken away also from whoever is refused.

    Raises:
        TurnedAway: none of their groups has a role, or their account is switched off.
    """
    for attempt in count():
        try:
            with transaction.atomic():
                found = _settle(setup, claimed, origin)
            break
        except (IntegrityError, Refused):  # the same person, or the same name, at once: another one was first
            if attempt == MOST_ATTEMPTS:
                raise
    if isinstance(found, str):
        raise TurnedAway(found)
    return found


def groups_in(claims: dict[str, Any], claim: str) -> frozenset[str]:
    """Return the groups that a claim names, by its name or by a path such as `realm_access.roles`; only texts."""
    found: Any = claims
    for part in [claim] if claim in claims else claim.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    listed = found if isinstance(found, list) else [found]
    return frozenset(one for one in listed if isinstance(one, str))


def _settle(setup: Setup, claimed: Claimed, origin: str) -> User | str:
    """Do it within a transaction; return the user, or the sentence they are refused with."""
    role = setup.role_for(claimed.groups)
    is_there = not role or Group.objects.filter(name=role).exists()
    if not is_there:
        logger.error("AGENTOS_OIDC_ROLES names the role %r, which is not there.", role)
    known = Identity.objects.filter(issuer=setup.issuer, subject=claimed.subject).first()
    user = User.objects.select_for_update().get(pk=known.user_id) if known else None
    why = NO_GROUP if not role else "" if is_there else NO_SUCH_ROLE
    if user is None:
        return _refused(claimed, None, origin, why) if why else _made(setup, claimed, role, origin)
    if not user.is_active:
        return _refused(claimed, user, origin, SWITCHED_OFF)
    _set_role(user, role if is_there else "", origin)
    return _refused(claimed, user, origin, why) if why else user


def _made(setup: Setup, claimed: Claimed, role: str, origin: str) -> User:
    made = new_user(_free_name(_called(claimed)), role)
    Identity.objects.create(user=made, issuer=setup.issuer, subject=claimed.subject)
    _record("person.created", made, origin, role=role, issuer=setup.issuer, subject=claimed.subject)
    return made


def _set_role(user: User, role: str, origin: str) -> None:
    """Give somebody the role, "" for none, in place of what they have; a change signs them out elsewhere."""
    before = ", ".join(rights_of(user).groups)
    if before == role:
        return
    if role:
        give_role(user, role)
    else:
        user.groups.clear()
        forget_rights(user)
    end_sessions(user)
    _record("person.role", user, origin, before=before, after=role, role=role or "none")


def _refused(claimed: Claimed, user: User | None, origin: str, why: str) -> str:
    """Put it on record: under somebody's name here, or what their provider calls them."""
    name, key = (user.get_username(), user.pk) if user else (_called(claimed), None)
    details = {"why": why, "subject": claimed.subject}
    audit.record("sign_in.refused", actor=name, actor_id=key, origin=origin, details=details)
    return why


def _record(act: str, user: User, origin: str, **facts: Any) -> None:
    before, after = facts.pop("before", None), facts.pop("after", None)
    details = {"name": user.get_username(), **facts}
    on = target_of(user)
    audit.record(act, actor=ACTOR, actor_id=None, on=on, before=before, after=after, details=details, origin=origin)


def _called(claimed: Claimed) -> str:
    """Return what to call somebody: the first of their names that leaves something of what Django takes for a name."""
    for name in (*claimed.names, claimed.subject):
        plain = unicodedata.normalize("NFKC", name).strip()
        if words := re.sub(r"[^\w.@+-]+", "-", plain[:LONGEST_NAME]).strip("-.@+_"):
            return words
    return "somebody"


def _free_name(name: str) -> str:
    """Return the name, with a number behind it if somebody has it, in whatever case."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(one for one in names if not User.objects.filter(username__iexact=one).exists())
