"""Pages of a list: every row once in every order, however the rows are spread, and at any depth by index."""

import base64
import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import DEFAULT_SORT, SORTS, STALE_CURSOR
from tests.conftest import Person

pytestmark = pytest.mark.django_db
ALL_SORTS = [f"{sign}{name}" for name in SORTS for sign in ("", "-")]


def make(count: int) -> None:
    """Sessions with many equal values, and none at all, in every column that sorts."""
    CatalogSession.objects.bulk_create(
        CatalogSession(
            source="lab",
            session_id=f"s{at}",
            session_key=f"s{at}",
            session_type="agent",
            title=f"title {at % 3}",
            component_key=None if at % 4 == 0 else f"c{at % 3}",
            user_key=None if at % 5 == 0 else f"u{at % 2}",
            created_at=at % 7,
            updated_at=at % 4,
            top_level_run_count=at % 3,
            own_message_count=at % 11,
            tool_call_count=at % 2,
            tool_error_count=at % 5,
            error_count=at % 3,
            input_tokens=None if at % 9 == 0 else at,
            output_tokens=None if at % 8 == 0 else at % 6,
            stored_bytes=at * 7 % 13,
            total_tokens=None if at % 3 == 0 else at % 5,
            cost=None if at % 2 == 0 else at / 8,
            duration=None if at % 6 == 0 else float(at % 4),
            last_status="",
            preview="",
            mark="",
        )
        for at in range(count)
    )


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def ids(rows: Iterable[CatalogSession]) -> list[int]:
    return [row.pk for row in rows]


@pytest.mark.parametrize("sort", ALL_SORTS)
def test_walking_forth_and_back_gives_every_row_once(sort: str) -> None:
    make(23)
    seen: list[list[int]] = []
    page = CatalogSession.objects.all().page(sort, None, 4)
    assert page.previous is None
    while True:
        seen.append(ids(page.rows))
        if page.next is None:
            break
        page = CatalogSession.objects.all().page(sort, page.next, 4)
    assert sorted(pk for page_ids in seen for pk in page_ids) == sorted(
        CatalogSession.objects.values_list("pk", flat=True)
    )

    back = [ids(page.rows)]
    while page.previous is not None:
        page = CatalogSession.objects.all().page(sort, page.previous, 4)
        back.append(ids(page.rows))
    assert list(reversed(back)) == seen
    assert page.next is not None


@pytest.mark.parametrize("sort", ALL_SORTS)
def test_values_are_in_order_and_missing_ones_last(sort: str) -> None:
    make(23)
    column = SORTS[sort.removeprefix("-")]
    values = [getattr(row, column) for row in CatalogSession.objects.all().page(sort, None, 23).rows]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert known == sorted(known, reverse=sort.startswith("-"))


def test_rows_that_come_and_go_between_pages_neither_double_nor_hide_others() -> None:
    make(20)
    first = CatalogSession.objects.all().page("-updated", None, 5)
    CatalogSession.objects.filter(pk__in=ids(first.rows)[-2:]).delete()  # the row the cursor names is gone
    CatalogSession.objects.filter(pk=ids(first.rows)[0]).update(updated_at=9)

    second = CatalogSession.objects.all().page("-updated", first.next, 50)

    rest = set(CatalogSession.objects.values_list("pk", flat=True)) - set(ids(first.rows))
    assert set(ids(second.rows)) == rest and len(second.rows) == len(rest)


def test_a_single_page_has_no_neighbours() -> None:
    make(3)
    page = CatalogSession.objects.all().page(DEFAULT_SORT, None, 3)
    assert (page.next, page.previous, page.problem) == (None, None, "")
    assert CatalogSession.objects.none().page(DEFAULT_SORT, None, 3).rows == []


BAD_CURSORS = [
    "x",
    "%%%",
    "é",
    "a" * 100_000,
    cursor(1),
    cursor({"a": 1}, 1, False),
    cursor(True, 1, False),
    cursor(float("inf"), 1, False),
    cursor(float("nan"), 1, False),
    cursor(2**70, 1, False),
    cursor(10**400, 1, False),
    cursor(1, 2**63, False),
    cursor(1, "1", False),
    cursor(1, 1, 1),
    cursor("a\0b", 1, False),
    cursor("\ud800", 1, False),
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
]


