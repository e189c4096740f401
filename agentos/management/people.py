"""What the commands about people share: finding a user, making the first administrator, spelling a link."""

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.urls import reverse

from agentos.access.models import SignInLink
from agentos.access.people import Refused, new_user
from agentos.access.roles import Role

FIRST_ADMIN = "admin"


def find_user(username: str) -> User:
    """Return the active user of that name.

    Raises:
        CommandError: there is none, or the account is switched off.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no user {username!r}. `manage.py signin_link {username!r} --create` makes one.")
    if not user.is_active:
        raise CommandError(f"The account {username!r} is switched off.")
    return user


def create_user(username: str, role: Role) -> User:
    """Make a user with a role and no password: a one-time link signs them in.

    Raises:
        CommandError: the name is one Django does not allow.
    """
    try:
        return new_user(username, role)
    except Refused as error:
        raise CommandError(str(error)) from error


def first_admin_token() -> str | None:
    """Return the token of a new link for the first administrator, None once anybody has signed in.

    Earlier links that nobody used stop working, so at most one is about.
    """
    if User.objects.filter(last_login__isnull=False).exists():
        return None
    user = User.objects.filter(username=FIRST_ADMIN).first() or create_user(FIRST_ADMIN, Role.ADMIN)
    user.sign_in_links.filter(used_at=None).delete()
    return SignInLink.objects.all().issue(user)


def link_url(token: str, base: str | None = None) -> str:
    """Return the full URL of a sign-in link under `base`, which is settings.AGENTOS_URL unless given."""
    return (base or settings.AGENTOS_URL).rstrip("/") + reverse("sign_in_link", args=[token])
