"""What a session used and what it cost: by model and role, by run, and beside what Agno counted itself.

All of it comes from the catalog's scalars, in one statement whatever the session's size; no stored run is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.pricing import lines_of, progress
from agentos.prices.pricing import PriceTable
from agentos.prices.table import current
from agentos.records import Metrics, Session, Usage
from sessions_ui.presenters.metric_reasons import RunFact, reasons

MOST_RUNS: Final = 20_000
"""Runs that are added up; a larger session says how many are left out."""

HEAVIEST, BARS, NAMED = 12, 100, 40
_WIDTH: Final = 100.0
_HEIGHT: Final = 56.0
_READ: Final = (
    "ordinal", "depth", "kind", "run_id", "root_ordinal", "component_name", "component_id", "status", "created_at",
    "usage", "cost", "told_cost", "duration", "first_token", "model",
)  # fmt: skip


@dataclass
class Used:
    """Tokens by kind, and the cost, of a number of runs. Counts are None until something is known.

    `cost` is what is known of it, `computed` how much of that follows from the price table; `unknown` runs have none.
    """

    name: str = ""
    about: str = ""
    runs: int = 0
    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    cost: float | None = None
    computed: float | None = None
    unknown: int = 0
    why: str = ""
    share: float = 0.0

    @property
    def tokens(self) -> int | None:
        """Input and output together."""
        return None if self.input is None else self.input + (self.output or 0)

    @property
    def audio(self) -> int | None:
        """Audio heard and spoken together."""
        return None if self.audio_input is None else self.audio_input + (self.audio_output or 0)

    def add(self, line: Usage) -> None:
        """Add what a line counted."""
        for name, count in zip(Usage._fields[3:10], line.counts, strict=True):
            if count is not None:
                setattr(self, name, (getattr(self, name) or 0) + count)

    def add_cost(self, cost: float | None, *, computed: bool, why: str = "") -> None:
        """Add a cost; None is one more that is not known."""
        if cost is None:
            self.unknown += 1
            self.why = self.why or why
            return
        self.cost = (self.cost or 0.0) + cost
        if computed:
            self.computed = (self.computed or 0.0) + cost


@dataclass(frozen=True)
class RunUse:
    """A run with what it used. `width`: of its bar, in per cent of the heaviest one's."""

    run: CatalogRun
    used: Used
    width: float


@dataclass(frozen=True)
class Bar:
    """Some runs side by side: `first` to `last`, counted from 1, and what they used."""

    x: float
    width: float
    input_y: float
    input_height: float
    output_y: float
    output_height: float
    first: int
    last: int
    used: Used
    has_failed: bool


@dataclass(frozen=True)
class Spread:
    """The middle of some values and what 95 % of them do not exceed; `count` of them are known."""

    middle: float
    most: float
    count: int


@dataclass(frozen=True)
class Beside:
    """One figure as the runs have it and as Agno keeps it with the session. `is_money`: dollars, else tokens."""

    name: str
    runs: float | None
    stored: float | None
    is_money: bool = False

    @property
    def differs(self) -> bool:
        """Whether both are known and are not the same."""
        return self.stored is not None and (self.runs or 0) != self.stored


@dataclass(frozen=True)
class SessionMetrics:
    """Everything the tab shows. `left_out`: runs that were too many to be added up. `old`: not derived anew yet."""

    whole: Used
    roles: list[Used] = field(default_factory=list)
    models: list[Used] = field(default_factory=list)
    heaviest: list[RunUse] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    first_token: Spread | None = None
    speed: Spread | None = None
    beside: list[Beside] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    left_out: int = 0
    old: int = 0
    repricing: str = ""


@dataclass(frozen=True)
class _Run:
    row: CatalogRun
    lines: list[Usage]
    used: Used


