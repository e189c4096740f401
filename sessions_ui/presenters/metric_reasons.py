"""Why the totals that Agno keeps with a session differ from what its runs used (format §5.5).

What the figures themselves show goes first: amounts that are just as large as the difference. Else it is said what is
known to happen in a session that looks like this one, as what may be.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, pairwise
from typing import Final, NamedTuple

from agentos.catalog.models import CatalogSession
from agentos.records import Session
from sessions_ui.presenters.conversation import DELEGATE

NO_TOTALS: Final = "Agno keeps no totals with this session."
PAUSES: Final = "A run that pauses and goes on is counted at the pause and once more in full; so is each checkpoint."
UNSTORED: Final = "Agno counted members of the team whose runs were not stored."
REMOVED: Final = "Some runs were removed, or overwritten by another program, after Agno had counted them."
FIRST: Final = "Agno misses the first run where the session had no data before."
FRONT: Final = "What the agent in front of a workflow used is not in Agno's total."
OVERWRITTEN: Final = "Of steps that share a name, as in a loop, Agno counts the last one alone."
INNER: Final = "What members of an inner team used is not in Agno's total."
MEMBERS: Final = "What members used is not in Agno's total."
TWICE: Final = "Agno's total has members twice: with their leader's run, and by themselves."
UNFINISHED: Final = "Runs that failed, were cancelled or wait are not in Agno's total."
_ENDED_EARLY: Final = ("PAUSED", "ERROR", "CANCELLED")


class RunFact(NamedTuple):
    """What of a run may explain a difference; runs come depth first. `component`: its name, "" for none."""

    root: int
    depth: int
    kind: str
    status: str
    tokens: int
    component: str


def reasons(row: CatalogSession, session: Session, runs: Sequence[RunFact], ours: int | None) -> list[str]:
    """Return sentences; none where the totals are the same. `ours`: the tokens of all runs together."""
    stored = session.session_metrics
    theirs = stored.tokens if stored is not None else None
    if theirs is None:
        return [NO_TOTALS] if ours else []
    difference = theirs - (ours or 0)
    if not difference:
        return []
    amounts = _counted_twice(runs) if difference > 0 else _missed(runs)
    if found := _just(amounts, abs(difference)):
        return [f"Just as large as the difference: {sentence[0].lower()}{sentence[1:]}" if len(found) == 1 else sentence
                for sentence in found]  # fmt: skip
    may = _may_be_more(row, runs) if difference > 0 else [sentence for _, sentence in amounts]
    return list(may) or [f"Agno's total is {'larger' if difference > 0 else 'smaller'}; nothing stored says why."]


def _just(amounts: Sequence[tuple[int, str]], difference: int) -> list[str]:
    """Return the sentences of the fewest amounts that are the difference together, [] if none are."""
    counted = [one for one in amounts if one[0]]
    for some in chain.from_iterable(combinations(counted, size) for size in range(1, len(counted) + 1)):
        if sum(amount for amount, _ in some) == difference:
            return [sentence for _, sentence in some]
    return []


def _missed(runs: Sequence[RunFact]) -> list[tuple[int, str]]:
    """Return what Agno may have left out: how much it is, and the sentence."""
    workflows = {run.root for run in runs if run.kind == "workflow"}
    steps = [run for run in runs if run.depth == 1 and run.root in workflows]
    found = []
    if steps:
        found.append((_sum(run for run in steps if not run.component), FRONT))
        found.append((_overwritten(steps), OVERWRITTEN))
    if any(run.depth > 1 for run in runs):
        found.append((_sum(run for run in runs if run.depth > 1), INNER))
    if any(run.depth for run in runs) and not steps:
        found.append((_sum(run for run in runs if run.depth), MEMBERS))
    early = {run.root for run in runs if not run.depth and run.status in _ENDED_EARLY}
    if early:
        found.append((_sum(run for run in runs if run.root in early), UNFINISHED))
    if len({run.root for run in runs}) > 1:
        found.append((_sum(run for run in runs if run.root == runs[0].root), FIRST))
    return found


def _counted_twice(runs: Sequence[RunFact]) -> list[tuple[int, str]]:
    return [(_sum(run for run in runs if run.depth), TWICE)]


def _may_be_more(row: CatalogSession, runs: Sequence[RunFact]) -> Iterator[str]:
    """Say why Agno's total may be the larger one."""
    if DELEGATE in (row.tool_calls_by_name or {}) and _lacks_members(runs):
        yield UNSTORED
    if "index_gaps" in row.health:
        yield REMOVED
    yield PAUSES


def _lacks_members(runs: Sequence[RunFact]) -> bool:
    """Whether there is a team without a run below its own."""
    alone = any(one.kind == "team" and next_.depth <= one.depth for one, next_ in pairwise(runs))
    return alone or bool(runs and runs[-1].kind == "team")


def _overwritten(steps: Iterable[RunFact]) -> int:
    """Return what steps used whose component ran once more in the same workflow run."""
    alike: dict[tuple[int, str], list[int]] = defaultdict(list)
    for run in steps:
        if run.component:
            alike[run.root, run.component].append(run.tokens)
    return sum(sum(tokens[:-1]) for tokens in alike.values())


def _sum(runs: Iterable[RunFact]) -> int:
    return sum(run.tokens for run in runs)
