"""The steps of a run on one clock: its model calls and tool calls, the runs below it and theirs, a workflow's steps.

Agno stores whole seconds for runs and messages and fractions for tool calls. Inside of its second, what comes after
another began when that one ended.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from agentos.catalog.models import CatalogRun
from agentos.records import NOBODY, BadRun, ByPerson, Message, Run, ToolCall, WorkflowRunOutput
from sessions_ui.presenters.tool_calls import ToolBook
from sessions_ui.presenters.workflow_steps import CONTAINERS, PlacedStep, placed_steps, remark_of, status_of

ROWS, STEPS = 200, 150
"""Lines of the whole, and steps of one workflow's run in it."""

DEPTH = 6
"""Levels that stand apart from each other; deeper ones stand at the last."""

LEAST = 0.6
"""Hundredths of the width that the shortest bar has."""

DELEGATE, BROADCAST = "delegate_task_to_member", "delegate_task_to_members"
NOT_STORED = "The members' runs were not stored"
_TICKS = 5
_NONE: Mapping[str, ByPerson] = {}


@dataclass(frozen=True)
class Line:
    """One line: a run, a model call, a tool call, a step, or `missing`: what Agno did not store.

    `run` is the run that it is or belongs to. `target`: the anchor or number that leads to it. `x`, `width`: its bar
    in hundredths, None where no time is stored. `began`: unix seconds. `by`: what of it a person wrote.
    """

    kind: str
    depth: int
    name: str
    run: CatalogRun
    remark: str = ""
    status: str = ""
    target: str = ""
    began: float | None = None
    duration: float | None = None
    x: float | None = None
    width: float | None = None
    by: ByPerson = NOBODY

    @property
    def is_error(self) -> bool:
        """Whether it failed."""
        return self.status == "ERROR"


@dataclass(frozen=True)
class Waterfall:
    """The lines, the clock over them as (place, seconds), the seconds in all (None: unknown) and how many failed.

    `left_out`: runs below that are not among them; `is_cut`: there is more than ROWS lines.
    """

    lines: list[Line]
    ticks: list[tuple[float, float]] = field(default_factory=list)
    seconds: float | None = None
    errors: int = 0
    left_out: int = 0
    is_cut: bool = False


@dataclass
class _Open:
    """A run whose lines are being written, and the time up to which they have come."""

    row: CatalogRun
    depth: int
    children: list[CatalogRun]
    entries: Iterator["Line | _Open"]
    began: float | None
    clock: float | None


def lines_of(
    row: CatalogRun, below: list[CatalogRun], runs: dict[str, Run], people: Mapping[str, ByPerson] = _NONE
) -> Iterator[Line]:
    """Yield the lines of a run and those below it, not drawn yet. `runs`: as many of them by id as have been read.

    `people`: what they wrote of which runs, by id.
    """
    return _Tree(row, below, runs, people).lines()


def waterfall(
    row: CatalogRun,
    below: list[CatalogRun],
    runs: dict[str, Run],
    left_out: int,
    people: Mapping[str, ByPerson] = _NONE,
) -> Waterfall:
    """Return the lines of a run and those below it; `runs` and `people` as in `lines_of`."""
    lines = list(islice(lines_of(row, below, runs, people), ROWS + 1))
    is_cut = len(lines) > ROWS
    lines = lines[:ROWS]
    spans = [(line.began, line.began + (line.duration or 0.0)) for line in lines if line.began is not None]
    errors = sum(line.is_error for line in lines)
    if not spans:
        return Waterfall(lines, errors=errors, left_out=left_out, is_cut=is_cut)
    start, end = min(began for began, _ in spans), max(ended for _, ended in spans)
    seconds = end - start
    scale = 100 / seconds if seconds > 0 else 0.0
    drawn = [_drawn(line, start, scale) for line in lines]
    return Waterfall(drawn, _ticks(seconds), seconds, errors, left_out, is_cut)


def _drawn(line: Line, start: float, scale: float) -> Line:
    if line.began is None:
        return line
    width = max(LEAST, (line.duration or 0.0) * scale)
    return replace(line, x=round(min((line.began - start) * scale, 100 - LEAST), 2), width=round(min(width, 100.0), 2))


