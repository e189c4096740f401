"""What was deleted long enough ago goes for good by itself, by a job a day."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.terms import term_of
from agentos.deletion.erasing import ERASE
from agentos.jobs import service
from agentos.jobs.models import Job
from agentos.jobs.states import ACTIVE
from agentos.moderation.acting import Actor
from agentos.moderation.models import Measure, Standing

ACTOR: Final = "retention"
EVERY: Final = timedelta(days=1)
_DELETED: Final = term_of("is", "deleted")


def kept_for() -> timedelta | None:
    """Return how long what is deleted can be restored; None: until somebody deletes it for good."""
    days = int(settings.AGENTOS_DELETED_DAYS)
    return timedelta(days=days) if days > 0 else None


def overdue() -> SessionQuerySet:
    """Return the sessions that were deleted so long ago that they go; not those on hold."""
    kept = kept_for()
    if kept is None:
        return CatalogSession.objects.none()
    place = {"subject__source": OuterRef("source"), "subject__session_key": OuterRef("session_key")}
    standing = Measure.objects.filter(**place, lifted_at=None)
    old = standing.filter(kind=Standing.DELETED, at__lt=timezone.now() - kept)
    rows = CatalogSession.objects.filter(terms__term=_DELETED)
    return rows.filter(Exists(old)).exclude(Exists(standing.filter(kind=Standing.HOLD)))


def purge() -> Job | None:
    """Begin the job that deletes for good what is due; None if nothing is, or one is under way."""
    mine = Job.objects.filter(act=ERASE.name, is_ours=True)
    if mine.filter(status__in=ACTIVE).exists() or not overdue().exists():
        return None
    kept = kept_for()
    actor = Actor(ACTOR)
    job = service.prepare(actor, overdue(), ERASE)
    days = kept.days if kept else 0
    service.start(job, actor, f"deleted over {days} days ago", typed=str(job.total))
    return job


def purge_if_due() -> None:
    """Begin that job if none was begun within a day: a chore of all processes."""
    lately = Job.objects.filter(act=ERASE.name, is_ours=True, created_at__gt=timezone.now() - EVERY)
    if not lately.exists():
        purge()
