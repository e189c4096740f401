"""The runs of a session as a forest: who delegated to whom, and what is stored inside what.

Everything here goes step by step, without recursion: runs may be nested as deep as a hostile database likes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agentos.records.runs import BadRun, Run

__all__ = ["RunNode", "build_forest", "walk"]


@dataclass(slots=True, eq=False)
class RunNode:
    """A run in its place.

    `position` is that of the stored run this one is, or is inside of; `container` the run it is stored inside of, None
    for a run with an entry or row of its own.
    """

    run: Run | BadRun
    position: int
    container: "RunNode | None" = field(default=None, repr=False)
    parent: "RunNode | None" = field(default=None, repr=False)
    children: "list[RunNode]" = field(default_factory=list, repr=False)
    depth: int = 0

    @property
    def stored(self) -> bool:
        """Whether the run has an entry or row of its own, rather than being inside another."""
        return self.container is None


def build_forest(runs: Iterable[Run | BadRun]) -> list[RunNode]:
    """Return the roots, in stored order; children likewise, those with an entry of their own first.

    A run belongs under the run its parent_run_id names, else under the run it is stored inside of; a parent that is
    not there, or that would close a circle, makes it a root. Each run_id is there once, with the stored run before
    its embedded copies. What is no run is a root of its own.
    """
    nodes, by_id = _collect(runs)
    for node in nodes:
        node.parent = _parent(node, by_id)
    _cut_circles(nodes)
    for node in nodes:
        if node.parent is not None:
            node.parent.children.append(node)
    roots = [node for node in nodes if node.parent is None]
    for node in walk(roots):
        node.depth = 0 if node.parent is None else node.parent.depth + 1
    return roots


def walk(forest: Iterable[RunNode]) -> Iterator[RunNode]:
    """Yield every node depth first, parents before their children."""
    waiting = list(reversed(list(forest)))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


def _collect(runs: Iterable[Run | BadRun]) -> tuple[list[RunNode], dict[str, RunNode]]:
    """Return a node for each run_id, stored ones first, then level by level what is inside them; and where each is."""
    nodes: list[RunNode] = []
    by_id: dict[str, RunNode] = {}
    level = [RunNode(run, position) for position, run in enumerate(runs)]
    while level:
        known = [node for node in level if _is_new(node, by_id)]
        nodes += known
        level = [RunNode(run, node.position, node) for node in known for run in _embedded(node)]
    return nodes, by_id


def _is_new(node: RunNode, by_id: dict[str, RunNode]) -> bool:
    run_id = node.run.run_id if isinstance(node.run, Run) else None
    if run_id is None:
        return True
    return by_id.setdefault(run_id, node) is node


def _embedded(node: RunNode) -> list[Run]:
    return node.run.embedded if isinstance(node.run, Run) else []


def _parent(node: RunNode, by_id: dict[str, RunNode]) -> RunNode | None:
    if isinstance(node.run, BadRun):
        return None
    named = by_id.get(node.run.parent_run_id or "")
    return node.container if named is None or named is node else named


def _cut_circles(nodes: list[RunNode]) -> None:
    """Make a root of the first node of each circle of parents."""
    safe: set[int] = set()
    for start in nodes:
        path: set[int] = set()
        node: RunNode | None = start
        while node is not None and id(node) not in safe:
            if id(node) in path:
                node.parent = None
                break
            path.add(id(node))
            node = node.parent
        safe |= path
