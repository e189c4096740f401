"""Paging while others write: no row twice, none passed over, unless it moved itself."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import SORTS

pytestmark = pytest.mark.django_db
TEXTS = ("title", "component_key", "user_key")
# A place in every order comes from a small number, so that many are equal; 0 is no value, where there may be none.
PLACES = st.integers(0, 4)
# What happens between two pages: to which row (by its number among those there are), and to which place.
WRITES = st.lists(
    st.tuples(st.sampled_from(["insert", "move", "touch", "delete"]), st.integers(0, 40), PLACES), max_size=4
)


def value(column: str, place: int) -> Any:
    field = CatalogSession._meta.get_field(column)
    if place == 0 and field.null:
        return None
    return f"v{place}" if column in TEXTS else place / 2 if column in ("cost", "duration") else place


class Table:
    """The rows that are listed, and what became of each: `moved` stand elsewhere than before, or are gone."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.rows: list[CatalogSession] = []
        self.moved: set[int] = set()
        self.made = 0

    def insert(self, place: int) -> None:
        self.made += 1
        at = f"s{self.made}"
        rest = {"session_type": "agent", "title": "", "preview": "", "last_status": ""}
        rest[self.column] = value(self.column, place)
        self.rows.append(CatalogSession.objects.create(source="lab", session_id=at, session_key=at, **rest))

    def write(self, what: str, number: int, place: int) -> None:
        if what == "insert":
            self.insert(place)
        elif self.rows:
            row = self.rows[number % len(self.rows)]
            now = value(self.column, place)
            if what == "touch":
                row.stored_bytes += self.column != "stored_bytes"
            elif now != getattr(row, self.column):
                setattr(row, self.column, now)
                self.moved.add(row.pk)
            if what == "delete":
                self.moved.add(row.pk)
                self.rows.remove(row)
                CatalogSession.objects.filter(pk=row.pk).delete()
            else:
                row.save()


@pytest.mark.parametrize("back", [False, True], ids=["forth", "back"])
@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in SORTS for sign in ("", "-")])
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(PLACES, min_size=1, max_size=16), churn=st.lists(WRITES, max_size=10), limit=st.integers(1, 5))
def test_what_stays_where_it_is_is_seen_once(
    db: None, sort: str, back: bool, places: list[int], churn: list[list[tuple[str, int, int]]], limit: int
) -> None:
    CatalogSession.objects.all().delete()
    table = Table(SORTS[sort.removeprefix("-")])
    for place in places:
        table.insert(place)
    there = {row.pk for row in table.rows}

    page = CatalogSession.objects.all().page(sort, None, limit)
    while back and page.next:  # to the end, while nobody writes
        page = CatalogSession.objects.all().page(sort, page.next, limit)
    seen = [row.pk for row in page.rows]
    waiting = iter(churn)
    while cursor := page.previous if back else page.next:
        for one in next(waiting, ()):
            table.write(*one)
        page = CatalogSession.objects.all().page(sort, cursor, limit)
        seen += [row.pk for row in page.rows]

    times = Counter(seen)
    assert {pk for pk in there - table.moved if times[pk] != 1} == set()
    assert {pk for pk, count in times.items() if count > 1} <= table.moved
