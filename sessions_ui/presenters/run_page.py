"""The run page: its facts, its steps, all its messages and what is stored, bounded for a run of any size."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery
from django.http import QueryDict

from agentos.catalog.models import CatalogRun
from agentos.catalog.pricing import lines_of
from agentos.prices.pricing import Priced
from agentos.prices.table import current
from agentos.records import (
    NOBODY,
    BadRun,
    ByPerson,
    Metrics,
    ModelMetrics,
    Run,
    build_forest,
    strip_for_postgres,
    walk,
)
from agentos.records.usage import line
from agentos.turns.speaking import known
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.conversation import Item, citations_of, items_of
from sessions_ui.presenters.fetched_run import FetchedRun, tool_book
from sessions_ui.presenters.lineage import Tie, ties_of
from sessions_ui.presenters.media import MediaBook, MediumView
from sessions_ui.presenters.received import Prompt, Received, history_size, prompt, received
from sessions_ui.presenters.waterfall import Waterfall, runs_by_id, waterfall
from sessions_ui.rendering.json_tree import DEPTH_LIMIT, NODE_LIMIT

# Characters of stored text on the page: its messages, its session state, its record.
MESSAGES_TEXT, STATE_TEXT, RECORD_TEXT = 60_000, 20_000, 40_000
EACH_TEXT, EACH_VALUE, NODES = 15_000, 2_000, 1_500
ITEMS, TOOLS, RUNS_BELOW, METRIC_ROWS = 200, 100, 200, 60
# What the pane of messages shows: what was said, what the model was sent, its instructions.
SHOWS = ("run", "received", "prompt")
# Bytes of other runs that are read to show what was done in them.
READ_BYTES = 4_000_000


@dataclass(frozen=True)
class Message:
    """An item of the run, the anchor it is linked by, and how many tool calls of it had no room."""

    anchor: str
    item: Item
    calls_left_out: int = 0


@dataclass(frozen=True)
class Usage:
    """What one model used in one role, or one step of a workflow altogether."""

    role: str
    model: str
    metrics: ModelMetrics | Metrics
    priced: Priced

    @property
    def audio(self) -> int | None:
        """Audio heard and spoken together."""
        counts = [count for count in (self.metrics.audio_input_tokens, self.metrics.audio_output_tokens) if count]
        return sum(counts) if counts else None


@dataclass(frozen=True)
class Place:
    """Where the run stands among the session's top-level runs: `number` of `total`, and its neighbours."""

    number: int
    total: int
    root: CatalogRun | None
    previous: CatalogRun | None
    following: CatalogRun | None


@dataclass(frozen=True)
class RunPage:
    """Everything the run page shows of a run; of one that is none, only `problem` and `bad_text`.

    `by`: what of it a person wrote.
    """

    row: CatalogRun
    place: Place
    steps: Waterfall
    run: Run | None = None
    metrics: Metrics | None = None
    usage: list[Usage] = field(default_factory=list)
    speed: float | None = None
    why_unknown: str = ""
    show: str = SHOWS[0]
    messages: list[Message] = field(default_factory=list)
    start: int = 1
    next_start: int | None = None
    received: Received | None = None
    prompt: Prompt | None = None
    error: Clipped | None = None
    waiting_for: list[str] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)
    media: list[MediumView] = field(default_factory=list)
    media_left_out: int = 0
    ties: list[Tie] = field(default_factory=list)
    by: ByPerson = NOBODY
    state: Any = None
    record: Any = None
    problem: str = ""
    bad_text: Clipped | None = None


def run_data(fetched: FetchedRun) -> bytes:
    """Return the run as JSON, as stored; only what JSON has no form for (NaN, lone surrogates) makes a cleaned copy.

    Raises:
        RecordError: it is nested too deeply.
    """
    row = fetched.row
    data = {
        "run": fetched.run.to_dict(),
        "session_id": fetched.session.session_id,
        "source": fetched.session.source,
        "kind": row.kind,
        "component_id": row.component_id,
        "status": row.status or None,
        "parent_run_id": row.parent_run_id,
        "embedded": not row.stored,
        "cost": row.cost,
        "computed_cost": row.computed_cost,
        "usage": [one._asdict() for one in lines_of(row.usage)],
    }
    try:
        return json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return json.dumps(strip_for_postgres(data), allow_nan=False, ensure_ascii=False).encode()


