"""A session's runs, a window at a time, and the ways through them: by id, by place, from error to error."""

from dataclasses import dataclass, field

from django.db.models import Count, F, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from agentos.catalog.models import CatalogRun, CatalogSession

# A root with more runs below it than this shows its first ones; the run page has the rest.
_DESCENDANTS = 200
# Of a window around a run, the runs that come before it.
_BEFORE = 6
# Stored bytes of one window: fewer runs are in it when they are large. One is always there.
PAYLOAD = 4_000_000
# What only lists of runs across sessions need.
_UNSHOWN = ("tool_names", "tool_failures", "traits", "mark", "run_key")


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
    session: CatalogSession,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = 20,
) -> Window:
    """Return the newest top-level runs; or the last before, the first behind, or those around the given ordinal.

    There are `limit` of them at most, and fewer when they are large: see PAYLOAD.
    """
    roots = CatalogRun.objects.filter(session=session, depth=0).order_by("ordinal")
    chosen = _chosen(roots, before, after, around, limit)
    trees = _trees(session, chosen)
    start = 0 if after is not None else len(trees) - 1
    if around is not None:
        start = next((at for at, (root, _) in enumerate(trees) if root.ordinal == around), start)
    page = _bounded(trees, start)
    if not page:
        return Window(total=roots.count())
    first_ordinal, last_ordinal = page[0][0].ordinal, page[-1][0].ordinal
    counts = roots.order_by().aggregate(total=Count("pk"), first=Count("pk", filter=Q(ordinal__lt=first_ordinal)))
    first, total = counts["first"], counts["total"]
    lengths = _lengths(session, page)
    shown = [
        Tree(root, first + at, below, max(0, lengths.get(root.ordinal, 0) - len(below)))
        for at, (root, below) in enumerate(page, 1)
    ]
    return Window(shown, first_ordinal if first else None, last_ordinal if first + len(page) < total else None, total)


def find_run(session: CatalogSession, run_id: str) -> CatalogRun | None:
    """Return the run of the session with this id, or `~<ordinal>` for one without; None if there is none."""
    runs = CatalogRun.objects.filter(session=session)
    if run_id.startswith("~") and run_id[1:].isdecimal() and len(run_id) < 11:
        return runs.filter(ordinal=int(run_id[1:])).first()
    return runs.filter(run_key=CatalogRun.key_of(run_id)).order_by("ordinal").first()


def next_error(session: CatalogSession, ordinal: int | None, *, back: bool = False) -> CatalogRun | None:
    """Return the next run behind the ordinal that failed, could not be read or has a failed tool call; None for none.

    Behind the last one the first comes again. `back`: the other way round. Without an ordinal the search begins at the
    end it would come to last.
    """
    failed = outline(session).filter(Q(status="ERROR") | Q(tool_error_count__gt=0) | Q(kind="bad"))
    order = "-ordinal" if back else "ordinal"
    beyond = failed.filter(**{f"ordinal__{'lt' if back else 'gt'}": ordinal}) if ordinal is not None else failed
    return beyond.order_by(order).first() or (failed.order_by(order).first() if ordinal is not None else None)


def prompts(session: CatalogSession, start: int, limit: int) -> tuple[list[CatalogRun], int | None]:
    """Return what top-level runs were asked, from the ordinal on, as their rows; and where the next ones begin."""
    roots = CatalogRun.objects.filter(session=session, depth=0, ordinal__gte=start).order_by("ordinal")
    found = list(roots.defer(*_UNSHOWN)[: limit + 1])
    return found[:limit], found[limit].ordinal if len(found) > limit else None


def _chosen(
    roots: QuerySet[CatalogRun], before: int | None, after: int | None, around: int | None, limit: int
) -> QuerySet[CatalogRun]:
    if around is not None:
        ahead = roots.filter(ordinal__lt=around).order_by("-ordinal").values("ordinal")[_BEFORE - 1 : _BEFORE]
        return roots.filter(ordinal__gte=Coalesce(Subquery(ahead), Value(0)))[:limit]
    if after is not None:
        return roots.filter(ordinal__gt=after)[:limit]
    earlier = roots if before is None else roots.filter(ordinal__lt=before)
    return earlier.order_by("-ordinal")[:limit]


def _trees(session: CatalogSession, chosen: QuerySet[CatalogRun]) -> list[tuple[CatalogRun, list[CatalogRun]]]:
    """Return the chosen roots, each with the first runs below it, in one statement.

    A tree is consecutive, so this takes the same number of each: one root with thousands hides no other's.
    """
    runs = outline(session).filter(root_ordinal__in=chosen.values("ordinal"))
    trees: list[tuple[CatalogRun, list[CatalogRun]]] = []
    for run in runs.filter(ordinal__lte=F("root_ordinal") + _DESCENDANTS).defer(*_UNSHOWN):
        if run.depth == 0:
            trees.append((run, []))
        elif trees:
            trees[-1][1].append(run)
    return trees


def _bounded(trees: list[tuple[CatalogRun, list[CatalogRun]]], start: int) -> list[tuple[CatalogRun, list[CatalogRun]]]:
    """Return the trees next to `start` whose payload may be read together: first those behind it, then those before."""
    low, high = start, start + 1
    size = trees[start][0].size if trees else 0
    while high < len(trees) and size + trees[high][0].size <= PAYLOAD:
        size += trees[high][0].size
        high += 1
    while low > 0 and size + trees[low - 1][0].size <= PAYLOAD:
        low -= 1
        size += trees[low][0].size
    return trees[max(low, 0) : high]


def _lengths(session: CatalogSession, page: list[tuple[CatalogRun, list[CatalogRun]]]) -> dict[int, int]:
    """Return how many runs are below each of these roots that has more than were read, by the root's ordinal."""
    cut = [root.ordinal for root, below in page if len(below) >= _DESCENDANTS]
    if not cut:
        return {}
    runs = CatalogRun.objects.filter(session=session, depth__gt=0, root_ordinal__in=cut)
    return dict(runs.order_by().values_list("root_ordinal").annotate(n=Count("id")))
