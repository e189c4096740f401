"""How the databases find sessions by terms: rare ones by their ids, common ones along the order of the list."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogSession, CatalogTerm
from agentos.catalog.query import term_filters
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.terms import folded, term_of
from tests.conftest import Person

pytestmark = pytest.mark.django_db
SESSIONS = 4_000
RARE = (5, SESSIONS // 2, SESSIONS - 3)


@pytest.fixture(autouse=True)
def sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that all have one tool, three of which have another, too."""
    monkeypatch.setattr(term_filters, "COMMON", 50)
    rows = CatalogSession.objects.bulk_create(
        CatalogSession(
            source="lab", session_id=f"s{at}", session_key=f"s{at}", session_type="agent", title=str(at), preview="",
            last_status="COMPLETED", updated_at=at, total_tokens=at, user_key=f"u{at % 9}", user_id=f"u{at % 9}",
        )
        for at in range(SESSIONS)
    )  # fmt: skip
    terms = [CatalogTerm(session=row, term=term_of("tool", "search"), updated_at=row.updated_at) for row in rows]
    for at in RARE:
        names = term_of("tool", "Wire_money"), folded("tool", "Wire_money")
        terms += [CatalogTerm(session=rows[at], term=term, updated_at=at) for term in names]
    CatalogTerm.objects.bulk_create(terms, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def page(text: str, sort: str) -> tuple[list[int], list[str]]:
    """Return what a page shows and its statements."""
    rows = CatalogSession.objects.filtered(ListQuery.of(parse(text)))
    with CaptureQueriesContext(connection) as asked:
        found = [row.updated_at for row in rows.page(sort).rows]
    return found, [one["sql"] for one in [*asked.captured_queries]]


def plan(statement: str) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


SORTED = r"TEMP B-TREE|\bSort\b"
WALKS = {"-updated": "catalog_updated", "-tokens": "catalog_by_tokens"}


@pytest.mark.parametrize("sort", WALKS)
@pytest.mark.parametrize(
    "text", ["tool:Wire_money", "tool:wire*", "tool:WIRE*", "tool:none", "user:u5 tool:Wire_money"]
)
def test_a_rare_term_is_not_searched_for_along_the_list(text: str, sort: str) -> None:
    found, statements = page(text, sort)
    expected = [at for at in reversed(RARE) if text != "tool:none" and ("u5" not in text or at % 9 == 5)]
    assert found == expected
    # Sessions without a number are a statement of their own, and looked up by id in the same index.
    plans = [plan(statement) for statement in statements if '"total_tokens" IS NULL' not in statement]
    assert plans and not [one for one in plans if WALKS[sort] in one]


@pytest.mark.parametrize("sort", WALKS)
@pytest.mark.parametrize("text", ["tool:search", "tool:SEA*", "tool:*", "-tool:Wire_money", "user:u5 tool:search"])
def test_a_common_term_is_asked_of_few_sessions_and_nothing_sorted(text: str, sort: str) -> None:
    found, statements = page(text, sort)
    assert len(found) == 50
    plans = [plan(statement) for statement in statements]
    assert plans and not [one for one in plans if re.search(SORTED, one) and "u5" not in text]


@pytest.mark.parametrize("sort", ["-updated", "updated"])
@pytest.mark.parametrize(
    "text", ["tool:old", "tool:old type:agent", "tool:search tool:old", "tool:old -tool:Wire_money"]
)
def test_a_common_term_that_only_old_sessions_have_is_read_along_its_own_index(text: str, sort: str) -> None:
    old = CatalogSession.objects.filter(updated_at__lt=120)
    term = term_of("tool", "old")
    CatalogTerm.objects.bulk_create(CatalogTerm(session=row, term=term, updated_at=row.updated_at) for row in old)
    left_out = RARE if "Wire_money" in text else ()
    expected = sorted({*range(120)} - {*left_out}, reverse=sort == "-updated")

    rows = CatalogSession.objects.filtered(ListQuery.of(parse(text)))
    seen: list[int] = []
    back: list[int] = []
    cursor = None
    with CaptureQueriesContext(connection) as asked:
        while cursor or not seen:
            page = rows.page(sort, cursor, 50)
            seen += [row.updated_at for row in page.rows]
            cursor = page.next
    while page.previous:
        page = rows.page(sort, page.previous, 50)
        back = [row.updated_at for row in page.rows] + back

    assert seen == expected and back == expected[:100]
    for statement in [one["sql"] for one in [*asked.captured_queries]]:
        found = plan(statement)
        assert "catalog_term" in found and not re.search(SORTED, found)


def test_one_who_sees_few_sessions_does_not_read_them_along_a_common_term(owner: Person) -> None:
    CatalogSession.objects.filter(updated_at__in=(7, 8)).update(user_key="alice@example.com")
    rows = CatalogSession.objects.visible_to(owner.user).filtered(ListQuery.of(parse("tool:search")))
    assert [row.updated_at for row in rows.page().rows] == [8, 7]
    assert rows.by_update()[1] == "updated_at"


@pytest.mark.parametrize("text", ["tool:Wire_money", "tool:wire*", "tool:*", "tool:search or tool:x or tag:y"])
def test_the_index_of_terms_is_asked_once_and_answers_alone(text: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        rows = CatalogSession.objects.all()
        rows.filtered(ListQuery.of(parse(text)))
        rows.filtered(ListQuery.of(parse(f"({text}) type:agent")))
    [statement] = [one["sql"] for one in [*asked.captured_queries]]
    found = plan(statement)
    assert "catalog_term" in found
    if connection.vendor == "sqlite":
        assert "SCAN catalog_catalogterm" not in found
