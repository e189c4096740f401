"""What people put over a session, as the catalog shows it: counts of flags and notes, a hold, tags, stars.

The catalog is derived and may be thrown away, and it calls nobody above it. Whoever keeps these things registers a
provider, which is asked whenever a row is derived; `refresh` brings rows into step at once after a write.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from agentos.catalog.terms import of_value, term_of

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogSession

# Where a session stands: in every list, in those that ask for archived ones, or before moderators alone; deleted ones
# wait there to be restored or to go for good.
LISTED: Final = 0
ARCHIVED: Final = 1
HIDDEN: Final = 2
DELETED: Final = 3
STANDING: Final = ("held", "hidden", "archived", "taken_over", "deleted")


@dataclass(frozen=True)
class Marks:
    """What stands over one session. `flags`: those whose case is open; `stars`: keys of the people who starred it."""

    flags: int = 0
    notes: int = 0
    thumbs: int = 0
    held: bool = False
    hidden: bool = False
    archived: bool = False
    taken_over: bool = False
    deleted: bool = False
    tags: tuple[str, ...] = ()
    stars: tuple[int, ...] = ()

    @property
    def aside(self) -> int:
        """Where the session stands: LISTED, ARCHIVED, HIDDEN or DELETED."""
        if self.deleted:
            return DELETED
        return HIDDEN if self.hidden else ARCHIVED if self.archived else LISTED

    def terms(self) -> set[str]:
        """Return what the session may be looked for by."""
        has = {"flag": self.flags, "note": self.notes}
        stands = {name: getattr(self, name) for name in STANDING}
        found = {term_of("has", word) for word, number in has.items() if number}
        found |= {term_of("is", word) for word, there in stands.items() if there}
        found |= {star_of(person) for person in self.stars}
        return found.union(*(of_value("tag", tag) for tag in self.tags))

    def stored(self) -> dict[str, Any]:
        """Return the marks as a row keeps them: without what is not there."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Marks":
        """Return the marks that a row keeps."""
        lists = {name: tuple(stored.get(name, ())) for name in ("tags", "stars")}
        return cls(**{**stored, **lists})


Provider = Callable[[str, Collection[str]], Mapping[str, Marks]]
NONE: Final = Marks()
_providers: Final[list[Provider]] = []


def register(provider: Provider) -> None:
    """Ask `provider` from now on: for a source's name and session keys it gives the marks of those that have any."""
    _providers[:] = [provider]


def star_of(person: int) -> str:
    """Return the term of sessions that a person starred."""
    return term_of("star", str(person))


def of_sessions(source: str, keys: Collection[str]) -> Mapping[str, Marks]:
    """Return the marks of these sessions of a source by their keys, without those that have none."""
    return _providers[0](source, keys) if _providers and keys else {}


def refresh(source: str, keys: Collection[str]) -> None:
    """Put what now stands over these sessions on their rows; in the transaction of the write, if there is one.

    However many they are, it takes about ten statements: rows that come to the same are written together.
    """
    from agentos.catalog.models import CatalogSession

    with transaction.atomic():
        rows = CatalogSession.objects.select_for_update().filter(source=source, session_key__in=keys).order_by("pk")
        found = of_sessions(source, keys)
        changes = [
            _Change(row, found.get(row.session_key, NONE))
            for row in rows.only("session_key", "marks", "aside", "tags", "updated_at")
        ]
        _write_terms(changes)
        _write_marks(changes)
        moved = [change.row for change in changes if change.row.aside != change.marks.aside]
        if moved:
            counted_anew(source, moved)


@dataclass(frozen=True)
class _Change:
    row: "CatalogSession"
    marks: Marks

    @property
    def gone(self) -> set[str]:
        own = set[str]().union(*(of_value("tag", tag) for tag in self.row.tags))
        return Marks.of(self.row.marks).terms() - self.marks.terms() - own

    @property
    def new(self) -> set[str]:
        return self.marks.terms() - Marks.of(self.row.marks).terms()


def _write_terms(changes: Iterable[_Change]) -> None:
    from agentos.catalog.models import CatalogTerm

    gone: dict[str, list[int]] = {}
    new: list[CatalogTerm] = []
    for change in changes:
        for term in change.gone:
            gone.setdefault(term, []).append(change.row.pk)
        at = change.row.updated_at
        new += [CatalogTerm(session=change.row, term=term, updated_at=at) for term in sorted(change.new)]
    for term, keys in gone.items():
        CatalogTerm.objects.filter(session__in=keys, term=term).delete()
    CatalogTerm.objects.bulk_create(new, ignore_conflicts=True)


def _write_marks(changes: Iterable[_Change]) -> None:
    from agentos.catalog.models import CatalogSession

    alike: dict[Marks, list[int]] = {}
    for change in changes:
        alike.setdefault(change.marks, []).append(change.row.pk)
    for marks, keys in alike.items():
        CatalogSession.objects.filter(pk__in=keys).update(marks=marks.stored(), aside=marks.aside)


def counted_anew(source: str, rows: "Sequence[CatalogSession]") -> None:
    """Have the kept sums and totals made anew that these rows of a source are part of, or are not any more."""
    from agentos.catalog.figures import DAY
    from agentos.catalog.hours import HOUR
    from agentos.catalog.models import CatalogRun, SourceState
    from agentos.catalog.rollup_models import CatalogStale

    runs = CatalogRun.objects.filter(session__in=[row.pk for row in rows], created_at__isnull=False)
    places = {("h", int(at / HOUR)) for at in _distinct(runs.values_list("created_at", flat=True))}
    places |= {("d", int(row.updated_at / DAY)) for row in rows}
    CatalogStale.objects.bulk_create([CatalogStale(grain=grain, at=at) for grain, at in sorted(places)])
    SourceState.objects.filter(source=source).update(totals={}, totals_at=0)


def _distinct(times: Iterable[int | None]) -> set[int]:
    return {at for at in times if at is not None}
