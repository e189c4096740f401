"""Ranges of numbers find the same sessions whether they are looked up first or asked of each."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogSession
from agentos.catalog.query import rare_numbers
from agentos.catalog.query.listing import ListQuery
from tests.factories import make_session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sessions() -> None:
    for at, (tokens, cost) in enumerate([(None, None), (0, 0.0), (10, 0.5), (20, 0.25), (10**12, 3.0)]):
        make_session(session_id=f"s{at}", total_tokens=tokens, cost=cost, updated_at=1_790_000_000 + at)


def found(text: str) -> list[str]:
    url = QueryDict(mutable=True)
    url["q"] = text
    rows = CatalogSession.objects.filtered(ListQuery.from_url(url)).page().rows
    return [row.session_id for row in rows]


@pytest.mark.parametrize("rare", [0, 1, 5_000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tokens:>10", ["s4", "s3"]),
        ("tokens:>=10", ["s4", "s3", "s2"]),
        ("tokens:10..20", ["s3", "s2"]),
        ("-tokens:>10", ["s2", "s1", "s0"]),
        ("tokens:none", ["s0"]),
        ("-tokens:none", ["s4", "s3", "s2", "s1"]),
        ("cost:<0.5", ["s3", "s1"]),
        ("tokens:>10 cost:>1", ["s4"]),
        ("tokens:>10 or cost:0.5", ["s4", "s3", "s2"]),
        ("tokens:>999999999999999999", []),
        ("tokens:1.5", []),
    ],
)
def test_the_same_sessions_are_found(
    text: str, expected: list[str], rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rare_numbers, "RARE", rare)
    assert found(text) == expected


@pytest.mark.sqlite_only
def test_an_index_is_asked_once_for_all_statements_of_a_page() -> None:
    url = QueryDict(mutable=True)
    url["q"] = "tokens:>10"
    query, visible = ListQuery.from_url(url), CatalogSession.objects.all()
    with CaptureQueriesContext(connection) as asked:
        visible.filtered(query).page()
        visible.filtered(query).count()
    assert len(asked) == 3
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
        assert "USING COVERING INDEX" in str(cursor.fetchall()) or "USING INDEX" in str(cursor.fetchall())