@pytest.mark.parametrize("sort", ["-updated", "title", "-cost", "user"])
@pytest.mark.parametrize("number", range(len(BAD_CURSORS)))
def test_a_bad_cursor_gives_the_first_page_and_a_sentence(sort: str, number: int) -> None:
    make(3)
    with transaction.atomic():
        page = CatalogSession.objects.all().page(sort, BAD_CURSORS[number], 2)
    assert page.problem == STALE_CURSOR
    assert ids(page.rows) == ids(CatalogSession.objects.all().page(sort, None, 2).rows)


FORGED = st.tuples(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2),
    st.integers() | st.booleans() | st.text(max_size=3),
    st.booleans() | st.integers(0, 2),
).map(lambda parts: cursor(*parts))


# The rows are only read, so all examples may share them.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | FORGED, sort=st.sampled_from(ALL_SORTS))
def test_any_cursor_gives_a_page_or_the_first_one_with_a_sentence(db: None, text: str, sort: str) -> None:
    if not CatalogSession.objects.exists():
        make(5)
    with transaction.atomic():
        page = CatalogSession.objects.all().page(sort, text, 3)
    assert page.problem in ("", STALE_CURSOR)
    if page.problem:
        assert ids(page.rows) == ids(CatalogSession.objects.all().page(sort, None, 3).rows)


@pytest.mark.parametrize("sort", ["-updated", "-cost", "title"])
@pytest.mark.parametrize("value", [1e300, -1e300, 2**62, None, "x" * 100_000])
def test_a_cursor_out_of_range_is_only_a_place(sort: str, value: Any) -> None:
    make(3)
    CatalogSession.objects.all().page(sort, cursor(value, 5, False), 2)


@pytest.mark.parametrize(
    "sort", ["", "-", "pk", "user__password", "session_key", "-updated_at", "--updated", "?", "random"]
)
def test_an_unknown_order_is_the_default_one(sort: str) -> None:
    make(5)
    assert ids(CatalogSession.objects.all().page(sort).rows) == ids(CatalogSession.objects.all().page().rows)


class TestPlans:
    """Any page of any order is read along an index, from its place in it: nothing is sorted, nothing walked up to."""

    @pytest.fixture
    def many(self) -> None:
        make(3000)
        with connection.cursor() as database:
            database.execute("ANALYZE")
            if connection.vendor == "postgresql":
                for way in ("seqscan", "bitmapscan", "sort"):  # so few rows are read in any way otherwise
                    database.execute(f"SET LOCAL enable_{way} = off")

    @pytest.mark.parametrize("sort", ALL_SORTS)
    def test_of_all_sessions(self, sort: str, many: None) -> None:
        self.check(CatalogSession.objects.all(), sort, sort.removeprefix("-"))

    @pytest.mark.parametrize("sort", ["-updated", "updated", "-created", "-tokens", "tokens", "-cost"])
    def test_of_one_user(self, sort: str, many: None, owner: Person) -> None:
        CatalogSession.objects.filter(user_key="u1").update(user_key="alice@example.com")
        with connection.cursor() as database:
            database.execute("ANALYZE")  # or PostgreSQL takes Alice for somebody with hardly any
        self.check(CatalogSession.objects.visible_to(owner.user), sort, "user")
        self.check(CatalogSession.objects.filter(component_key="c1"), sort, "component")

    def check(self, rows: Any, sort: str, index: str) -> None:
        page = rows.page(sort, None, 50)
        deep = rows.page(sort, page.next, 300)
        for read in (None, page.next, deep.next, deep.previous):
            for plan in plans(partial(rows.page, sort, read, 50)):
                assert index in plan or ("pkey" in plan and "IS NULL" in plan)
                assert (
                    "TEMP B-TREE" not in plan and "Sort" not in plan and "Seq Scan" not in plan and "Bitmap" not in plan
                )
                if read and connection.vendor == "sqlite":
                    assert "SEARCH" in plan
                elif read:
                    assert "Index Cond" in plan


def plans(read: Callable[[], Any]) -> list[str]:
    """The plans of the statements on sessions that `read` executes."""
    statements: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "catalog_catalogsession" in sql:
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        read()
    explaining = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    found = []
    with connection.cursor() as database:
        for sql, params in statements:
            database.execute(f"{explaining} {sql}", params)
            found.append("\n".join(str(row[-1]) for row in database.fetchall()))
    return found
