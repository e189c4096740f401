"""The numbers and settings of two sessions or runs side by side. What is not known is not a number."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Final

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.records import Metrics, Run
from sessions_ui.presenters.compare_sides import Side

BAR_WIDTH: Final = 28
"""Pixels of the drawing beside a change: nothing changed at its middle, ten times as much or a tenth at its ends."""

Value = int | float | None
COUNT, TOKENS, SECONDS, COST = "count", "tokens", "seconds", "cost"


@dataclass(frozen=True)
class Number:
    """One line of the numbers. `kind`: how it is written; None is unknown."""

    label: str
    a: Value
    b: Value
    kind: str = COUNT

    @property
    def change(self) -> str:
        """What changed from A to B: "same", "not known", a difference, or in per cent."""
        if self.a is None or self.b is None:
            return "not known"
        if self.a == self.b:
            return "same"
        if self.kind == COUNT or not self.a:
            return self._difference(self.b - self.a)
        percent = (self.b - self.a) / self.a * 100
        return f"{_sign(percent)}{abs(percent):,.0f}\N{NO-BREAK SPACE}%" if abs(percent) < 1e6 else "far more"

    def _difference(self, by: float) -> str:
        if self.kind in (COUNT, TOKENS):
            return f"{_sign(by)}{abs(by):,.0f}"
        return f"{_sign(by)}{abs(by):,.4g}" + ("\N{NO-BREAK SPACE}s" if self.kind == SECONDS else "")

    @property
    def bar(self) -> tuple[float, float] | None:
        """Where the bar beside it begins and how wide it is, in pixels; None where nothing is to be drawn."""
        if self.a is None or self.b is None or self.a == self.b or min(self.a, self.b) < 0:
            return None
        half = BAR_WIDTH / 2
        ratio = math.log10(self.b / self.a) if self.a and self.b else (1.0 if self.b else -1.0)
        width = max(1.0, min(half, abs(ratio) * half))
        return (round(half, 1) if self.b > self.a else round(half - width, 1)), round(width, 1)


@dataclass(frozen=True)
class Setting:
    """One line of what both are: "" is none."""

    label: str
    a: str
    b: str

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.a != self.b


def numbers(a: Side, b: Side, durations: tuple[Sequence[Value], Sequence[Value]]) -> list[Number]:
    """Return the numbers of both; `durations`: those of each side's own runs, if sessions are compared."""
    if a.run is not None and b.run is not None:
        return list(_of_runs(a.run, b.run, _metrics(a), _metrics(b)))
    return list(_of_sessions(a.session, b.session, durations))


def _of_sessions(
    a: CatalogSession, b: CatalogSession, durations: tuple[Sequence[Value], Sequence[Value]]
) -> Iterator[Number]:
    yield Number("Runs", a.top_level_run_count, b.top_level_run_count)
    if a.member_run_count or b.member_run_count:
        yield Number("Members' runs", a.member_run_count, b.member_run_count)
    yield Number("Failed runs", a.error_count, b.error_count)
    yield Number("Duration", a.duration, b.duration, SECONDS)
    left, right = ([one for one in side if one is not None] for side in durations)
    yield Number("Median per run", median(left) if left else None, median(right) if right else None, SECONDS)
    yield Number("p95 per run", _p95(left), _p95(right), SECONDS)
    yield Number("Messages", a.own_message_count, b.own_message_count)
    yield from _shared(a, b)


def _of_runs(a: CatalogRun, b: CatalogRun, one: Metrics | None, other: Metrics | None) -> Iterator[Number]:
    yield Number("Duration", a.duration, b.duration, SECONDS)
    yield Number("First token", _of(one, "time_to_first_token"), _of(other, "time_to_first_token"), SECONDS)
    yield Number("Messages", a.own_message_count, b.own_message_count)
    yield from _shared(a, b)
    yield Number("Reasoning", _of(one, "reasoning_tokens"), _of(other, "reasoning_tokens"), TOKENS)


def _shared(a: CatalogSession | CatalogRun, b: CatalogSession | CatalogRun) -> Iterator[Number]:
    yield Number("Tool calls", a.tool_call_count, b.tool_call_count)
    yield Number("Tool errors", a.tool_error_count, b.tool_error_count)
    yield Number("Tokens in", a.input_tokens, b.input_tokens, TOKENS)
    yield Number("Tokens out", a.output_tokens, b.output_tokens, TOKENS)
    yield Number("Cached", a.cached_tokens, b.cached_tokens, TOKENS)
    yield Number("Cost", a.cost, b.cost, COST)


def settings(a: Side, b: Side) -> list[Setting]:
    """Return what both are, but for what neither is."""
    if a.run is not None and b.run is not None:
        one, other = a.run, b.run
        found = [
            ("Kind", one.kind, other.kind),
            ("Component", one.component, other.component),
            ("Model", one.model, other.model),
            ("Provider", _provider(a), _provider(b)),
            ("Status", one.status.lower(), other.status.lower()),
        ]
    else:
        left, right = a.session, b.session
        found = [
            ("Kind", left.session_type, right.session_type),
            ("Component", left.component, right.component),
            ("Model", left.model, right.model),
            ("User", left.user_id, right.user_id),
            ("Source", left.source, right.source),
            ("Last status", left.last_status.lower(), right.last_status.lower()),
            ("Forked from", _origin(a), _origin(b)),
        ]
    return [Setting(label, one or "", other or "") for label, one, other in found if one or other]


def _metrics(side: Side) -> Metrics | None:
    return side.record.metrics if isinstance(side.record, Run) else None


def _provider(side: Side) -> str | None:
    return side.record.model_provider if isinstance(side.record, Run) else None


def _origin(side: Side) -> str | None:
    return side.stored.forked_from_session_id if side.stored is not None else None


def _of(metrics: Metrics | None, name: str) -> Any:
    return getattr(metrics, name) if metrics is not None else None


def _p95(values: Sequence[float]) -> float | None:
    if not values:
        return None
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def _sign(value: float) -> str:
    return "+" if value > 0 else "\N{MINUS SIGN}"
