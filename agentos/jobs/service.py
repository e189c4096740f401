"""The door to jobs: freeze what was chosen, confirm it, look at it, stop it, have it go on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from agentos.access.rights import AnyUser, Right, has_right
from agentos.access.rules import scope_of
from agentos.audit import service as audit
from agentos.audit.acts import Act
from agentos.audit.acts import register as register_acts
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.terms import term_of
from agentos.jobs.acts import BulkAct, find
from agentos.jobs.models import Job, JobItem
from agentos.jobs.runner import wake
from agentos.jobs.sealing import CannotOpen, fingerprint, seal, unseal
from agentos.jobs.states import ENDS, Came, Status
from agentos.moderation.acting import Actor, Conflict, Refused, reason_of

register_acts(
    Act("job.started", "change", "list", "Began the job {job}: {verb} {count} sessions"),
    Act("job.stopped", "change", "list", "Stopped the job {job}"),
    Act("job.resumed", "change", "list", "Had the job {job} go on"),
)
# From so many sessions on, a grave act asks for their number.
TYPED_FROM: Final = 100
MOST: Final = 1_000_000
# A list that nobody confirmed is kept so long.
DRAFTS_KEPT: Final = timedelta(days=1)
CANNOT_OPEN: Final = "What was to be taken out cannot be read any more, as the program has another secret key."
# What is summed over the list, by the catalog's columns.
_SUMS: Final = {
    "runs": "run_count", "messages": "own_message_count", "bytes": "stored_bytes", "media": "media_count",
    "media_bytes": "media_bytes",
}  # fmt: skip
HELD_TERM: Final = term_of("is", "held")
_COLUMNS: Final = ("source", "session_id", "session_key", "created_at", "updated_at", "id")


def prepare(
    actor: Actor, rows: SessionQuerySet, act: BulkAct, options: Mapping[str, str] | None = None, chosen: str = ""
) -> Job:
    """Freeze the list of what an act is to be done to; nothing is done yet. Older lists of the person are dropped.

    `rows`: those that the person may see, without an order. `chosen`: the query as text, "" for single ones.

    Raises:
        NotAllowed, Refused: the person may not do it at all, an option is missing, or nothing or too much was chosen.
    """
    said = {one.name: (options or {}).get(one.name, "")[: one.longest] for one in act.options}
    if actor.user is not None:
        act.check(actor.user)
    kept = said | dict((act.asks(said) if act.asks is not None else None) or {})
    kept |= {name: fingerprint(said[name]) for name in act.secrets}
    sealed = seal({name: said[name] for name in act.secrets})
    with transaction.atomic():
        drop_drafts(actor.user)
        who = {"user": actor.user, "is_ours": actor.user is None, "actor": actor.name[:200]}
        what = {"act": act.name, "options": kept, "sealed": sealed, "chosen": _concealed(act, chosen, said)}
        job = Job.objects.create(**what, **who, origin=actor.origin[:200])
        job.total = _freeze(job, rows)
        if not 0 < job.total <= MOST:
            raise Refused(f"At most {MOST:,} sessions are taken at once." if job.total else "Nothing was chosen.")
        sums = rows.order_by().aggregate(**{name: Sum(column) for name, column in _SUMS.items()})
        held = rows.order_by().filter(terms__term=HELD_TERM).count()
        job.promised = {name: int(value or 0) for name, value in sums.items()} | {"held": held}
        job.save(update_fields=["total", "promised"])
    return job


def start(job: Job, actor: Actor, reason: str = "", typed: str = "") -> None:
    """Confirm a frozen list and have it carried out. It does not grow any more: what matches later is left alone.

    Raises:
        NotAllowed, Refused: as `prepare`; no reason, or not the number of sessions where that is asked for.
        Conflict: it was confirmed already.
    """
    act = _act(job)
    if actor.user is not None:
        act.check(actor.user)
    why = reason_of(reason, required=act.needs_reason)
    if _concealed(act, why, opened(job)) != why:
        raise Refused("The reason holds what is to be taken out, and reasons are kept.")
    if asks_number(job) and typed.replace(",", "").replace(" ", "") != str(job.total):
        raise Refused(f"Type the number of sessions, {job.total}, to say that you mean all of them.")
    with transaction.atomic():
        draft = Job.objects.filter(pk=job.pk, status=Status.DRAFT)
        if not draft.update(status=Status.QUEUED, reason=why, created_at=timezone.now()):
            raise Conflict("It was confirmed already.")
        _record("job.started", job, actor, why, verb=act.verb, count=job.total)
        transaction.on_commit(wake)


def cancel(job: Job, actor: Actor) -> None:
    """Stop a job: at once while it waits, else before the next sessions. What is done stays. Raises `Conflict`."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, status=Status.QUEUED)
        running = Job.objects.filter(pk=job.pk, status=Status.RUNNING, cancel_requested=False)
        stopped = waiting.update(status=Status.CANCELLED, finished_at=timezone.now(), sealed="")
        if not stopped and not running.update(cancel_requested=True):
            raise Conflict("The job is over, or is being stopped already.")
        _record("job.stopped", job, actor)


