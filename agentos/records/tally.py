"""Counting a session run by run, without holding the runs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from agentos.records.runs import BadRun, Run, WorkflowRunOutput

__all__ = ["Tally", "TallyBuilder", "tally"]

_SUMMED: Final = ("input_tokens", "output_tokens", "total_tokens")


@dataclass(slots=True)
class Tally:
    """What a session holds.

    Plain counts cover the runs that have an entry or row of their own. `forest_*`, tool calls and tokens also cover
    runs embedded in others, each run_id once. `own_*` leaves out copies of earlier messages. Tool calls are what Agno
    counts: executions; a call of an unknown tool is none (`Run.tool_calls` has those too). Tokens are those of agent
    and team runs; a workflow's own metrics repeat its steps'. `orphan_parents` are parent_run_ids that are not there.
    """

    run_count: int = 0
    top_level_run_count: int = 0
    forest_run_count: int = 0
    bad_run_count: int = 0
    statuses: list[str | None] = field(default_factory=list)
    message_count: int = 0
    own_message_count: int = 0
    forest_own_message_count: int = 0
    tool_calls_by_name: dict[str, int] = field(default_factory=dict)
    tool_error_count: int = 0
    run_tokens_sum: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMMED, 0))
    orphan_parents: list[str] = field(default_factory=list)

    @property
    def tool_call_count(self) -> int:
        """How many executions there are."""
        return sum(self.tool_calls_by_name.values())


class TallyBuilder:
    """Counts runs as they come by. Keeps their ids, never the runs."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._tools: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._parents: dict[str, None] = {}

    def add(self, run: Run | BadRun) -> None:
        """Count one stored run and what is inside it."""
        if isinstance(run, BadRun):
            self._tally.bad_run_count += 1
            return
        self._count_stored(run)
        for member in _with_embedded(run):
            self._count_once(member)

    def result(self) -> Tally:
        """Return what was counted so far; the builder can go on."""
        self._tally.tool_calls_by_name = dict(sorted(self._tools.items()))
        self._tally.orphan_parents = [parent for parent in self._parents if parent not in self._seen]
        return self._tally

    def _count_stored(self, run: Run) -> None:
        counts = self._tally
        counts.run_count += 1
        counts.top_level_run_count += run.is_top_level
        counts.statuses.append(run.status)
        messages = run.messages
        counts.message_count += len(messages)
        counts.own_message_count += sum(not message.from_history for message in messages)

    def _count_once(self, run: Run) -> None:
        if run.run_id is not None:
            if run.run_id in self._seen:
                return
            self._seen.add(run.run_id)
        counts = self._tally
        counts.forest_run_count += 1
        counts.forest_own_message_count += len(run.own_messages)
        if run.parent_run_id is not None:
            self._parents[run.parent_run_id] = None
        for tool in run.tools:
            self._tools[tool.tool_name or ""] += 1
            counts.tool_error_count += tool.tool_call_error is True
        if not isinstance(run, WorkflowRunOutput) and (metrics := run.metrics):
            for key in _SUMMED:
                counts.run_tokens_sum[key] += getattr(metrics, key) or 0


def tally(runs: Iterable[Run | BadRun]) -> Tally:
    """Count all runs of a session, given in Agno's order."""
    builder = TallyBuilder()
    for run in runs:
        builder.add(run)
    return builder.result()


def _with_embedded(run: Run) -> Iterator[Run]:
    waiting = [run]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(current.embedded))
