"""Carries a job out, some sessions at a time. Each portion is a transaction that keeps what became of it as well.

A process that is killed anywhere leaves a job that another one takes up: nothing of the portion it was at happened, or,
where an act reaches beyond our own database, what was begun is noted and is done again, which changes nothing more.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone

from agentos.access.rules import NotAllowed
from agentos.audit import service as audit
from agentos.audit.acts import Act
from agentos.audit.acts import register as register_acts
from agentos.catalog.models import CatalogSession
from agentos.jobs.acts import BulkAct, Outcome, Target, Task, find
from agentos.jobs.models import Job, JobItem
from agentos.jobs.sealing import CannotOpen, unseal
from agentos.jobs.states import TO_DO, Came, Status
from agentos.moderation.acting import Actor

logger = logging.getLogger(__name__)

register_acts(
    Act("job.ended", "change", "list", "Ended the job {job}: {done} done, {refused} refused, {failed} failed")
)
# A job whose runner has not been heard of for so long has none any more.
STALE: Final = timedelta(seconds=60)
NOT_THERE: Final = "It is not there any more, or not yours to see."
ANOTHER: Final = "It was deleted and made anew since this was confirmed, so it is another session."
FAULT: Final = "The program failed at it; its log says how."
NO_PERSON: Final = "The account that asked for it is gone, or may not sign in any more."
FORGOTTEN: Final = "What was to be taken out cannot be read any more. Name it again to have the job go on."
NO_ACT: Final = "This program does not know the act any more."


class JobLost(Exception):
    """Somebody else carries the job out now: its runner has nothing to do."""


def claim() -> tuple[UUID, str] | None:
    """Take up the oldest job that waits, or whose runner has died; return its id and the name of the runner it has now.

    Of several processes that try at once, the table lets one through.
    """
    now = timezone.now()
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, heartbeat_at__lt=now - STALE)
    for job in Job.objects.filter(free).order_by("created_at")[:10]:
        runner = secrets.token_hex(16)
        mine = Job.objects.filter(free, pk=job.pk, runner=job.runner)
        started = job.started_at or now
        if mine.update(status=Status.RUNNING, runner=runner, heartbeat_at=now, started_at=started):
            return job.pk, runner
    return None


def give_back(job_id: UUID, runner: str) -> None:
    """Have a job wait for another process: this one ends."""
    Job.objects.filter(pk=job_id, runner=runner, status=Status.RUNNING).update(status=Status.QUEUED)


def portion(job_id: UUID, runner: str) -> bool:
    """Carry out the next portion of a job; return whether there may be more. It ends the job when there is none.

    Raises:
        JobLost: it is somebody else's by now.
        DatabaseError: our own database is away; the job can be taken up again.
    """
    left = _tidied(job_id, runner)
    try:
        return _portion(job_id, runner, left=left)
    except (JobLost, DatabaseError):
        raise
    except Exception:
        logger.exception("A portion of the job %s failed and is done one by one", job_id)
    act = find(Job.objects.get(pk=job_id).act)
    for _ in range(act.at_once if act else 1):
        try:
            if not _portion(job_id, runner, at_once=1):
                return False
        except (JobLost, DatabaseError):
            raise
        except Exception:
            logger.exception("The job %s failed at a session", job_id)
            _note_fault(job_id, runner)
    return True


def _tidied(job_id: UUID, runner: str) -> str | None:
    """Have an act that has something to do behind the last session do it, outside of any transaction.

    Returns sentences about what could not be done; None if it is not over yet, or there is nothing to do.
    """
    job = Job.objects.filter(pk=job_id, runner=runner, status=Status.RUNNING).first()
    act = find(job.act) if job is not None else None
    if job is None or act is None or act.tidy is None:
        return None
    if not job.cancel_requested and job.items.filter(came__in=TO_DO).exists():
        return None
    concerned = job.items.filter(came=Came.DONE).order_by("source").values_list("source", flat=True).distinct()
    try:
        return " ".join(act.tidy(_task(job, act, _person(job, act)), list(concerned)))
    except NotAllowed:
        return ""  # the portion says so


def _portion(job_id: UUID, runner: str, at_once: int | None = None, left: str | None = None) -> bool:
    with transaction.atomic():
        job = _held(job_id, runner)
        act = find(job.act)
        if act is None:
            return _end(job, Status.FAILED, NO_ACT)
        items = list(job.items.filter(came__in=TO_DO).order_by("number")[: at_once or act.at_once])
        if not items or job.cancel_requested:
            if act.tidy is not None and left is None:
                return True  # it was stopped a moment ago: there is something to do first
            return _end(job, Status.CANCELLED if items else Status.FINISHED, left or "")
        try:
            person = _person(job, act)
            task = _task(job, act, person)
        except NotAllowed as error:
            return _end(job, Status.FAILED, str(error))
        targets, outcomes = _targets(job, act, items, person)
        if act.plan is None:
            outcomes |= dict(zip(targets, act.do(list(targets.values()), task), strict=True)) if targets else {}
            _keep(job, items, outcomes)
            return True
        targets = _begun(act, items, targets, task)
        _beat(job)
    with transaction.atomic():
        job = _held(job_id, runner)
        outcomes |= dict(zip(targets, act.do(list(targets.values()), task), strict=True)) if targets else {}
        _keep(job, items, outcomes)
    return True


def _held(job_id: UUID, runner: str) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id, runner=runner, status=Status.RUNNING).first()
    if job is None:
        raise JobLost
    return job


def _person(job: Job, act: BulkAct) -> User | None:
    """Return who asked for the job, with the rights they have now; None for a rule or the command line."""
    if job.is_ours:
        return None
    person = User.objects.filter(pk=job.user_id or 0, is_active=True).first()
    if person is None:
        raise NotAllowed(NO_PERSON)
    act.check(person)
    return person


def _task(job: Job, act: BulkAct, person: User | None) -> Task:
    """Return what the act is given. Raises `NotAllowed` if what was sealed for it cannot be read."""
    try:
        secret = unseal(job.sealed)
    except CannotOpen:
        raise NotAllowed(FORGOTTEN) from None
    if any(job.options.get(name) and name not in secret for name in act.secrets):
        raise NotAllowed(FORGOTTEN)
    return Task(Actor(job.actor, person, job.origin), job.reason, {**job.options, **secret})


def _targets(
    job: Job, act: BulkAct, items: Sequence[JobItem], person: User | None
) -> tuple[dict[int, Target], dict[int, Outcome]]:
    """Return by item what the act is done to, and the outcomes of those it may not be done to."""
    rows = _rows(items, person)
    targets: dict[int, Target] = {}
    outcomes: dict[int, Outcome] = {}
    for item in items:
        row = rows.get((item.source, item.session_key))
        sentence = "" if row is None and item.came == Came.BEGUN else _why_not(act, item, row, person)
        if sentence:
            outcomes[item.pk] = Outcome(Came.REFUSED, sentence)
        else:
            told = item.told if item.came == Came.BEGUN else {}
            targets[item.pk] = Target(item.source, item.session_id, item.session_key, item.created_at, row, told)
    return targets, outcomes


def _rows(items: Sequence[JobItem], person: User | None) -> dict[tuple[str, str], CatalogSession]:
    keys: dict[str, list[str]] = {}
    for item in items:
        keys.setdefault(item.source, []).append(item.session_key)
    visible = CatalogSession.objects.all() if person is None else CatalogSession.objects.visible_to(person)
    found = (visible.filter(source=source, session_key__in=among) for source, among in keys.items())
    return {(row.source, row.session_key): row for rows in found for row in rows}


def _why_not(act: BulkAct, item: JobItem, row: CatalogSession | None, person: User | None) -> str:
    if row is None:
        return NOT_THERE
    if row.created_at != item.created_at:
        return ANOTHER
    try:
        if person is not None:
            act.check(person, row)
    except NotAllowed as error:
        return str(error)
    return ""


def _begun(act: BulkAct, items: Sequence[JobItem], targets: dict[int, Target], task: Task) -> dict[int, Target]:
    """Note what the act is about to be done to, unless that was noted before; return it with what was noted."""
    new = [item for item in items if item.pk in targets and item.came == Came.WAITING]
    told = act.plan([targets[item.pk] for item in new], task) if act.plan and new else []
    for item, numbers in zip(new, told, strict=True):
        item.came, item.told = Came.BEGUN, dict(numbers)
        old = targets[item.pk]
        targets[item.pk] = Target(old.source, old.session_id, old.session_key, old.created_at, old.row, item.told)
    JobItem.objects.bulk_update(new, ["came", "told"])
    return targets


def _keep(job: Job, items: Sequence[JobItem], outcomes: dict[int, Outcome]) -> None:
    """Keep what became of the items, and add it to the job's counts."""
    alike: dict[tuple[Came, str], list[int]] = {}
    changed: list[JobItem] = []
    sums: Counter[str] = Counter(job.sums)
    for item in items:
        outcome = outcomes[item.pk]
        sums.update(outcome.told)
        if dict(outcome.told) == item.told:
            alike.setdefault((outcome.came, outcome.note), []).append(item.pk)
        else:
            item.came, item.note, item.told = outcome.came, outcome.note, dict(outcome.told)
            changed.append(item)
    for (came, note), keys in alike.items():
        JobItem.objects.filter(pk__in=keys).update(came=came, note=note)
    JobItem.objects.bulk_update(changed, ["came", "note", "told"])
    job.sums = dict(sums)
    for name, number in Counter(outcome.came.value for outcome in outcomes.values()).items():
        setattr(job, name, F(name) + number)
    job.heartbeat_at = timezone.now()
    job.save(update_fields=["sums", "heartbeat_at", "done", "unchanged", "refused", "failed"])


def _note_fault(job_id: UUID, runner: str) -> None:
    with transaction.atomic():
        job = _held(job_id, runner)
        item = job.items.filter(came__in=TO_DO).order_by("number").first()
        if item is not None:
            _keep(job, [item], {item.pk: Outcome(Came.FAILED, FAULT, item.told)})


def _beat(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now())


def _end(job: Job, status: Status, problem: str = "") -> bool:
    Job.objects.filter(pk=job.pk).update(
        status=status, problem=problem, finished_at=timezone.now(), cancel_requested=False, sealed=""
    )
    told = {"job": str(job.pk), "done": job.done, "refused": job.refused, "failed": job.failed, "left": job.left}
    audit.record(
        "job.ended", actor=job.actor, actor_id=job.user_id, details=told | {"how": status.value}, origin=job.origin
    )
    return False