def session_metrics(row: CatalogSession, session: Session) -> SessionMetrics:
    """Return what the session's runs used, and what Agno counted of it."""
    table = current()
    found = CatalogRun.objects.filter(session=row).exclude(kind="bad").order_by("ordinal").only(*_READ)
    runs = [_run(one, table) for one in found[:MOST_RUNS]]
    whole = _sum("", runs)
    pace = progress()
    return SessionMetrics(
        whole=whole,
        roles=_by(runs, table, lambda line: (line.role or "model", "")),
        models=_by(runs, table, lambda line: (line.model, line.provider)),
        heaviest=_heaviest(runs),
        bars=_bars(runs),
        first_token=_spread(one.row.first_token for one in runs),
        speed=_spread(_speed(one) for one in runs),
        beside=_beside(whole, session.session_metrics),
        reasons=reasons(row, session, [_fact(one) for one in runs], whole.tokens),
        left_out=max(0, row.forest_run_count - MOST_RUNS) if len(runs) == MOST_RUNS else 0,
        old=sum(one.row.usage is None for one in runs),
        repricing="" if pace.is_done else f"{pace.share:.0%}",
    )


def _run(row: CatalogRun, table: PriceTable) -> _Run:
    lines = lines_of(row.usage)
    used = Used(runs=1)
    for line in lines:
        used.add(line)
    if row.kind != "workflow":  # what its steps used stands with their runs
        computed = row.told_cost is None
        used.add_cost(row.cost, computed=computed, why=table.whole(lines, row.created_at).why if computed else "")
    return _Run(row, lines, used)


def _fact(run: _Run) -> RunFact:
    row = run.row
    named = row.component_name or ""
    return RunFact(row.root_ordinal, row.depth, row.kind, row.status, run.used.tokens or 0, named)


def _sum(name: str, runs: Iterable[_Run]) -> Used:
    whole = Used(name)
    for run in runs:
        whole.runs += 1
        for line in run.lines:
            whole.add(line)
        if run.row.kind != "workflow":
            whole.add_cost(run.used.cost, computed=run.used.computed is not None, why=run.used.why)
    return whole


def _by(runs: Sequence[_Run], table: PriceTable, key: Any) -> list[Used]:
    """Add up the lines of all runs by what `key` says of each, the most tokens first."""
    found: dict[tuple[str, str], Used] = {}
    for run in runs:
        seen = set()
        for line in run.lines:
            name = key(line)
            used = found.setdefault(name, Used(*name))
            used.add(line)
            used.runs += name not in seen
            seen.add(name)
            _add_cost(used, run, line, table)
    whole = sum(used.tokens or 0 for used in found.values())
    for used in found.values():
        used.share = round(100 * (used.tokens or 0) / whole, 1) if whole else 0.0
    return sorted(found.values(), key=lambda used: (-(used.tokens or 0), used.name))[:NAMED]


def _add_cost(used: Used, run: _Run, line: Usage, table: PriceTable) -> None:
    """A cost told for a whole run is that of its one line; how it parts into several is not known."""
    told = run.row.told_cost
    if told is not None and line.cost is None:
        alone = len(run.lines) == 1
        used.add_cost(told if alone else None, computed=False, why="Told for the run as a whole.")
        return
    priced = table.price(line, run.row.created_at)
    used.add_cost(priced.cost, computed=priced.is_computed, why=priced.why)


def _heaviest(runs: Sequence[_Run]) -> list[RunUse]:
    known = sorted((one for one in runs if one.used.tokens), key=lambda one: -(one.used.tokens or 0))[:HEAVIEST]
    most = (known[0].used.tokens or 1) if known else 1
    return [RunUse(one.row, one.used, round(100 * (one.used.tokens or 0) / most, 1)) for one in known]


