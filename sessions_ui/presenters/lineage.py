"""Where a run comes from and what became of it: who delegated it, what it repeats, pauses, compactions, checkpoints."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.timezone import localtime

from agentos.catalog.models import CatalogRun
from agentos.records import Run, as_datetime
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.fetched_run import FetchedRun

LOOKED_AT, LOOKED_AT_BYTES = 5, 1_000_000
"""Runs behind this one that are read to find the one that replaced it, and bytes of them together."""

SUMMARY = 4_000
"""Characters of a compaction's summary."""

_ID = 80


@dataclass(frozen=True)
class Tie:
    """One line of the lineage: `words`, then a link to a run or a session if the other end is there.

    `icon` names a symbol of the sprite. `text`: what opens, a compaction's summary. `message`: a place of this run.
    `is_version`: the other run is another try at the same. `run_id`: the other run where nobody looked for it.
    """

    icon: str
    words: str
    run: CatalogRun | None = None
    session_id: str | None = None
    text: Clipped | None = None
    message: int | None = None
    is_version: bool = False
    run_id: str | None = None


def ties_of(fetched: FetchedRun, run: Run, budget: Budget) -> list[Tie]:
    """Return the lineage of a run, from what was before it to what came after.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    named = _named(fetched.row, run)
    return [
        *_above(fetched.row, named),
        *_origins(run, named),
        *_course(run, budget),
        *_checkpoints(run),
        *_replacement(fetched, run),
    ]


def put_back_tie(at: datetime | None, times: int) -> Tie:
    """Return the line of a run that another program had written over."""
    moment = f" on {localtime(at):%Y-%m-%d at %H:%M}" if at is not None else ""
    often = "" if times == 1 else f", the last of {times} times"
    return Tie("copy", f"Overwritten by another program, and put back{moment}{often}")


def told_by(run: Run, budget: Budget) -> list[Tie]:
    """Return what of its lineage a run tells by itself, without looking at any other."""
    # A run that was copied with its session names runs of that one.
    is_here = run.forked_from_session_id is None
    ties = [
        Tie("up", words, run_id=one) if is_here else Tie("up", f"{words} run {one[:_ID]}")
        for words, one in _named_origins(run)
    ]
    if run.forked_from_session_id:
        ties.append(Tie("open", "Copied with its session from", session_id=run.forked_from_session_id))
    ties += [*_course(run, budget), *_checkpoints(run)]
    return [*ties, Tie("down", "A later run replaced this one")] if run.status == "REGENERATED" else ties


def _named(row: CatalogRun, run: Run) -> dict[str, CatalogRun]:
    """Return the runs of the session that this one names, by id; one statement."""
    ids = {row.parent_run_id, row.container_run_id, run.regenerated_from, run.forked_from_run_id} - {None, row.run_id}
    if not ids:
        return {}
    keys = [CatalogRun.key_of(one) for one in ids if one is not None]
    found = CatalogRun.objects.filter(session_id=row.session_id, run_key__in=keys).order_by("-ordinal")
    return {one.run_id: one for one in found if one.run_id is not None}


def _above(row: CatalogRun, named: dict[str, CatalogRun]) -> Iterator[Tie]:
    parent = named.get(row.parent_run_id or "")
    inside = "" if row.stored else ", and stored inside it"
    if parent is not None and (row.stored or row.container_run_id == row.parent_run_id):
        yield Tie(parent.kind, f"Part of a {parent.kind}'s run{inside}", parent)
    elif parent is not None:
        yield Tie(parent.kind, f"Part of a {parent.kind}'s run", parent)
    elif row.parent_run_id:
        yield Tie("bad", f"Part of run {row.parent_run_id[:_ID]}, which is not stored in this session")
    container = named.get(row.container_run_id or "")
    if container is not None and container is not parent:
        yield Tie("step", "Stored inside", container)


def _origins(run: Run, named: dict[str, CatalogRun]) -> Iterator[Tie]:
    for words, run_id in _named_origins(run):
        yield _from_run(words, run_id, named)
    if run.forked_from_session_id:
        yield Tie("open", "Copied with its session from", session_id=run.forked_from_session_id)


def _named_origins(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what a run was to another, and that one's id."""
    if run.regenerated_from:
        yield "Made anew in place of", run.regenerated_from
    if run.forked_from_run_id and run.forked_from_run_id != run.regenerated_from:
        at = run.forked_from_message_index
        where = "" if at is None else f" at message {at + 1}" if at >= 0 else " at its end"
        yield f"Forked{where} from", run.forked_from_run_id