def _ticks(seconds: float) -> list[tuple[float, float]]:
    """Return places and seconds of round numbers on the clock, at most _TICKS and the beginning."""
    if seconds <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(seconds / _TICKS))
    step = next(factor * power for factor in (1, 2, 5, 10) if seconds / (factor * power) <= _TICKS)
    return [
        (round(100 * number * step / seconds, 2), number * step)
        for number in range(_TICKS + 1)
        if number * step < seconds
    ]


class _Tree:
    """Writes the lines of runs, depth first, without recursion."""

    def __init__(
        self, row: CatalogRun, below: list[CatalogRun], runs: dict[str, Run], people: Mapping[str, ByPerson]
    ) -> None:
        self._row = row
        self._runs, self._people = runs, people
        self._children: dict[int, list[CatalogRun]] = {}
        path = [row]
        for run in below:
            while len(path) > 1 and path[-1].depth >= run.depth:
                path.pop()
            self._children.setdefault(path[-1].ordinal, []).append(run)
            path.append(run)

    def lines(self) -> Iterator[Line]:
        """Yield the run itself, then everything in it and below it."""
        first = self._open(self._row, 0, None)
        yield self._line(first)
        stack = [first]
        while stack:
            entry = next(stack[-1].entries, None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, Line):
                yield entry
            else:
                yield self._line(entry)
                stack.append(entry)

    def _open(self, row: CatalogRun, depth: int, after: float | None) -> _Open:
        began = _placed(row.created_at, after)
        opened = _Open(row, depth, list(self._children.get(row.ordinal, ())), iter(()), began, began)
        run = self._runs.get(row.run_id or "")
        opened.entries = self._workflow(opened, run) if isinstance(run, WorkflowRunOutput) else self._talk(opened, run)
        return opened

    def _line(self, opened: _Open) -> Line:
        row = opened.row
        remark = "" if opened.depth == 0 else row.input_preview
        name = row.component or "unnamed"
        duration = _seconds(row.duration)
        by = self._people.get(row.run_id or "", NOBODY)
        return Line("run", min(opened.depth, DEPTH), name, row, remark, row.status, "", opened.began, duration, by=by)

    def _talk(self, opened: _Open, run: Run | None) -> Iterator["Line | _Open"]:
        """Yield what an agent or a team did: model calls and tool calls, the runs it delegated after their calls."""
        if run is not None:
            book = ToolBook(run)
            for place, message in enumerate(run.messages, 1):
                if message.from_history or message.role not in ("assistant", "model"):
                    continue
                yield self._model(opened, run, message, place)
                yield from self._tools(opened, book, book.asked_by(message))
            yield from self._tools(opened, book, book.unasked())
        for child in opened.children:
            yield self._open(child, opened.depth + 1, opened.clock)

    def _model(self, opened: _Open, run: Run, message: Message, place: int) -> Line:
        metrics = message.metrics
        began = _placed(message.created_at, opened.clock)
        duration = _seconds(metrics.duration) if metrics else None
        if began is not None:
            opened.clock = began + (duration or 0.0)
        answered = self._people.get(opened.row.run_id or "", NOBODY).answered
        name, by = (answered, ByPerson(answered)) if answered else (run.model or "model", NOBODY)
        remark = "thinks" if message.reasoning_content else ""
        return Line("model", _inner(opened), name, opened.row, remark, "", f"m{place}", began, duration, by=by)

    def _tools(self, opened: _Open, book: ToolBook, calls: list[ToolCall]) -> Iterator["Line | _Open"]:
        """Yield calls that were asked for at once, so that none waits for another."""
        start, ends = opened.clock, [opened.clock or 0.0]
        for call in calls:
            opened.clock = start
            yield from self._tool(opened, book, call)
            ends.append(opened.clock or 0.0)
        opened.clock = max(ends) or None

    def _tool(self, opened: _Open, book: ToolBook, call: ToolCall) -> Iterator["Line | _Open"]:
        """Yield a tool call, then the runs that it delegated, or that they were not stored.

        Agno's clock of a delegation covers its last moment alone: the member began when the call was asked for.
        """
        metrics = call.execution.metrics if call.execution else None
        began = _moment(metrics.start_time) if metrics else None
        began = _placed(call.created_at, opened.clock) if began is None else began
        duration = _seconds(call.duration)
        status = {"error": "ERROR", "waiting": "PAUSED", "rejected": "CANCELLED"}.get(str(call.status), "")
        target = str(book.number_of(call))
        yield Line("tool", _inner(opened), call.name or "unnamed tool", opened.row, "", status, target, began, duration)
        if call.name in (DELEGATE, BROADCAST):
            yield from self._delegated(opened, call)
        if began is not None:
            opened.clock = max(opened.clock or 0.0, began + (duration or 0.0))

    def _delegated(self, opened: _Open, call: ToolCall) -> Iterator["Line | _Open"]:
        members = _members(opened, call)
        start = opened.clock
        for row in members:
            opened.children.remove(row)
            member = self._open(row, opened.depth + 1, start)
            yield member
            opened.clock = max(opened.clock or 0.0, _end(member)) or None
        if not members and str(call.status) != "waiting":
            yield Line("missing", min(opened.depth + 2, DEPTH), NOT_STORED, opened.row)

    def _workflow(self, opened: _Open, run: WorkflowRunOutput) -> Iterator["Line | _Open"]:
        """Yield the workflow's own agent, then the steps, each with the run of its executor."""
        agent = run.workflow_agent_run
        by_id = {child.run_id: child for child in opened.children if child.run_id is not None}
        steps = list(placed_steps(run.step_results, STEPS))
        if agent is not None and (first := by_id.pop(agent.run_id or "", None)) is not None:
            opened.children.remove(first)
            yield self._open(first, opened.depth + 1, opened.clock)
        starts: dict[int, float | None] = {}
        for step in steps:
            if step.container == "Parallel":
                opened.clock = starts.get(step.depth - 1)
            starts[step.depth] = opened.clock
            child = by_id.pop(step.output.step_run_id or "", None)
            if child is not None:
                opened.children.remove(child)
            yield from self._step(opened, step, child)
        for left in list(opened.children):
            yield self._open(left, opened.depth + 1, opened.clock)

    def _step(self, opened: _Open, step: PlacedStep, child: CatalogRun | None) -> Iterator["Line | _Open"]:
        output = step.output
        depth = opened.depth + 1 + step.depth
        duration = _seconds(output.metrics.duration) if output.metrics else None
        began = opened.clock if child is None else _placed(child.created_at, opened.clock)
        yield Line(
            "step", min(depth, DEPTH), output.step_name or "Unnamed step", opened.row,
            remark_of(step) or (output.step_type or "step").lower(), status_of(output), f"step-{step.number}",
            began if duration is not None or child is not None else None, duration,
        )  # fmt: skip
        ends = [began + (duration or 0.0)] if began is not None and output.step_type not in CONTAINERS else []
        if child is not None:
            inner = self._open(child, depth + 1, began)
            yield inner
            ends.append(_end(inner))
        opened.clock = max([opened.clock or 0.0, *ends]) or None


