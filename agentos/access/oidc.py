"""How sign-in by OpenID Connect is set up: what the settings say, and what is wrong with them.

Nothing here imports django-allauth: without the settings, or without the extra, there is no such sign-in.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User

from agentos.access.models import Identity
from agentos.access.rules import NotAllowed

APP: Final = "allauth.socialaccount"
EXTRA_MISSING: Final = (
    "AGENTOS_OIDC_ISSUER is set, but django-allauth is not installed. "
    "Install it: python -m pip install --require-hashes -r requirements-oidc.txt"
)
GIVEN: Final = "The role of {name} comes from single sign-on. Change their groups there, or switch the account off."
LONGEST_ISSUER: Final = 200


@dataclass(frozen=True)
class Setup:
    """A provider and what its groups mean here.

    `roles`: group and role of each, the first that fits counts. `others`: the role of everybody else, "" for none.
    """

    issuer: str
    client_id: str
    secret: str
    name: str
    scopes: tuple[str, ...]
    claim: str
    roles: tuple[tuple[str, str], ...]
    others: str
    hours: int

    def role_for(self, groups: frozenset[str]) -> str:
        """Return the role of somebody in these groups, "" for none; groups that nothing is said of mean nothing."""
        return next((role for group, role in self.roles if group in groups), self.others)


def setup() -> Setup | None:
    """Return how people sign in by OpenID Connect; None if they do not: not set up, wrongly so, or not installed."""
    if not settings.AGENTOS_OIDC_ISSUER or problems():
        return None
    return Setup(
        issuer=settings.AGENTOS_OIDC_ISSUER,
        client_id=settings.AGENTOS_OIDC_CLIENT_ID,
        secret=settings.AGENTOS_OIDC_CLIENT_SECRET,
        name=settings.AGENTOS_OIDC_NAME,
        scopes=tuple(settings.AGENTOS_OIDC_SCOPES.split()),
        claim=settings.AGENTOS_OIDC_GROUPS_CLAIM,
        roles=_roles(),
        others=settings.AGENTOS_OIDC_OTHERS.strip(),
        hours=settings.AGENTOS_OIDC_HOURS,
    )


def problems() -> list[str]:
    """Return a sentence for each thing that is wrong with the settings; none if they are right, or not given."""
    issuer = settings.AGENTOS_OIDC_ISSUER
    if not issuer:
        others = [name for name in ("CLIENT_ID", "CLIENT_SECRET", "ROLES") if getattr(settings, f"AGENTOS_OIDC_{name}")]
        return [f"AGENTOS_OIDC_{name} is set without AGENTOS_OIDC_ISSUER, so it does nothing." for name in others[:1]]
    if not apps.is_installed(APP):
        return [EXTRA_MISSING]
    found = [
        f"AGENTOS_OIDC_ISSUER is set, but AGENTOS_OIDC_{name} is not."
        for name in ("CLIENT_ID", "CLIENT_SECRET", "NAME", "GROUPS_CLAIM")
        if not getattr(settings, f"AGENTOS_OIDC_{name}").strip()
    ]
    if not is_safe(issuer) or urlsplit(issuer).query or len(issuer) > LONGEST_ISSUER:
        found.append("AGENTOS_OIDC_ISSUER is the provider's address and begins with https://, except on this machine.")
    if "openid" not in settings.AGENTOS_OIDC_SCOPES.split():
        found.append("AGENTOS_OIDC_SCOPES names openid among the scopes, with spaces between them.")
    if wrong := [part for part in _parts() if not all(part)]:
        found.append(f"AGENTOS_OIDC_ROLES is group=role, with commas between; {'='.join(wrong[0])!r} is not.")
    if not _parts() and not settings.AGENTOS_OIDC_OTHERS.strip():
        found.append("AGENTOS_OIDC_ROLES gives no group a role, so nobody could sign in.")
    if settings.AGENTOS_OIDC_HOURS < 1:
        found.append("AGENTOS_OIDC_HOURS is at least 1.")
    return found


def unknown_roles() -> list[str]:
    """Return the roles that the settings name and that there are not, as far as our own database says."""
    found = setup()
    named = {role for _, role in found.roles} | {found.others} - {""} if found else set()
    return sorted(named - set(Group.objects.filter(name__in=named).values_list("name", flat=True)))


def is_safe(url: str) -> bool:
    """Whether a provider may be asked at this address: over https, or on this very machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment or any(one.isspace() for one in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def check_can_change_role(person: User) -> None:
    """Raise `NotAllowed` if a person's role is what the groups at their provider say, which would undo the change."""
    if comes_by_sign_on(person):
        raise NotAllowed(GIVEN.format(name=person.get_username()))


def can_change_role(person: User) -> bool:
    """Whether `check_can_change_role` lets it happen."""
    return not comes_by_sign_on(person)


def comes_by_sign_on(person: User) -> bool:
    """Whether somebody is known to the provider that is set up now, by which they have their role."""
    found = setup()
    return found is not None and Identity.objects.filter(user=person, issuer=found.issuer).exists()


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _roles() -> tuple[tuple[str, str], ...]:
    return tuple(part for part in _parts() if all(part))


def _parts() -> list[tuple[str, str]]:
    """Return what stands on both sides of each `=`; a group's name may hold one, a role's does not."""
    texts = [text for text in settings.AGENTOS_OIDC_ROLES.split(",") if text.strip()]
    pairs = [text.rpartition("=") for text in texts]
    return [(group.strip(), role.strip()) for group, _, role in pairs]