def _from_run(words: str, run_id: str, named: dict[str, CatalogRun]) -> Tie:
    found = named.get(run_id)
    if found is None:
        return Tie("bad", f"{words} run {run_id[:_ID]}, which is not stored in this session")
    return Tie("up", words, found, is_version=True)


def _course(run: Run, budget: Budget) -> Iterator[Tie]:
    """Yield what happened to the run on its way: attempts, pauses, a compaction, how it was stopped."""
    if run.queue_attempt is not None and run.queue_attempt > 1:
        yield Tie("more", f"Attempt {run.queue_attempt} of the queue")
    answers = sum(tool.confirmed is not None or bool(tool.answered) for tool in run.tools)
    answers += sum(bool(tool.external_execution_required) and tool.result is not None for tool in run.tools)
    if answers and run.status != "PAUSED":
        yield Tie("user", f"Paused for a person and was continued: {answers} answer{'' if answers == 1 else 's'}")
    elif answers:
        yield Tie("user", f"Had {answers} answer{'' if answers == 1 else 's'} of a person, and waits for more")
    if isinstance(run.compaction, dict):
        yield _compaction(run.compaction, budget)
    if run.cancellation_stage:
        yield Tie("close", f"Cancelled while {run.cancellation_stage[:40].lower()}")


def _compaction(stored: dict[str, Any], budget: Budget) -> Tie:
    """Agno's keys are those of its table of compactions (format §1.2)."""
    count, before, after = (stored.get(key) for key in ("messages_compacted", "tokens_before", "tokens_after"))
    words = "Earlier messages were put into a summary"
    if isinstance(count, int):
        words = f"{count:,} earlier message{'' if count == 1 else 's'} were put into a summary"
    if isinstance(before, int) and isinstance(after, int):
        words += f", {before:,} tokens became {after:,}"
    summary = stored.get("summary")
    return Tie("list", words, text=budget.take(summary, SUMMARY) if isinstance(summary, str) else None)


def _checkpoints(run: Run) -> Iterator[Tie]:
    marked = [(place, one) for place, one in enumerate(run.messages, 1) if one.checkpoint_status]
    for place, message in marked[-LOOKED_AT:]:
        when = as_datetime(message.checkpoint_created_at) if message.checkpoint_created_at else None
        at = f" at {when:%H:%M:%S} UTC" if when else ""
        yield Tie("star", f"Checkpoint, {(message.checkpoint_status or '')[:40].lower()}{at}", message=place)
    if not marked and run.last_checkpoint_at_message_index is not None:
        last = run.last_checkpoint_at_message_index + 1
        yield Tie("star", "The last checkpoint was taken", message=last if 0 < last <= len(run.messages) else None)


def _replacement(fetched: FetchedRun, run: Run) -> Iterator[Tie]:
    """Yield the run that replaced a regenerated one, looked for among the next ones: Agno stores no link forwards."""
    if run.status != "REGENERATED":
        return
    row = fetched.row
    later = CatalogRun.objects.filter(session_id=row.session_id, depth=0, ordinal__gt=row.root_ordinal)
    near, room = [], LOOKED_AT_BYTES
    for one in later.order_by("ordinal")[:LOOKED_AT]:
        room -= one.size
        near += [one] if room >= 0 else []
    read = fetched.reader.runs(fetched.session.session_id, [one.position for one in near]) if near else []
    for one, stored in zip(near, read, strict=True):
        if isinstance(stored, Run) and run.run_id in (stored.regenerated_from, stored.forked_from_run_id):
            yield Tie("down", "Replaced by", one, is_version=True)
            return
    yield Tie("down", "A later run replaced this one")
