"""Components by id or name: whatever names and keys have in common, and however many sessions there are."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Node, Not, Or, Term

pytestmark = pytest.mark.django_db
LONG = "long " * 700
# An id may be another component's name; a name may be longer than what of it stands in the index.
TEXTS = ("planner", "Planner", "Trip Planner", "x' OR 1=1--", "%", "é", LONG + "a", LONG + "b")
TYPES = ("agent", "team")


def make(components: list[tuple[str | None, str | None]]) -> None:
    CatalogSession.objects.bulk_create(
        CatalogSession(
            source="lab", session_id=f"s{at}", session_key=f"s{at}", session_type=TYPES[at % 2], title="", preview="",
            component_id=key, component_key=key and index_key(key), component_name=name, last_status="", updated_at=at,
        )
        for at, (key, name) in enumerate(components)
    )  # fmt: skip


def found(node: Node) -> set[int]:
    return set(CatalogSession.objects.filtered(ListQuery.of(node)).values_list("updated_at", flat=True))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([None, *TEXTS]), st.sampled_from([None, *TEXTS])), max_size=12))
def test_a_component_is_found_by_its_id_and_by_its_name(
    db: None, components: list[tuple[str | None, str | None]]
) -> None:
    CatalogSession.objects.all().delete()
    make(components)
    everything = set(range(len(components)))
    for text in TEXTS:
        expected = {at for at, names in enumerate(components) if text in names}
        agents = {at for at in expected if at % 2 == 0}
        assert found(Term("component", Exact(text))) == expected
        assert found(Not(Term("component", Exact(text)))) == everything - expected
        assert found(Term("agent", Exact(text))) == agents
        assert found(Not(Term("agent", Exact(text)))) == everything - agents
        assert found(Or((Term("agent", Exact(text)), Term("team", Exact(text))))) == expected


def test_a_name_of_many_keys_finds_them_all() -> None:
    make([(f"key {at}", "crew") for at in range(50)])
    assert len(found(Term("component", Exact("crew")))) == 50


@pytest.mark.parametrize("text", ["c1", "Crew 1", "Crew 2"])
def test_a_page_asks_the_index_of_its_component(text: str) -> None:
    make([(f"c{at % 40}", f"Crew {at % 40}") for at in range(4_000)])
    with connection.cursor() as database:
        database.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        rows = CatalogSession.objects.filtered(ListQuery.of(Term("component", Exact(text))))
        assert len(rows.page("-updated", None, 50).rows) == 50
    names, page = (one["sql"] for one in [*asked.captured_queries])
    assert "catalog_named" in plan(names)
    shown = plan(page)
    assert re.search("catalog_(by_)?component", shown)
    assert rows.count() == 100


def plan(statement: str) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # so small a table needs no index otherwise
        cursor.execute(f"{explain} {statement}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
