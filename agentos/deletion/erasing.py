"""The act of deleting for good, on many sessions: what goes is counted and noted first, then goes, then is on record.

A source and our own database cannot change in one transaction. The source's part is done first, then ours is committed
with what became of each session. Killed in between, it is done again: the source has nothing left, and what it had was
noted before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from agentos.audit import service as audit
from agentos.audit.acts import Act
from agentos.audit.acts import register as register_acts
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.errors import SourceError
from agentos.db.reader import Reader
from agentos.db.sources import get_source
from agentos.db.writer import Writer
from agentos.db.writer_erase import apart
from agentos.deletion import holdings
from agentos.deletion.rules import check_can_erase
from agentos.jobs.acts import BulkAct, Outcome, Target, Task, Told
from agentos.jobs.states import Came
from agentos.moderation.models import Measure, Standing, Subject

ERASED: Final = "session.erased"
register_acts(Act(ERASED, "change", "close", "Deleted session for good: {runs} runs, {messages} messages"))
NOT_DELETED: Final = "It is not deleted. Delete it first: until it goes for good, that can be taken back."
HELD: Final = "It is on hold, which keeps it from going."
ANSWERING: Final = "It is being answered. What runs is being stopped; try again in a moment."
NO_SOURCE: Final = "The source {name} is not configured any more."


def contents(rows: Sequence[CatalogSession]) -> list[dict[str, int]]:
    """Return what goes with each of these sessions, as numbers: exactly, as the source and our tables are now.

    Rows that the catalog has not followed yet are brought up to date for it. No text of a session is read otherwise.

    Raises:
        SourceError: a source cannot be read.
    """
    found: dict[int, dict[str, int]] = {}
    for source, some in _by_source(rows).items():
        fresh = _fresh(source, some)
        beside = apart(get_source(source), [row.session_id for row in some])
        held = holdings.counted(source, {row.session_key: row.session_id for row in some})
        for row in some:
            now = fresh.get(row.session_id, row)
            own = {
                "sessions": 1, "runs": now.run_count, "embedded": max(0, now.forest_run_count - now.run_count),
                "messages": now.message_count, "bytes": now.stored_bytes,
                "media": now.media_count or 0, "media_bytes": now.media_bytes,
            }  # fmt: skip
            away = {name: number for name, number in asdict(beside[row.session_id]).items() if name != "runs"}
            found[row.pk] = own | away | held[row.session_key]
    return [found[row.pk] for row in rows]


def plan(targets: Sequence[Target], task: Task) -> list[Told]:
    """Return what is noted of each session before it goes; nothing of those whose source cannot be read."""
    rows = [target.row for target in targets if target.row is not None]
    told: dict[int, Told] = {}
    for some in _by_source(rows).values():
        try:
            told |= dict(zip((row.pk for row in some), contents(some), strict=True))
        except (SourceError, KeyError):
            continue
    return [told.get(target.row.pk, {}) if target.row is not None else {} for target in targets]


def erase(targets: Sequence[Target], task: Task) -> list[Outcome]:
    """Delete sessions for good that are deleted and not on hold, each on record; in a transaction of the job."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    by_source: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        by_source[target.source].append(target)
    for source, some in sorted(by_source.items()):
        refused = _refused(source, some)
        going = [target for target in some if target.session_key not in refused]
        outcomes |= {(source, key): outcome for key, outcome in refused.items()}
        outcomes |= {(source, key): outcome for key, outcome in _erased(source, going).items()}
    _record(targets, outcomes, task)
    return [outcomes[target.source, target.session_key] for target in targets]


def _erased(source: str, targets: Sequence[Target]) -> dict[str, Outcome]:
    if not targets:
        return {}
    made = {target.session_id: target.created_at for target in targets}
    try:
        removed = Writer(get_source(source)).erase(made)
    except KeyError:
        return {one.session_key: Outcome(Came.FAILED, NO_SOURCE.format(name=source), one.told) for one in targets}
    except SourceError as error:
        return {one.session_key: Outcome(Came.FAILED, str(error), one.told) for one in targets}
    sessions = {target.session_key: target.session_id for target in targets}
    held = holdings.counted(source, sessions)
    holdings.remove(source, sessions)
    outcomes = {}
    for target in targets:
        went = removed.get(target.session_id)
        in_source = {"sessions": 1, **asdict(went)} if went is not None else {}
        outcomes[target.session_key] = Outcome(Came.DONE, told={**target.told, **in_source, **held[target.session_key]})
    return outcomes


def _refused(source: str, targets: Sequence[Target]) -> dict[str, Outcome]:
    """Return why some may not go. The rows of what people put over them are locked until the job's transaction ends."""
    keys = {target.session_key: target.session_id for target in targets}
    subjects = Subject.objects.select_for_update().filter(source=source, session_key__in=keys).order_by("pk")
    known = dict(subjects.values_list("pk", "session_key"))
    standing: dict[str, set[str]] = defaultdict(set)
    measures = Measure.objects.filter(subject__in=known, lifted_at=None).values_list("subject_id", "kind")
    for pk, kind in measures:
        standing[known[pk]].add(kind)
    answered = holdings.being_answered(source, keys)
    return {key: Outcome(Came.REFUSED, why) for key in keys if (why := _why_not(standing[key], key in answered))}


def _why_not(standing: set[str], is_answered: bool) -> str:
    if Standing.HOLD in standing:
        return HELD
    if Standing.DELETED not in standing:
        return NOT_DELETED
    return ANSWERING if is_answered else ""


def _record(targets: Iterable[Target], outcomes: Mapping[tuple[str, str], Outcome], task: Task) -> None:
    """Put what went on record, by ids and counts; last, as the end of the log is locked from then on."""
    by, origin = task.actor.user.pk if task.actor.user else None, task.actor.origin
    drafts = []
    for target in targets:
        outcome = outcomes[target.source, target.session_key]
        if outcome.came == Came.DONE:
            on, told = audit.Target(target.source, target.session_id), dict(outcome.told)
            drafts.append(audit.Draft(ERASED, task.actor.name, by, on, task.reason, details=told, origin=origin))
    audit.record_all(drafts)


def _fresh(source: str, rows: Sequence[CatalogSession]) -> dict[str, CatalogSession]:
    """Return the rows of sessions that changed since the catalog looked, made anew."""
    reader = Reader(get_source(source))
    known = {row.session_id: row for row in rows}
    stamps = reader.stamps_of(list(known))
    changed = [stamp.session_id for stamp in stamps if stamp.mark != known[stamp.session_id].mark]
    made = {one: refresh_session(reader.source, one) for one in changed}
    return {one: row for one, row in made.items() if row is not None}


def _by_source(rows: Iterable[CatalogSession]) -> dict[str, list[CatalogSession]]:
    found: dict[str, list[CatalogSession]] = defaultdict(list)
    for row in rows:
        found[row.source].append(row)
    return found


ERASE: Final = BulkAct(
    "erase",
    "Delete for good…",
    "Delete for good",
    check_can_erase,
    erase,
    (
        "They go from their source, as Agno deletes a session: with runs, compactions and tool results held apart.",
        "Everything we hold of them goes: search, turns with their answers and attachments, flags, cases, notes, tags.",
        "The audit log keeps their ids and how much went. Traces, approvals and memories of Agno stay, and forks do.",
        "It cannot be undone. Only what is deleted already goes; what is on hold is refused.",
    ),
    plan=plan,
    is_grave=True,
    at_once=50,
    rest=1.5,
)
