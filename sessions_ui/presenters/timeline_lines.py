"""What happened in runs, as lines of a timeline: runs and members, steps, model calls, tool calls, each with its time.

Agno stores most times by the second, so within one second calls are put one behind the other. What it does not store
has no bar and says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agentos.catalog.models import CatalogRun
from agentos.catalog.windows import Tree
from agentos.records import BadRun, Message, Metrics, Run, StepOutput, ToolCall, WorkflowRunOutput, as_datetime
from sessions_ui.presenters.gaps import began
from sessions_ui.presenters.time_axis import Span
from sessions_ui.presenters.tool_calls import ToolBook

STEPS = 80


@dataclass(frozen=True)
class Line:
    """One line, without its place on the axis. `kind`: agent, team, workflow, bad, step, model or tool.

    `message`, `call`: numbers of what it is of in `run`, from 1 and from 0. `note` says what is not stored.
    """

    kind: str
    run: CatalogRun
    depth: int
    name: str
    remark: str = ""
    status: str = "COMPLETED"
    span: Span | None = None
    duration: float | None = None
    message: int | None = None
    call: int | None = None
    note: str = ""


@dataclass
class _Unit:
    """Lines that stay together, in order of the time at which they begin."""

    start: float | None
    lines: list[Line] = field(default_factory=list)


def lines_of(tree: Tree, runs: Mapping[int, Run | BadRun]) -> list[Line]:
    """Return the lines of a top-level run and what is below it. `runs`: by ordinal, those that were read."""
    return _Tree(tree, runs).lines(tree.root, 0)


class _Tree:
    """The runs of one tree, each handed out once."""

    def __init__(self, tree: Tree, runs: Mapping[int, Run | BadRun]) -> None:
        self._runs = runs
        self._children: dict[int, list[CatalogRun]] = {}
        path = [tree.root]
        for row in tree.below:
            while len(path) > 1 and path[-1].depth >= row.depth:
                path.pop()
            self._children.setdefault(path[-1].ordinal, []).append(row)
            path.append(row)

    def lines(self, row: CatalogRun, depth: int) -> list[Line]:
        """Return the run's own line, then those of what it did."""
        children = self._children.pop(row.ordinal, [])
        run = self._runs.get(row.ordinal)
        units = list(self._units(row, run, children, depth + 1)) if isinstance(run, Run) else []
        units += [self._unit(child, depth + 1) for child in children]
        inside = [line for unit in _in_order(units) for line in unit.lines]
        starts = [line.span for line in inside if line.span is not None]
        return [_run_line(row, depth, starts, is_read=run is not None), *inside]

    def _unit(self, row: CatalogRun, depth: int) -> _Unit:
        lines = self.lines(row, depth)
        return _Unit(lines[0].span.start if lines[0].span else None, lines)

    def _units(self, row: CatalogRun, run: Run, children: list[CatalogRun], depth: int) -> Iterator[_Unit]:
        """Yield what the run did. A child that a call or a step names goes below it, and is taken out of `children`."""
        for line, child_id in _own_lines(row, run, depth):
            child = next((one for one in children if child_id and one.run_id == child_id), None)
            unit = _Unit(line.span.start if line.span else None, [line])
            if child is not None:
                children.remove(child)
                below = self._unit(child, line.depth + 1)
                unit = _Unit(below.start if unit.start is None else unit.start, [line, *below.lines])
            yield unit


def _in_order(units: list[_Unit]) -> list[_Unit]:
    """Return the units by time; one of unknown time stays behind the one before it."""
    keys: list[float] = []
    for unit in units:
        keys.append(unit.start if unit.start is not None else keys[-1] if keys else 0.0)
    return [units[at] for at in sorted(range(len(units)), key=keys.__getitem__)]


def _run_line(row: CatalogRun, depth: int, inside: list[Span], *, is_read: bool) -> Line:
    """Return a run's line. Agno notes the time at which a run's model began: what it did before belongs to it."""
    start = began(row)
    starts = [span.start for span in inside] + ([start] if start is not None else [])
    span = None
    if starts:
        first = min(starts)
        length = row.duration or 0.0
        last = (start if start is not None else first) + length
        span = Span(first, last if row.duration else max([last, *(one.end for one in inside)]))
    notes = [] if start is not None else ["when it began is not stored"]
    if not is_read:
        notes.append("only its own bar is drawn")
    return Line(
        row.kind, row, depth, row.component or "unnamed", row.input_preview, row.status, span, row.duration,
        note=", ".join(notes),
    )  # fmt: skip


