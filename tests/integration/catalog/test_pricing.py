"""Costs in the catalog: what providers told, what the price table makes of the rest, and what a change of it moves."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog import pricing, rollups
from agentos.catalog.models import CatalogPricing, CatalogRun, CatalogSession
from agentos.catalog.pricing import progress, reprice
from agentos.catalog.rollup_models import CatalogHour
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.db.sources import Source, get_source
from agentos.prices import service
from agentos.prices.table import current
from tests.conftest import Person
from tests.corpus import write

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
ROW = {"model": "fake-*", "input": "1", "output": "2", "cached": "0.5", "cached_inside": "yes"}


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def assert_costs_follow() -> None:
    """Every cost is what the table makes of it, every session's that of its runs."""
    table = current()
    for run in CatalogRun.objects.exclude(kind="bad"):
        assert run.cost == pricing.priced(run.told_cost, run.usage, run.created_at, table).cost
    for session in CatalogSession.objects.all():
        runs = session.runs.exclude(kind="bad").order_by("ordinal").values_list("cost", "told_cost")
        expected = pricing.costs_of(runs)
        assert session.cost == pytest.approx(expected["cost"])
        assert session.computed_cost == pytest.approx(expected["computed_cost"])


def test_usage_is_kept_by_model_and_without_a_table_nothing_is_computed(lab: Path) -> None:
    runs = CatalogRun.objects.filter(total_tokens__gt=0)
    assert runs.exists()
    for run in runs:
        assert sum(line.tokens or 0 for line in pricing.usage_of(run)) == run.total_tokens
    assert not CatalogSession.objects.exclude(computed_cost=None).exists()
    assert progress().is_done and reprice()


def test_a_change_of_the_table_moves_all_costs_without_a_look_into_the_source(lab: Path, admin: Person) -> None:
    price = service.save(admin.user, ROW)
    assert not progress().is_done
    with CaptureQueriesContext(connection) as asked:
        assert reprice(None)
    assert not any("agno_" in query["sql"] or "content_preview" in query["sql"] for query in asked.captured_queries)
    assert progress().is_done and CatalogSession.objects.filter(cost__gt=0).exists()
    assert_costs_follow()
    service.save(admin.user, {**ROW, "input": "3"}, price)
    reprice(None)
    assert_costs_follow()
    service.delete(admin.user, price)
    reprice(None)
    assert_costs_follow()
    assert not CatalogSession.objects.exclude(computed_cost=None).exists()


def test_sums_follow(lab: Path, admin: Person) -> None:
    rollups.refresh(None)
    before = sum(hour.cost or 0 for hour in CatalogHour.objects.all())
    service.save(admin.user, ROW)
    reprice(None)
    rollups.refresh(None)
    hours = sum(hour.cost or 0 for hour in CatalogHour.objects.all())
    runs = CatalogRun.objects.exclude(created_at=None).exclude(kind="bad").values_list("cost", flat=True)
    assert hours == pytest.approx(sum(cost or 0 for cost in runs)) and hours > before


def test_it_goes_on_where_it_stopped_and_begins_anew_after_another_change(
    lab: Path, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pricing, "BATCH", 10)
    price = service.save(admin.user, ROW)
    CatalogPricing.objects.create(pk=1)
    assert pricing._step(current()) is False
    state = CatalogPricing.objects.get()
    assert state.cursor and state.token == "" and 0 < progress().share < 1
    service.save(admin.user, {**ROW, "output": "9"}, price)
    assert progress().share == 0
    assert reprice(None)
    assert_costs_follow()


def test_what_is_derived_meanwhile_has_the_new_prices(lab: Path, admin: Person) -> None:
    service.save(admin.user, ROW)
    run = CatalogRun.objects.filter(kind="agent", stored=True, total_tokens__gt=0).select_related("session").first()
    assert run is not None
    write(lab, "UPDATE agno_runs SET run_data = json_set(run_data, '$.content', 'x'), updated_at = 1900000000"
          " WHERE run_id = ?", run.run_id)  # fmt: skip
    found = refresh_session(get_source("lab"), run.session.session_id)
    assert found is not None and found.cost and found.computed_cost == found.cost
    reprice(None)
    assert_costs_follow()


def test_what_the_provider_told_stays(lab: Path, admin: Person) -> None:
    run = CatalogRun.objects.filter(kind="agent", stored=True, total_tokens__gt=0).select_related("session").first()
    assert run is not None
    write(lab, "UPDATE agno_runs SET run_data = json_set(run_data, '$.metrics.cost', 0.125), updated_at = 1900000000"
          " WHERE run_id = ?", run.run_id)  # fmt: skip
    refresh_session(get_source("lab"), run.session.session_id)
    service.save(admin.user, {**ROW, "input": "1000", "output": "1000"})
    reprice(None)
    told = CatalogRun.objects.get(session=run.session, run_id=run.run_id)
    assert (told.cost, told.told_cost) == (0.125, 0.125)
    assert_costs_follow()


def test_hostile_names_and_numbers(lab: Path, admin: Person) -> None:
    run = CatalogRun.objects.filter(kind="agent", stored=True, total_tokens__gt=0).select_related("session").first()
    assert run is not None
    details = {
        "model\0": [{"id": "<script>\0\ud800", "provider": "x" * 9_999, "input_tokens": 2**63 - 1, "cost": -5}] * 99
    }
    write(lab, "UPDATE agno_runs SET run_data = json_set(run_data, '$.metrics.details', json(?)),"
          " updated_at = 1900000000 WHERE run_id = ?", json.dumps(details), run.run_id)  # fmt: skip
    refresh_session(get_source("lab"), run.session.session_id)
    service.save(admin.user, {"model": "*script*", "input": "1000000", "cached_inside": "no"})
    reprice(None)
    assert_costs_follow()
