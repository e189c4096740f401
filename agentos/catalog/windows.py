"""A session's runs, a window at a time."""

from dataclasses import dataclass, field

from django.db.models import Count, F, QuerySet

from agentos.catalog.models import CatalogRun, CatalogSession

# A root with more runs below it than this shows its first ones; the run page has the rest.
_DESCENDANTS = 200


@dataclass(frozen=True)
class Tree:
    """A top-level run with the runs below it, in depth-first order. `number` counts top-level runs from 1."""

    root: CatalogRun
    number: int
    below: list[CatalogRun] = field(default_factory=list)
    left_out: int = 0


@dataclass(frozen=True)
class Window:
    """Consecutive top-level runs, oldest first. `older` and `newer` are cursors, None at the ends."""

    trees: list[Tree] = field(default_factory=list)
    older: int | None = None
    newer: int | None = None
    total: int = 0


def outline(session: CatalogSession) -> QuerySet[CatalogRun]:
    """Return all runs of the session, depth first."""
    return CatalogRun.objects.filter(session=session).order_by("ordinal")


def top_level_window(
    session: CatalogSession, *, before: int | None = None, after: int | None = None, limit: int = 20
) -> Window:
    """Return the newest top-level runs; or the last ones before, or the first ones behind, the given ordinal."""
    roots = CatalogRun.objects.filter(session=session, depth=0)
    if after is not None:
        page = list(roots.filter(ordinal__gt=after).order_by("ordinal")[:limit])
    else:
        earlier = roots if before is None else roots.filter(ordinal__lt=before)
        page = list(reversed(earlier.order_by("-ordinal")[:limit]))
    total = roots.count()
    if not page:
        return Window(total=total)
    first = roots.filter(ordinal__lt=page[0].ordinal).count()
    last = first + len(page)
    below = _below(session, page)
    trees = [_tree(root, first + at + 1, *below.get(root.ordinal, ([], 0))) for at, root in enumerate(page)]
    return Window(trees, page[0].ordinal if first else None, page[-1].ordinal if last < total else None, total)


def find_run(session: CatalogSession, run_id: str) -> CatalogRun | None:
    """Return the run of the session with this id, or `~<ordinal>` for one without; None if there is none."""
    runs = CatalogRun.objects.filter(session=session)
    if run_id.startswith("~") and run_id[1:].isdecimal() and len(run_id) < 11:
        return runs.filter(ordinal=int(run_id[1:])).first()
    return runs.filter(run_key=CatalogRun.key_of(run_id)).order_by("ordinal").first()


def _below(session: CatalogSession, roots: list[CatalogRun]) -> dict[int, tuple[list[CatalogRun], int]]:
    """Return for each root's ordinal the first runs below it, and how many there are in all."""
    runs = CatalogRun.objects.filter(session=session, depth__gt=0)
    runs = runs.filter(root_ordinal__in=[root.ordinal for root in roots])
    found: dict[int, list[CatalogRun]] = {}
    # A tree is consecutive, so this takes the same number of each: one root with thousands hides no other's.
    for run in runs.filter(ordinal__lte=F("root_ordinal") + _DESCENDANTS).order_by("ordinal"):
        found.setdefault(run.root_ordinal, []).append(run)
    totals: dict[int, int] = {}
    if any(len(below) == _DESCENDANTS for below in found.values()):
        totals = dict(runs.order_by().values_list("root_ordinal").annotate(n=Count("id")))
    return {root: (below, totals.get(root, len(below))) for root, below in found.items()}


def _tree(root: CatalogRun, number: int, below: list[CatalogRun], total: int) -> Tree:
    return Tree(root, number, below, total - len(below))
