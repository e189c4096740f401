"""Our own tables about people. Secrets are kept as hashes: a copy of the database lets nobody in."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

LINK_LIFETIME = timedelta(hours=24)


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret. Plain SHA-256 will do: 256 random bits cannot be guessed from it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Binding(models.Model):
    """Binds a user to one Agno `user_id`: they see, and may continue, exactly the sessions with that id."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="binding")
    agno_user_id = models.TextField()

    def __str__(self) -> str:
        """Both names."""
        return f"{self.user} is {self.agno_user_id}"


class Grant(models.Model):
    """Narrows what a user sees to a part of the sessions; see `rules.Scope`.

    `value`: a source's name, or an agent's, a team's, a workflow's or an Agno user's id.
    """

    class Kind(models.TextChoices):
        """What a grant names. The kinds of components are those of Agno's `session_type`."""

        SOURCE = "source"
        AGENT = "agent"
        TEAM = "team"
        WORKFLOW = "workflow"
        USER = "user", "Agno user"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(max_length=500)

    class Meta:
        """A grant is given once."""

        constraints = [models.UniqueConstraint(fields=["user", "kind", "value"], name="access_one_grant_once")]

    def __str__(self) -> str:
        """As the page writes it."""
        return f"{self.kind}:{self.value}"


class Identity(models.Model):
    """Who somebody is to a provider of single sign-on: its issuer, and its own unchanging id of them, `sub`.

    Nothing else says that a person of a provider is one of ours: no name and no e-mail address does.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One of a provider's people is one of ours."""

        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="access_one_identity_once")]

    def __str__(self) -> str:
        """Both names."""
        return f"{self.user} is {self.subject} of {self.issuer}"


class BrowserSession(AbstractBaseSession):
    """A browser that somebody is signed in with: whose it is, from where, since when, and when it was last seen.

    A table of our own, as Django's does not say whose a session is, and so cannot end those of one person.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="browser_sessions", db_constraint=False
    )
    address = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    @classmethod
    def get_session_store_class(cls) -> type[Any]:
        """Return the class that reads and writes these rows."""
        from agentos.access.signed_in import SessionStore

        return SessionStore


class SignInLinkQuerySet(models.QuerySet["SignInLink"]):
    """Queries over sign-in links."""

    def usable(self) -> Self:
        """Links that still sign somebody in."""
        return self.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)

    def issue(self, user: User) -> str:
        """Store a new link for the user; return its token, which exists nowhere else."""
        token = secrets.token_urlsafe(32)
        self.create(user=user, token_hash=hash_secret(token), expires_at=timezone.now() + LINK_LIFETIME)
        return token

    def find(self, token: str) -> "SignInLink | None":
        """Return the usable link with this token, without using it up."""
        return self.usable().filter(token_hash=hash_secret(token)).select_related("user").first()

    def consume(self, token: str) -> User | None:
        """Return the user whom the token signs in and use the token up; None if it is unknown, used or expired.

        One conditional UPDATE decides, so two requests with one token cannot both win.
        """
        if not self.usable().filter(token_hash=hash_secret(token)).update(used_at=timezone.now()):
            return None
        return self.select_related("user").get(token_hash=hash_secret(token)).user


class SignInLink(models.Model):
    """A link that signs its user in once, within 24 hours."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_in_links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = SignInLinkQuerySet.as_manager()

    def __str__(self) -> str:
        """Whose link it is."""
        return f"sign-in link of {self.user}"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Queries over API tokens."""

    def issue(self, user: User) -> str:
        """Store a new token for the user and return it; it exists nowhere else."""
        token = secrets.token_urlsafe(32)
        self.create(user=user, token_hash=hash_secret(token))
        return token

    def find(self, token: str) -> "ApiToken | None":
        """Return the token if it is one of an active user, with that user."""
        return self.filter(token_hash=hash_secret(token), user__is_active=True).select_related("user").first()


class ApiToken(models.Model):
    """A bearer token with the rights of its user, until it is revoked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ApiTokenQuerySet.as_manager()

    def __str__(self) -> str:
        """Whose token it is."""
        return f"API token of {self.user}"


class SignInTries(models.Model):
    """How many tries there were to sign in, since when, under the hash of a name, an address, or both."""

    key = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        """How many."""
        return f"{self.count} tries"