def go_on(job: Job, actor: Actor, options: Mapping[str, str] | None = None) -> None:
    """Have a job that was stopped or broken off go on, with what failed once more.

    `options`: what was not kept when it ended, named again.

    Raises:
        Conflict: it cannot go on.
        Refused: something else was named than before.
    """
    act = _act(job)
    again = {name: (options or {}).get(name, "") for name in act.secrets}
    if any(fingerprint(text) != job.options.get(name, "") for name, text in again.items()):
        raise Refused("That is not what the job was confirmed for. Name it as it was named then.")
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if not locked.may_go_on:
            raise Conflict("There is nothing left of this job, or it is under way.")
        failed = locked.items.filter(came=Came.FAILED).update(came=Came.WAITING, note="")
        fresh = {"cancel_requested": False, "problem": "", "finished_at": None, "sealed": seal(again)}
        Job.objects.filter(pk=job.pk).update(status=Status.QUEUED, failed=F("failed") - failed, **fresh)
        _record("job.resumed", job, actor)
        transaction.on_commit(wake)


def drop(job: Job) -> None:
    """Throw away a list that nobody confirmed. Raises `Conflict` if somebody has."""
    if not Job.objects.filter(pk=job.pk, status=Status.DRAFT).delete()[0]:
        raise Conflict("It was confirmed already.")


def opened(job: Job) -> dict[str, str]:
    """Return what was said for a job besides its reason, with what is sealed in it. Raises `Refused`."""
    try:
        return {**job.options, **unseal(job.sealed)}
    except CannotOpen:
        raise Refused(CANNOT_OPEN) from None


def asks_number(job: Job) -> bool:
    """Whether whoever confirms types how many sessions there are."""
    act = find(job.act)
    return act is not None and act.is_grave and job.total >= TYPED_FROM


def jobs_of(user: AnyUser) -> QuerySet[Job]:
    """Return the jobs that the user may look at: their own; all for who has the right and sees every session."""
    if sees_all(user):
        return Job.objects.exclude(~Q(user=user.pk), status=Status.DRAFT)
    return Job.objects.filter(user=user.pk or 0)


def sees_all(user: AnyUser) -> bool:
    """Whether the user looks at everybody's jobs, and stops them."""
    return has_right(user, Right.SEE_JOBS) and scope_of(user).everything


def items_of(job: Job, user: AnyUser) -> QuerySet[JobItem]:
    """Return the items of a job, without those of sessions that are there and not the user's to see (any more)."""
    place = {"source": OuterRef("source"), "session_key": OuterRef("session_key")}
    there = Exists(CatalogSession.objects.filter(**place))
    return job.items.filter(~there | Exists(CatalogSession.objects.visible_to(user).filter(**place)))


def recount(job: Job) -> dict[str, int]:
    """Return how many items came to which end, counted from the items themselves."""
    return {end.value: job.items.filter(came=end).count() for end in ENDS}


def _freeze(job: Job, rows: SessionQuerySet) -> int:
    """Insert an item for each row, by one statement within the database; return how many."""
    try:
        sql, params = rows.order_by().values_list(*_COLUMNS).query.sql_with_params()
    except EmptyResultSet:
        return 0
    key = Job._meta.pk.get_db_prep_value(job.pk, connection)
    told = "'{}'::jsonb" if connection.vendor == "postgresql" else "'{}'"
    statement = f"""INSERT INTO jobs_jobitem
            (job_id, number, source, session_id, session_key, created_at, came, note, told)
        SELECT %s, row_number() OVER (ORDER BY chosen.updated_at DESC, chosen.id DESC), chosen.source,
            chosen.session_id, chosen.session_key, chosen.created_at, %s, '', {told}
        FROM ({sql}) AS chosen"""  # noqa: S608  # names of our own columns, and Django's statement with its parameters
    with connection.cursor() as cursor:
        cursor.execute(statement, [key, Came.WAITING.value, *params])
        return max(0, int(cursor.rowcount))


def drop_drafts(user: User | None = None) -> None:
    """Throw away lists that were not confirmed within a day, and those of a person who makes another."""
    old = Q(created_at__lt=timezone.now() - DRAFTS_KEPT)
    Job.objects.filter(old | Q(user=user, user__isnull=False), status=Status.DRAFT).delete()


def _concealed(act: BulkAct, text: str, options: Mapping[str, str]) -> str:
    return act.conceals(text, options) if act.conceals is not None else text


def _act(job: Job) -> BulkAct:
    act = find(job.act)
    if act is None:
        raise Refused("This program does not know the act any more.")
    return act


def _record(act: str, job: Job, actor: Actor, reason: str = "", **details: Any) -> None:
    by = actor.user.pk if actor.user else None
    told = {"job": str(job.pk), **details}
    audit.record(act, actor=actor.name, actor_id=by, reason=reason, details=told, origin=actor.origin)
