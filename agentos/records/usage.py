"""What a run used, model by model: the lines of its metrics that a price can be put on.

Agno keeps them by the role that a model had (format §3.6): `model`, `memory_model`, `session_summary_model` … Its early
versions kept only the run's totals, which are then those of its one model.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from agentos.records.metrics import TOKEN_KEYS, Metrics, ModelMetrics
from agentos.records.runs import Run, WorkflowRunOutput

MOST_LINES: Final = 40
"""Lines of one run; what a run has beyond them is added up in the last one."""

_NAME: Final = 120


class Usage(NamedTuple):
    """What one model used in one role within a run. `cost`: dollars as the provider told, None if it did not.

    Counts are None where nothing was counted at all; a kind that is not named beside others is 0 (format §3.6). Of a
    line that adds up several models, `model` is "".
    """

    role: str
    provider: str
    model: str
    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    cost: float | None = None

    @property
    def counts(self) -> tuple[int | None, ...]:
        """The seven counts, in their order."""
        return self[3:10]

    @property
    def is_known(self) -> bool:
        """Whether anything was counted."""
        return self.input is not None

    @property
    def tokens(self) -> int | None:
        """Input and output together."""
        return None if self.input is None else self.input + (self.output or 0)

    def plus(self, other: "Usage") -> "Usage":
        """Return both together, as a line of this one's names."""
        counts = (_sum(mine, theirs) for mine, theirs in zip(self.counts, other.counts, strict=True))
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage._make((self.role, self.provider, self.model, *counts, cost))


_COUNTS: Final = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "audio_input_tokens", "audio_output_tokens",
)  # fmt: skip


def usage_of(run: Run) -> list[Usage]:
    """Return the run's own lines, not those of runs inside it; [] for a workflow, and where nothing was counted."""
    metrics = run.metrics
    if metrics is None or isinstance(run, WorkflowRunOutput):
        return []
    lines = list(_by_model(metrics))
    if not lines and any(key in metrics.raw for key in TOKEN_KEYS):
        lines = [line("model", run.model_provider, run.model, metrics)]
    return _at_most(lines)


def as_row(usage: Usage) -> list[Any]:
    """Return a line as JSON that `from_row` reads."""
    return list(usage)


def from_row(row: Any) -> Usage | None:
    """Return the line that `as_row` wrote, None for what is none."""
    return Usage._make(row) if isinstance(row, list) and len(row) == len(Usage._fields) else None


def _by_model(metrics: Metrics) -> Iterator[Usage]:
    for role, models in metrics.models.items():
        for one in models:
            yield line(role, one.provider, one.id, one)


def line(role: str, provider: str | None, model: str | None, metrics: Metrics | ModelMetrics) -> Usage:
    """Return what a model used in a role as a line."""
    known = any(getattr(metrics, key) is not None for key in TOKEN_KEYS)
    # Nobody used less than nothing.
    counts = (max(0, getattr(metrics, key) or 0) if known else None for key in _COUNTS)
    cost = metrics.cost if metrics.cost is not None and metrics.cost >= 0 else None
    return Usage._make((_name(role), _name(provider), _name(model), *counts, cost))


def _name(text: str | None) -> str:
    return " ".join((text or "").split())[:_NAME]


def _at_most(lines: list[Usage]) -> list[Usage]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[: MOST_LINES - 1], _together(lines[MOST_LINES - 1 :])]


def _together(lines: Iterable[Usage]) -> Usage:
    first, *others = lines
    whole = first._replace(role="others", provider="", model="")
    for other in others:
        whole = whole.plus(other)
    return whole


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else min(one + other, 2**63 - 1)