def _own_lines(row: CatalogRun, run: Run, depth: int) -> Iterator[tuple[Line, str | None]]:
    """Yield the run's model calls, tool calls and steps, each with the id of the run it started, if one is named."""
    clock = _Clock()
    book = ToolBook(run)
    for place, message in enumerate(run.messages, 1):
        if message.from_history or message.role not in ("assistant", "model"):
            continue
        yield _model_line(row, run, message, place, depth, clock), None
        for call in book.asked_by(message):
            yield _tool_line(row, call, book.calls.index(call), place, depth, clock)
    for call in book.unasked():
        yield _tool_line(row, call, book.calls.index(call), None, depth, clock)
    if isinstance(run, WorkflowRunOutput):
        times = {name: step.metrics for name, step in run.metrics.steps.items()} if run.metrics else {}
        yield from _step_lines(row, run.step_results, times, depth)


class _Clock:
    """Where the last thing ended: what is stored as the same second began behind it."""

    def __init__(self) -> None:
        self._end = 0.0

    def span(self, begins: int | float | None, seconds: float | None, *, exact: bool = False) -> Span | None:
        """Return from when to when something lasted that began in the second `begins`, or exactly then."""
        moment = as_datetime(begins) if begins else None
        if moment is None or not 1971 <= moment.year <= 9000:
            return None
        start = moment.timestamp()
        if not exact and start <= self._end < start + 1:
            start = self._end
        self._end = start + max(0.0, seconds or 0.0)
        return Span(start, self._end)


def _model_line(row: CatalogRun, run: Run, message: Message, place: int, depth: int, clock: _Clock) -> Line:
    metrics = message.metrics
    seconds = metrics.duration if metrics else None
    tokens = f"{metrics.tokens:,} tokens" if metrics and metrics.tokens is not None else "tokens unknown"
    return Line(
        "model", row, depth, run.model or "Model", tokens,
        span=clock.span(message.created_at, seconds), duration=seconds, message=place,
    )  # fmt: skip


def _tool_line(
    row: CatalogRun, call: ToolCall, number: int, place: int | None, depth: int, clock: _Clock
) -> tuple[Line, str | None]:
    execution = call.execution
    metrics = execution.metrics if execution is not None else None
    begins = metrics.start_time if metrics is not None else None
    stored = execution.created_at if execution is not None else call.message.created_at if call.message else None
    status = {"error": "ERROR", "waiting": "PAUSED", "rejected": "CANCELLED"}.get(str(call.status), "COMPLETED")
    line = Line(
        "tool", row, depth, call.name or "unnamed tool", " ".join(call.arguments[:200].split())[:80], status,
        clock.span(begins or stored, call.duration, exact=begins is not None), call.duration,
        message=place, call=number, note="" if execution is not None else "only the request is stored",
    )  # fmt: skip
    return line, execution.child_run_id if execution is not None else None


def _step_lines(
    row: CatalogRun, outputs: Iterable[StepOutput], times: Mapping[str, Metrics | None], depth: int
) -> Iterator[tuple[Line, str | None]]:
    """Yield the steps depth first, at most STEPS of them. Only runs of agents and teams inside them have a time."""
    waiting = [(output, depth) for output in reversed(list(outputs))]
    shown = 0
    while waiting and shown < STEPS:
        output, at = waiting.pop()
        shown += 1
        name = output.step_name or "Unnamed step"
        metrics = output.metrics or times.get(name)
        status = "ERROR" if output.success is False else "PAUSED" if output.is_paused else "COMPLETED"
        remark = " ".join(filter(None, (output.step_type, output.executor_name)))
        line = Line(
            "step", row, at, name, remark, status, duration=metrics.duration if metrics else None,
            note="" if output.step_run_id else "its time is not stored",
        )  # fmt: skip
        yield line, output.step_run_id
        waiting.extend((step, at + 1) for step in reversed(output.steps))


def with_span_of_below(lines: list[Line]) -> list[Line]:
    """Give each step without a time of its own that of the lines below it."""
    found = list(lines)
    for at in range(len(found) - 1, -1, -1):
        line = found[at]
        if line.kind != "step" or line.span is not None:
            continue
        spans = []
        for below in found[at + 1 :]:
            if below.depth <= line.depth:
                break
            if below.span is not None:
                spans.append(below.span)
        if spans:
            span = Span(min(one.start for one in spans), max(one.end for one in spans))
            found[at] = replace(line, span=span, note="")
    return found