def _bars(runs: Sequence[_Run]) -> list[Bar]:
    """Draw what runs used in their order, some of them together where there are many."""
    counted = [one for one in runs if one.row.kind != "workflow"]
    if sum(bool(one.used.tokens) for one in counted) < 2:
        return []
    each = -(-len(counted) // BARS)
    groups = [counted[start : start + each] for start in range(0, len(counted), each)]
    sums = [_sum("", group) for group in groups]
    most = max(used.tokens or 0 for used in sums)
    step = _WIDTH / len(groups)
    return [_bar(at, step, each, group, used, most) for at, (group, used) in enumerate(zip(groups, sums, strict=True))]


def _bar(at: int, step: float, each: int, group: Sequence[_Run], used: Used, most: int) -> Bar:
    read, written = ((count or 0) * _HEIGHT / most for count in (used.input, used.output))
    return Bar(
        x=round(at * step, 3),
        width=round(step * 0.8, 3),
        input_y=round(_HEIGHT - read, 2),
        input_height=round(read, 2),
        output_y=round(_HEIGHT - read - written, 2),
        output_height=round(written, 2),
        first=at * each + 1,
        last=at * each + len(group),
        used=used,
        has_failed=any(one.row.status == "ERROR" for one in group),
    )


def _speed(run: _Run) -> float | None:
    """Return the output tokens of a second of the run's time, in which its tools ran as well."""
    took = run.row.duration
    return run.used.output / took if run.used.output and took and took > 0 else None


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = sorted(value for value in values if value is not None and value >= 0)
    if not known:
        return None
    return Spread(known[(len(known) - 1) // 2], known[-(-95 * len(known) // 100) - 1], len(known))


def _beside(whole: Used, stored: Metrics | None) -> list[Beside]:
    if stored is None:
        return []
    ours = {
        "Tokens": (whole.tokens, stored.tokens),
        "Input": (whole.input, stored.input_tokens),
        "Output": (whole.output, stored.output_tokens),
        "Cached": (whole.cached, stored.cache_read_tokens),
        "Cache write": (whole.cache_write, stored.cache_write_tokens),
        "Reasoning": (whole.reasoning, stored.reasoning_tokens),
        "Audio in": (whole.audio_input, stored.audio_input_tokens),
        "Audio out": (whole.audio_output, stored.audio_output_tokens),
    }
    # Agno leaves zeros out where it counted anything.
    counted = stored.tokens is not None
    lines = [Beside(name, mine, (theirs or 0) if counted else theirs) for name, (mine, theirs) in ours.items()]
    shown = [line for line in lines if line.runs or line.stored]
    told = None if whole.cost is None else whole.cost - (whole.computed or 0.0)
    if stored.cost is not None:
        shown.append(Beside("Cost that providers told", told, stored.cost, is_money=True))
    return shown


def as_data(metrics: SessionMetrics) -> dict[str, Any]:
    """Return the tab for programs. Tokens and dollars are null where not known."""
    return {
        "total": _used_data(metrics.whole),
        "by_role": [{"role": one.name, **_used_data(one)} for one in metrics.roles],
        "by_model": [{"model": one.name, "provider": one.about, **_used_data(one)} for one in metrics.models],
        "heaviest_runs": [{"run_id": one.run.run_id, **_used_data(one.used)} for one in metrics.heaviest],
        "first_token": _spread_data(metrics.first_token),
        "output_tokens_per_second": _spread_data(metrics.speed),
        "beside_agno": [{"name": one.name, "runs": one.runs, "session": one.stored} for one in metrics.beside],
        "reasons": metrics.reasons,
        "runs_left_out": metrics.left_out,
        "costs_follow_prices": not metrics.repricing,
    }


def _used_data(used: Used) -> dict[str, Any]:
    counts = {name: getattr(used, name) for name in Usage._fields[3:10]}
    cost = {
        "cost": used.cost,
        "computed_cost": used.computed,
        "cost_unknown_runs": used.unknown,
        "why": used.why or None,
    }
    return {"runs": used.runs, "tokens": used.tokens, **counts, **cost}


def _spread_data(spread: Spread | None) -> dict[str, Any] | None:
    return None if spread is None else {"median": spread.middle, "p95": spread.most, "runs": spread.count}
