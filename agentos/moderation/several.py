"""Putting measures over many sessions, or lifting them, by few statements. It is told of each what became of it.

Whoever calls has looked whether the actor may do it; `measures.put` and `lift` do so for one session.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from agentos.access.rules import SessionRow
from agentos.audit import service as audit
from agentos.catalog import marks
from agentos.catalog.keys import index_key
from agentos.moderation.acting import Actor, Conflict, Refused, ago, reason_of
from agentos.moderation.kinds import KINDS, stop
from agentos.moderation.models import Case, CaseEvent, Measure, Standing, Subject

Result = Measure | Refused
_Key = tuple[str, str]
HELD: Final = "It is on hold, which keeps it from being deleted."


def put_several(rows: Sequence[SessionRow], kind: Standing, actor: Actor, reason: str = "") -> list[Result]:
    """Put a measure of a kind over each of these sessions, which are different ones; all in one transaction.

    Returns the measure of each, or why there is none: `Conflict` where one of the kind stands already, `Refused` where
    another one forbids it. Raises `Refused` for a reason that cannot be kept.
    """
    how = KINDS[kind]
    why = reason_of(reason, required=how.needs_reason)
    with transaction.atomic():
        subjects = _locked(rows)
        standing = _standing(subjects.values(), {kind, Standing.HOLD})

        def one(subject: Subject) -> Result:
            there = standing.get((subject.pk, kind))
            if there is not None:
                return Conflict(f"{there.actor} {how.put} {ago(there.at)}.")
            if kind == Standing.DELETED and (subject.pk, Standing.HOLD) in standing:
                return Refused(HELD)
            return Measure(subject=subject, kind=kind, reason=why, **actor.fields)

        results = [one(subjects[_key(row)]) for row in rows]
        made = [result for result in results if isinstance(result, Measure)]
        Measure.objects.bulk_create(made)
        _tell(made, actor, f"session.{kind}", how.put, why)
        if how.stops and made:
            stopped = [(one.subject.source, one.subject.session_id) for one in made]
            transaction.on_commit(lambda: stop(sessions=stopped))
    return results


def lift_several(rows: Sequence[SessionRow], kind: Standing, actor: Actor, reason: str = "") -> list[Result]:
    """Lift the measures of a kind that stand over these sessions; as `put_several`, `Conflict` where none stands."""
    how = KINDS[kind]
    why = reason_of(reason, required=how.needs_reason and kind != Standing.TAKEOVER)
    with transaction.atomic():
        subjects = _locked(rows)
        standing = _standing(subjects.values(), {kind})
        results: list[Result] = [
            standing.get((subjects[_key(row)].pk, kind)) or _not_there(subjects[_key(row)], kind) for row in rows
        ]
        lifted = [result for result in results if isinstance(result, Measure)]
        now = timezone.now()
        for one in lifted:
            one.lifted_at, one.lifted_by, one.lift_reason = now, actor.name[:200], why
        Measure.objects.filter(pk__in=[one.pk for one in lifted]).update(
            lifted_at=now, lifted_by=actor.name[:200], lift_reason=why
        )
        _tell(lifted, actor, f"session.{kind}.lift", how.lifted, why)
    return results


def _key(row: SessionRow) -> _Key:
    return row.source, index_key(row.session_id)


def _locked(rows: Iterable[SessionRow]) -> dict[_Key, Subject]:
    """Return the rows of sessions by source and key, made if need be, locked in one order."""
    wanted = {_key(row): row.session_id for row in rows}
    found: dict[_Key, Subject] = {}
    for source, keys in _by_source(wanted).items():
        among = Subject.objects.filter(source=source, session_key__in=keys)
        known = set(among.values_list("session_key", flat=True))
        Subject.objects.bulk_create(
            [
                Subject(source=source, session_key=key, session_id=wanted[source, key])
                for key in keys
                if key not in known
            ],
            ignore_conflicts=True,
        )
        found |= {(source, one.session_key): one for one in among.select_for_update().order_by("pk")}
    return found


def _by_source(keys: Iterable[_Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for source, key in sorted(keys):
        found[source].append(key)
    return found


def _standing(subjects: Collection[Subject], kinds: Collection[Standing]) -> dict[tuple[int, Standing], Measure]:
    own = {subject.pk: subject for subject in subjects}
    there = Measure.objects.filter(subject__in=list(own), kind__in=kinds, lifted_at=None)
    found = {}
    for one in there:
        one.subject = own[one.subject_id]
        found[one.subject_id, Standing(one.kind)] = one
    return found


def _not_there(subject: Subject, kind: Standing) -> Conflict:
    last = Measure.objects.filter(subject=subject, kind=kind).order_by("-pk").first()
    if last is None or last.lifted_at is None:
        return Conflict("It is not.")
    return Conflict(f"{last.lifted_by} {KINDS[kind].lifted} {ago(last.lifted_at)}.")


def _tell(changed: Sequence[Measure], actor: Actor, act: str, done: str, why: str) -> None:
    """Bring the catalog into step, tell the cases of the sessions, and put each on record, last."""
    if not changed:
        return
    for source, keys in _by_source((one.subject.source, one.subject.session_key) for one in changed).items():
        marks.refresh(source, keys)
    cases = Case.objects.unresolved().filter(subject__in=[one.subject_id for one in changed])
    CaseEvent.objects.bulk_create(
        CaseEvent(case=case, act=act, done=done[:200], reason=why, **actor.fields) for case in cases
    )
    audit.record_all(list(_drafts(changed, actor, act, why)))


def _drafts(changed: Iterable[Measure], actor: Actor, act: str, why: str) -> Iterator[audit.Draft]:
    by = actor.user.pk if actor.user else None
    for one in changed:
        on = audit.Target(one.subject.source, one.subject.session_id)
        yield audit.Draft(act, actor.name, by, on, why, details={}, origin=actor.origin)


def only(act: Callable[..., list[Result]], row: SessionRow, *args: object) -> Measure:
    """Do one of the above to one session. Raises what it is told of it."""
    result = act([row], *args)[0]
    if isinstance(result, Refused):
        raise result
    return result
