"""The table of saved views."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from agentos.access.roles import AnyUser
from agentos.access.rules import scope_of

NAME_CHARACTERS = 80
# As long as a query may be; the room of the query language is not ours to call.
QUERY_CHARACTERS = 4_000
SORT_CHARACTERS = 40
COLUMNS_CHARACTERS = 300


class Density(models.TextChoices):
    """How close the rows of the list stand; "" is as the person has it."""

    UNSAID = "", "As it is"
    COMPACT = "compact", "Compact"
    COMFORTABLE = "comfortable", "Comfortable"


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Questions to the saved views."""

    def visible_to(self, user: AnyUser) -> Self:
        """Views the user may open: their own; and what others share, if the user sees the sessions of everybody.

        A shared view names users and words of other people's sessions, so it is nothing for someone bound to their own.
        """
        return self.seen_by(user.pk or 0, scope_of(user).everything)

    def seen_by(self, owner: int, everything: bool) -> Self:
        """Views that the user with this key may open; `everything`: they see the sessions of everybody."""
        own = Q(owner_id=owner)
        return self.filter(own | Q(shared=True, owner__is_active=True)) if everything else self.filter(own)

    def own_first(self, owner: int) -> Self:
        """Order them: those of the user with this key by name, then those of others."""
        is_foreign = models.Case(models.When(owner_id=owner, then=0), default=1)
        return self.select_related("owner").order_by(is_foreign, "name", "id")


class SavedView(models.Model):
    """A list under a name: the canonical text of its query, its order, its columns ("" for the usual ones).

    It holds a question, never an answer: what it shows is what its reader may see.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=NAME_CHARACTERS)
    query = models.TextField(blank=True)
    sort = models.CharField(max_length=SORT_CHARACTERS, blank=True)
    columns = models.CharField(max_length=COLUMNS_CHARACTERS, blank=True)
    density = models.CharField(max_length=20, choices=Density, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        """A name is its owner's once; shared ones are looked for by everybody."""

        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_one_name_an_owner")]
        indexes = [models.Index(fields=["shared", "name"], name="saved_view_shared")]

    def __str__(self) -> str:
        """Its name."""
        return self.name
