"""What a run's model was sent before it first answered: instructions, history and what was new.

Agno stores the copies of history only where it is told to. Where it did not, the history is put together as Agno does
it (format §5.6), of as many runs as are asked for: how many the component took is stored nowhere, and the page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from agentos.agents.history import DEFAULT_RUNS, history_messages
from agentos.catalog.models import CatalogRun
from agentos.records import NOT_HISTORY, Message, Run
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.fetched_run import FetchedRun
from sessions_ui.rendering.differences import Line, counted, line_diff

MOST_RUNS = 20
"""Earlier runs of which a history is put together at most."""

READ_BYTES = 4_000_000
"""Bytes of earlier runs that are read for it."""

SHOWN = 300
"""Messages shown of what was sent."""

LOOKED_BACK = 5
"""Earlier runs looked at for a system prompt to compare with."""

DIFF_LINES = 400
_INSTRUCTIONS = ("system", "developer")


@dataclass(frozen=True)
class SentMessage:
    """A message as it was sent. `calls`: names of the tools it asks for; `media`: how many attachments it had."""

    role: str
    text: Clipped
    calls: list[str]
    media: int


@dataclass(frozen=True)
class Sent:
    """Messages that belong together: `kind` is system, history or new. `run`: the earlier run they come from."""

    kind: str
    messages: list[SentMessage]
    count: int
    characters: int
    run: CatalogRun | None = None


@dataclass(frozen=True)
class Received:
    """What the model was sent. `is_stored`: history included, as stored; else put together of `runs` earlier runs.

    `tokens`: what the provider counted for the first answer, None when it is unknown. `choices`: other numbers of runs.
    """

    is_stored: bool
    parts: list[Sent]
    runs: int
    choices: list[int]
    tokens: int | None
    has_answered: bool

    @property
    def count(self) -> int:
        """Messages in all."""
        return sum(part.count for part in self.parts)

    @property
    def characters(self) -> int:
        """Characters in all."""
        return sum(part.characters for part in self.parts)


@dataclass(frozen=True)
class Prompt:
    """A run's instructions, and how they differ from those of `earlier`, the last run before it that has some."""

    text: Clipped
    earlier: CatalogRun | None
    lines: list[Line]
    gone: int
    come: int


def history_size(query: QueryDict) -> int:
    """Return how many earlier runs are asked for, Agno's default for anything that is no number."""
    value = query.get("runs", "")
    return min(int(value), MOST_RUNS) if value.isascii() and value.isdecimal() and len(value) < 4 else DEFAULT_RUNS


def received(fetched: FetchedRun, run: Run, budget: Budget, runs: int) -> Received:
    """Return what the run's model was sent before its first answer.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    messages = run.messages
    first = next((place for place, one in enumerate(messages) if _answers(one)), len(messages))
    before = messages[:first]
    copies = [one for one in before if one.from_history]
    instructions = [one for one in before if one.role in _INSTRUCTIONS and not one.from_history]
    new = [one for one in before if one.role not in _INSTRUCTIONS and not one.from_history]
    shown = _Shown(budget)
    parts = [shown.part("system", instructions)]
    if copies:
        parts.append(shown.part("history", copies))
    else:
        parts += [shown.part("history", history_messages([one]), row) for row, one in _earlier(fetched, runs)]
    parts.append(shown.part("new", new))
    answer = messages[first] if first < len(messages) else None
    return Received(
        is_stored=bool(copies),
        parts=[part for part in parts if part.count],
        runs=runs,
        choices=[number for number in (0, 1, DEFAULT_RUNS, 10, MOST_RUNS) if number != runs],
        tokens=answer.metrics.input_tokens if answer is not None and answer.metrics is not None else None,
        has_answered=answer is not None,
    )


def _answers(message: Message) -> bool:
    return message.role in ("assistant", "model") and not message.from_history


class _Shown:
    """Messages as they are shown, SHOWN of them in all."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._room = SHOWN

    def part(self, kind: str, messages: Sequence[Message], run: CatalogRun | None = None) -> Sent:
        """Return these messages as a part, as many of them as there is room for."""
        some = messages[: max(0, self._room)]
        self._room -= len(some)
        characters = sum(len(one.text) for one in messages)
        return Sent(kind, [self._message(one) for one in some], len(messages), characters, run)

    def _message(self, message: Message) -> SentMessage:
        calls = [call.name or "unnamed tool" for call in message.tool_calls[:20]]
        return SentMessage(message.role or "no role", self._budget.take(message.text), calls, len(message.media))


def _earlier(fetched: FetchedRun, runs: int) -> list[tuple[CatalogRun, Run]]:
    """Return the runs whose messages Agno sends again, oldest first, as many as are asked for and as may be read.

    A member's history is what it was delegated before; anything else's are the session's runs of whichever component.
    """
    row = fetched.row
    rows = CatalogRun.objects.filter(session_id=row.session_id, ordinal__lt=row.ordinal, stored=True)
    rows = rows.exclude(status__in=NOT_HISTORY).exclude(kind="bad")
    if row.parent_run_id is None:
        rows = rows.filter(parent_run_id=None)
    else:
        rows = rows.filter(component_id=row.component_id).exclude(parent_run_id=None)
    return _read(fetched, list(rows.order_by("-ordinal")[:runs]))


def _read(fetched: FetchedRun, rows: list[CatalogRun]) -> list[tuple[CatalogRun, Run]]:
    """Read runs, nearest first, as far as READ_BYTES go; return them oldest first."""
    room, near = READ_BYTES, []
    for row in rows:
        room -= row.size
        if room < 0:
            break
        near.append(row)
    found = fetched.reader.runs(fetched.session.session_id, [row.position for row in near]) if near else []
    pairs = [(row, run) for row, run in zip(near, found, strict=True) if isinstance(run, Run)]
    return pairs[::-1]


def prompt(fetched: FetchedRun, run: Run, budget: Budget) -> Prompt | None:
    """Return the run's instructions and their difference to the run before; None when it has none.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    text = instructions_of(run)
    if text is None:
        return None
    row = fetched.row
    before = CatalogRun.objects.filter(session_id=row.session_id, ordinal__lt=row.ordinal, stored=True)
    same = before.filter(kind=row.kind, component_id=row.component_id).order_by("-ordinal")[:LOOKED_BACK]
    for earlier, stored in reversed(_read(fetched, list(same))):
        old = instructions_of(stored)
        if old is not None:
            lines = line_diff(old, text, DIFF_LINES)
            return Prompt(budget.take(text), earlier, lines, *counted(lines))
    return Prompt(budget.take(text), None, [], 0, 0)


def instructions_of(run: Run) -> str | None:
    """Return the text of the run's own system messages, None when it has none."""
    texts = [one.text for one in run.own_messages if one.role in _INSTRUCTIONS]
    return "\n\n".join(texts) if texts else None