def _end(opened: _Open) -> float:
    """Return when a run ended, as far as it is known; 0 for nothing."""
    return max(opened.clock or 0.0, (opened.began or 0.0) + (_seconds(opened.row.duration) or 0.0))


def _members(opened: _Open, call: ToolCall) -> list[CatalogRun]:
    """Return the members' runs that a call led to: the first of the member it names, or all for a call of them all.

    Agno's own link, `child_run_id`, is not to be relied on (format §3.5).
    """
    if call.name == BROADCAST:
        return list(opened.children)
    member = (call.args or {}).get("member_id")
    named = (child for child in opened.children if child.component_id == member)
    return list(islice(named, 1))


def _inner(opened: _Open) -> int:
    return min(opened.depth + 1, DEPTH)


def _placed(stored: int | None, after: float | None) -> float | None:
    """Return the moment of a stored second: inside of it, not before `after`."""
    moment = _moment(stored)
    if moment is None:
        return after
    return after if after is not None and moment <= after < moment + 1 else moment


def _moment(value: float | None) -> float | None:
    """Return unix seconds that can be one; milliseconds are brought down."""
    if value is None or not math.isfinite(value) or not 0 < value < 1e14:
        return None
    return float(value) / 1000 if value > 1e11 else float(value)


def _seconds(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and 0 <= value < 1e9 else None


def runs_by_id(found: list[Run | BadRun]) -> dict[str, Run]:
    """Return the runs that are some, by their ids; the first of each."""
    runs: dict[str, Run] = {}
    for run in found:
        if isinstance(run, Run) and run.run_id is not None:
            runs.setdefault(run.run_id, run)
    return runs