def run_page(fetched: FetchedRun, query: QueryDict) -> RunPage:
    """Return what the page shows of the run; `?show=` one of SHOWS, `?from=` the number of the first message.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    row, run = fetched.row, fetched.run
    place = place_of(row)
    budget = Budget(MESSAGES_TEXT, EACH_TEXT, folded=EACH_VALUE, nodes=NODES)
    below, left_out = _below(row)
    if isinstance(run, BadRun):
        text = run.raw if isinstance(run.raw, str) else repr(run.raw)
        bad = budget.take(text)
        return RunPage(row, place, waterfall(row, below, {}, left_out), problem=run.problem, bad_text=bad)
    people = known(fetched.session.source, fetched.session.session_id, [run])
    usage = list(islice(_usage(run.metrics, row), METRIC_ROWS))
    page = RunPage(
        row=row,
        place=place,
        steps=waterfall(row, below, _runs_below(fetched, below), left_out, people),
        run=run,
        metrics=run.metrics,
        usage=usage,
        speed=_speed(run),
        why_unknown=next((one.priced.why for one in usage if one.priced.why), "") if row.cost is None else "",
        # What failed or waits matters most, so it takes from the budget first.
        error=budget.take(run.content_text or "No message is stored.") if run.status == "ERROR" else None,
        waiting_for=[call.name for call in run.tool_calls if call.status == "waiting"][:10],
        citations=citations_of(run),
        ties=ties_of(fetched, run, budget),
        by=people.get(run.run_id or "", NOBODY),
        state=bounded(run.session_state, STATE_TEXT),
        record=bounded(run.raw, RECORD_TEXT),
    )
    show = query.get("show", "")
    if show == "received":
        return replace(page, show=show, received=received(fetched, run, budget, history_size(query)))
    if show == "prompt":
        return replace(page, show=show, prompt=prompt(fetched, run, budget))
    return _with_messages(page, fetched, run, budget, query)


def _with_messages(page: RunPage, fetched: FetchedRun, run: Run, budget: Budget, query: QueryDict) -> RunPage:
    """Return the page with a window of the messages, and behind the last one the media that stand nowhere else."""
    value = query.get("from", "")
    start = max(1, int(value)) if value.isascii() and value.isdecimal() and len(value) < 8 else 1
    book = MediaBook(run)
    items = items_of(run, budget, book, tool_book(fetched, run), everything=True, start=start)
    messages, following = _messages(items, budget)
    media, media_left_out = book.rest() if following is None else ([], 0)
    return replace(
        page, messages=messages, start=start, next_start=following, media=media, media_left_out=media_left_out
    )


def place_of(row: CatalogRun) -> Place:
    """Return the run's place in one statement: its root and the roots beside it, each with both counts."""
    roots = CatalogRun.objects.filter(session_id=row.session_id, depth=0)
    earlier, later = roots.filter(ordinal__lt=row.root_ordinal), roots.filter(ordinal__gt=row.root_ordinal)
    previous = Subquery(earlier.order_by("-ordinal").values("ordinal")[:1])
    following = Subquery(later.order_by("ordinal").values("ordinal")[:1])
    near = roots.filter(Q(ordinal=row.root_ordinal) | Q(ordinal=previous) | Q(ordinal=following))
    found = {run.ordinal: run for run in near.annotate(before=_count(earlier), behind=_count(later))}
    root = found.pop(row.root_ordinal, None)
    before, behind = (getattr(root, name, None) or 0 for name in ("before", "behind"))
    return Place(
        number=before + 1,
        total=before + 1 + behind,
        root=None if row.depth == 0 else root,
        previous=next((run for run in found.values() if run.ordinal < row.root_ordinal), None),
        following=next((run for run in found.values() if run.ordinal > row.root_ordinal), None),
    )


def _count(runs: QuerySet[CatalogRun]) -> Subquery:
    """Count the runs inside a statement; NULL for none."""
    return Subquery(runs.order_by().values("session_id").annotate(n=Count("id")).values("n"))


