"""The runs of a session for readers: leaders before their members, a few in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agentos.db.reader import Reader, batches
from agentos.db.sources import Source
from agentos.db.stored import RunStub
from agentos.records import BadRun, Run

_AT_ONCE: Final = 20


@dataclass(frozen=True)
class Told:
    """A run in its place: `depth` is 0 for one that nobody delegated, and `number` counts these from 1."""

    run: Run | BadRun
    depth: int
    number: int

    @property
    def run_id(self) -> str:
        """The run's id, "" for none."""
        return (self.run.run_id or "") if isinstance(self.run, Run) else ""


def told(source: Source, session_id: str) -> Iterator[Told]:
    """Yield every run once, depth first, with the runs stored inside it before those that have an entry of their own.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    reader = Reader(source)
    placed = _depth_first(reader.run_stubs(session_id))
    known = {stub.run_id for stub, _ in placed}
    depths = {stub.position: depth for stub, depth in placed}
    number = 0
    for some in batches([stub for stub, _ in placed], _AT_ONCE):
        positions = [stub.position for stub in some]
        for position, run in zip(positions, reader.runs(session_id, positions), strict=True):
            number += depths[position] == 0
            yield Told(run, depths[position], number)
            for embedded, below in _inside(run, known):
                yield Told(embedded, depths[position] + below, number)


def _inside(run: Run | BadRun, known: set[str | None]) -> Iterator[tuple[Run, int]]:
    """Yield the runs inside a run that have no entry of their own, and how deep they are inside it."""
    waiting = [(each, 1) for each in reversed(run.embedded)] if isinstance(run, Run) else []
    while waiting:
        each, depth = waiting.pop()
        if each.run_id is None or each.run_id not in known:
            known |= {each.run_id} - {None}
            yield each, depth
            waiting += [(inner, depth + 1) for inner in reversed(each.embedded)]


def _depth_first(stubs: list[RunStub]) -> list[tuple[RunStub, int]]:
    """Return each run below the one it names as its parent; one whose parent is not there, or a circle, is a root."""
    by_id = {stub.run_id: stub for stub in reversed(stubs) if stub.run_id is not None}
    below: dict[str, list[RunStub]] = {}
    roots = []
    for stub in stubs:
        parent = stub.parent_run_id or ""
        if parent in by_id and parent != stub.run_id and by_id.get(stub.run_id or parent) is stub:
            below.setdefault(parent, []).append(stub)
        else:
            roots.append(stub)
    placed: list[tuple[RunStub, int]] = []
    seen: set[int] = set()
    for root in [*roots, *stubs]:
        waiting = [(root, 0)] if root.position not in seen else []
        while waiting:
            stub, depth = waiting.pop()
            if stub.position not in seen:
                seen.add(stub.position)
                placed.append((stub, depth))
                inner = below.get(stub.run_id, []) if stub.run_id is not None and by_id[stub.run_id] is stub else []
                waiting += [(each, depth + 1) for each in reversed(inner)]
    return placed
