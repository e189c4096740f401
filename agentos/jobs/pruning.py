"""Old reports of jobs shrink to their totals: which session came to what is kept for so many days, and then goes.

What was done to each session stays in the audit log.
"""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agentos.audit import service as audit
from agentos.audit.acts import Act
from agentos.audit.acts import register as register_acts
from agentos.jobs.models import Job, JobItem
from agentos.jobs.states import OVER

register_acts(
    Act("job.pruned", "change", "list", "Let the list of the job {job} go, of {count} sessions: over {days} days old")
)
ACTOR: Final = "retention"
# Items that one statement deletes, and at most at one look.
_AT_ONCE: Final = 2_000
_AT_A_LOOK: Final = 200_000


def kept_for() -> timedelta | None:
    """Return how long reports name each session; None: for good."""
    days = int(settings.AGENTOS_JOB_REPORT_DAYS)
    return timedelta(days=days) if days > 0 else None


def prune() -> int:
    """Let the items of old jobs go, some at a time; return how many went.

    A job is marked, on record, before its items go, so that nobody has it go on meanwhile; what a killed process leaves
    is found by the mark.
    """
    kept = kept_for()
    if kept is not None:
        old = Job.objects.filter(status__in=OVER, pruned_at=None, finished_at__lt=timezone.now() - kept)
        for job in old.order_by("finished_at"):
            _mark(job, kept.days)
    gone = 0
    while gone < _AT_A_LOOK:
        marked = JobItem.objects.filter(job__in=Job.objects.exclude(pruned_at=None))
        some = list(marked.order_by().values_list("pk", flat=True)[:_AT_ONCE])
        if not some:
            break
        gone += JobItem.objects.filter(pk__in=some).delete()[0]
    return gone


def _mark(job: Job, days: int) -> None:
    with transaction.atomic():
        if Job.objects.filter(pk=job.pk, status__in=OVER, pruned_at=None).update(pruned_at=timezone.now()):
            audit.record(
                "job.pruned", actor=ACTOR, actor_id=None, details={"job": str(job.pk), "count": job.total, "days": days}
            )