def _below(row: CatalogRun) -> tuple[list[CatalogRun], int]:
    """Return the first runs below this one, depth first, and how many more there are."""
    tree = CatalogRun.objects.filter(
        session_id=row.session_id, root_ordinal=row.root_ordinal, ordinal__gt=row.ordinal
    ).order_by("ordinal")
    runs = list(takewhile(lambda run: run.depth > row.depth, tree[: RUNS_BELOW + 1]))
    if len(runs) <= RUNS_BELOW:
        return runs, 0
    after = tree.filter(depth__lte=row.depth).values_list("ordinal", flat=True).first()
    whole = tree if after is None else tree.filter(ordinal__lt=after)
    return runs[:RUNS_BELOW], whole.count() - RUNS_BELOW


def _messages(items: Iterable[Item], budget: Budget) -> tuple[list[Message], int | None]:
    """Return the first items with their anchors, and the number of the message that the next ones begin with.

    They end where a message does: when there are enough, or the text they may show is used up.
    """
    shown: list[Message] = []
    anchors: set[str] = set()
    tools = 0
    last: int | None = None
    for item in items:
        is_full = len(shown) >= ITEMS or tools >= TOOLS or budget.left <= 0
        if shown and is_full and item.place is not None and item.place != last:
            return shown, item.place
        # What search links to is the message; what else it holds, and what is none, has an anchor of the page's own.
        anchor = f"m{item.place}"
        if item.place is None or anchor in anchors:
            anchor = f"i{len(shown) + 1}"
        anchors.add(anchor)
        last, tools = item.place, tools + len(item.tools)
        shown.append(Message(anchor, replace(item, tools=item.tools[:TOOLS]), max(0, len(item.tools) - TOOLS)))
    return shown, None


def _runs_below(fetched: FetchedRun, below: list[CatalogRun]) -> dict[str, Run]:
    """Return the run and those below it by id, as many as READ_BYTES allow: what they did inside is in them alone."""
    room, positions = READ_BYTES, []
    for row in below:
        if row.stored and row.position != fetched.row.position and (room := room - row.size) >= 0:
            positions.append(row.position)
    others = fetched.reader.runs(fetched.session.session_id, positions) if positions else []
    return runs_by_id([node.run for node in walk(build_forest([fetched.stored, *others]))])


def _usage(metrics: Metrics | None, row: CatalogRun) -> Iterator[Usage]:
    if metrics is None:
        return
    table = current()
    for role, models in metrics.models.items():
        for model in models:
            yield Usage(
                role, model.id or "", model, table.price(line(role, model.provider, model.id, model), row.created_at)
            )
    for name, step in metrics.steps.items():
        if step.metrics is not None:
            told = Priced(step.metrics.cost, why="" if step.metrics.cost is not None else "Steps name no model.")
            yield Usage(name, step.executor_name or step.executor_type or "", step.metrics, told)


def _speed(run: Run) -> float | None:
    """Return the output tokens of a second in which a model answered; of the whole run where answers have no times."""
    timed = [one.metrics for one in run.own_messages if one.metrics is not None and one.metrics.duration]
    for parts in (timed, [run.metrics] if run.metrics is not None else []):
        took = sum(one.duration or 0.0 for one in parts if one.output_tokens)
        if took > 0:
            return sum(one.output_tokens or 0 for one in parts) / took
    return None


class _Bounded:
    """Copies as much of a JSON value as a tree of it shows, within a budget of characters."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._nodes = 0

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Return the value, its strings cut; behind the tree's limits as it is, so that its size is still told."""
        self._nodes += 1
        if self._nodes > NODE_LIMIT or depth > DEPTH_LIMIT:
            return value
        if isinstance(value, str):
            return self._cut(value)
        if isinstance(value, dict):
            return {key: self.copy(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.copy(inner, depth + 1) for inner in value]
        return value

    def _cut(self, text: str) -> str:
        shown = self._budget.take(text)
        return f"{shown.text}… {shown.total:,} characters" if shown.is_cut else text


def bounded(value: Any, characters: int) -> Any:
    """Return a JSON value as its tree may show it: `characters` of its strings, EACH_VALUE of each."""
    return _Bounded(Budget(characters, EACH_VALUE - 40)).copy(value)
