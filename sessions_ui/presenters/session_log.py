"""A session's log: every message of every run in order, members' as well, a window at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import outline
from agentos.db.reader import Reader
from agentos.records import NOBODY, BadRun, ByPerson, Message, Run
from agentos.turns.speaking import known
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.conversation import Mark
from sessions_ui.presenters.session_place import Cursor
from sessions_ui.presenters.stored_runs import read_runs

LINES: Final = 100
# Characters of one message; the run's page has all of them.
EACH: Final = 1_500
# Stored bytes of the runs of one window; one run is always read.
_PAYLOAD: Final = 4_000_000
_CALLS: Final = 8


@dataclass(frozen=True)
class LogLine:
    """A message. `place`: its number in the run from 1; what is no message of the run is at 0, or behind the last one.

    `role` is "input" or "output" for what a run without messages was given and gave.
    """

    place: int
    role: str
    text: Clipped
    created_at: int | None = None
    tokens: int | None = None
    counts_tokens: bool = False
    calls: list[str] = field(default_factory=list)
    more_calls: int = 0
    media: int = 0
    reasoning: int = 0
    anchor: str = ""
    is_marked: bool = False


@dataclass(frozen=True)
class LogRun:
    """A run, or the part of it that is in the window. `copied`: messages from earlier runs that it repeats.

    `by`: what of it a person wrote.
    """

    row: CatalogRun
    number: int
    lines: list[LogLine]
    copied: int = 0
    is_whole: bool = True
    problem: str = ""
    bad_text: Clipped | None = None
    is_marked: bool = False
    by: ByPerson = NOBODY


@dataclass(frozen=True)
class Log:
    """A window of the log. `older`, `newer`: cursors, None at the ends. `total`: messages, without copies."""

    runs: list[LogRun]
    older: Cursor | None
    newer: Cursor | None
    total: int


_Entry = tuple[CatalogRun, int, Message | None]


def session_log(
    session: CatalogSession,
    reader: Reader,
    budget: Budget,
    *,
    before: Cursor | None = None,
    after: Cursor | None = None,
    mark: Mark | None = None,
) -> Log:
    """Return the newest messages; or the last ones before, the first behind a place, or those from what is marked."""
    if mark is not None:
        after, before = Cursor(mark.run.ordinal, max(-1, (mark.message or 0) - 4)), None
    rows, has_more = _rows(session, before, after)
    runs = read_runs(reader, session.session_id, rows)
    entries = [entry for row in rows for entry in _entries(row, runs.get(row.ordinal))]
    inside = [entry for entry in entries if _is_inside(entry[0], entry[1], before, after)]
    shown = inside[:LINES] if after is not None else inside[-LINES:]
    if not shown:
        return Log([], None, None, session.own_message_count)
    first, last = shown[0], shown[-1]
    older = first is not entries[0] or (has_more if after is None else rows[0].ordinal > 0)
    newer = last is not entries[-1] or (has_more if after is not None else before is not None)
    number = CatalogRun.objects.filter(session=session, depth=0, ordinal__lte=first[0].ordinal).count()
    people = known(session.source, session.session_id, runs.values())
    found = _grouped(shown, runs, number, budget, mark)
    return Log(
        [replace(run, by=people.get(run.row.run_id or "", NOBODY)) for run in found] if people else found,
        Cursor(first[0].ordinal, first[1]) if older else None,
        Cursor(last[0].ordinal, last[1]) if newer else None,
        session.own_message_count,
    )


def _rows(session: CatalogSession, before: Cursor | None, after: Cursor | None) -> tuple[list[CatalogRun], bool]:
    """Return the runs, in order, that a window may need; and whether there are more beyond them."""
    runs = outline(session).defer("tool_names", "tool_failures", "traits", "usage", "mark", "run_key")
    if after is not None:
        found = list(runs.filter(ordinal__gte=after.ordinal)[: LINES + 2])
    else:
        earlier = runs if before is None else runs.filter(ordinal__lte=before.ordinal)
        found = list(earlier.order_by("-ordinal")[: LINES + 2])
    taken: list[CatalogRun] = []
    lines = size = 0
    for row in found:
        # Of the run that the cursor is in, only some are left.
        is_cut = after is not None and row.ordinal == after.ordinal and after.place > 0
        if (taken and lines >= LINES) or (len(taken) > 1 and size + row.size > _PAYLOAD):
            break
        taken.append(row)
        lines += max(0, row.message_count - after.place) if is_cut and after else max(1, row.own_message_count)
        if before is not None and row.ordinal == before.ordinal:
            lines -= max(0, row.message_count - before.place)
        size += row.size
    return taken if after is not None else taken[::-1], len(taken) < len(found)


def _is_inside(row: CatalogRun, place: int, before: Cursor | None, after: Cursor | None) -> bool:
    if after is not None:
        return (row.ordinal, place) > (after.ordinal, after.place)
    return before is None or (row.ordinal, place) < (before.ordinal, before.place)


def _entries(row: CatalogRun, run: Run | BadRun | None) -> Iterator[_Entry]:
    """Yield the run's messages with their numbers, without copies; of one that has none, what it was given and gave."""
    own = []
    if isinstance(run, Run):
        own = [(place, message) for place, message in enumerate(run.messages, 1) if not message.from_history]
    if not own:
        yield row, 0, None
    for place, message in own:
        yield row, place, message


def _grouped(
    shown: Sequence[_Entry], runs: dict[int, Run | BadRun], number: int, budget: Budget, mark: Mark | None
) -> list[LogRun]:
    found: list[LogRun] = []
    at = 0
    while at < len(shown):
        row = shown[at][0]
        end = next((later for later in range(at, len(shown)) if shown[later][0] is not row), len(shown))
        number += bool(found) and row.depth == 0
        found.append(_log_run(row, number, shown[at:end], runs.get(row.ordinal), budget, mark))
        at = end
    return found


def _log_run(
    row: CatalogRun, number: int, entries: Sequence[_Entry], run: Run | BadRun | None, budget: Budget, mark: Mark | None
) -> LogRun:
    is_marked = mark is not None and mark.run.ordinal == row.ordinal
    if not isinstance(run, Run):
        problem = run.problem if run is not None else "This run is not in the source any more."
        raw = "" if run is None else run.raw if isinstance(run.raw, str) else repr(run.raw)[:10_000]
        return LogRun(row, number, [], problem=problem, bad_text=budget.take(raw), is_marked=is_marked)
    messages = [(place, message) for _, place, message in entries if message is not None]
    lines = [_line(row, place, message, budget, mark) for place, message in messages]
    own = sum(not message.from_history for message in run.messages)
    return LogRun(
        row,
        number,
        lines or _without_messages(run, budget),
        copied=len(run.messages) - own,
        is_whole=len(lines) == own,
        is_marked=is_marked,
    )


def _without_messages(run: Run, budget: Budget) -> list[LogLine]:
    given, gave = run.input_text, run.content_text
    lines = [LogLine(0, "input", budget.take(given, EACH), run.created_at)] if given else []
    return lines + ([LogLine(0, "output", budget.take(gave, EACH), run.created_at)] if gave else [])


def _line(row: CatalogRun, place: int, message: Message, budget: Budget, mark: Mark | None) -> LogLine:
    calls = [
        f"{call.name or 'unnamed tool'}({' '.join(call.arguments[:120].split())[:80]})" for call in message.tool_calls
    ]
    metrics = message.metrics
    is_model = message.role in ("assistant", "model")
    called = message.tool_name or message.name if message.role == "tool" else None
    return LogLine(
        place=place,
        role=(message.role or "no role")[:20],
        text=budget.take(message.text, EACH),
        created_at=message.created_at,
        tokens=metrics.tokens if metrics is not None else None,
        counts_tokens=is_model,
        calls=calls[:_CALLS] if calls else [called[:80]] if called else [],
        more_calls=max(0, len(calls) - _CALLS),
        media=len(message.media),
        reasoning=len(message.reasoning_content or ""),
        anchor=f"m{row.ordinal}-{place}",
        is_marked=mark is not None and mark.run.ordinal == row.ordinal and mark.message == place,
    )
