"""Data health in a browser: the list of marks and a session's tab are clean for every reader, at any width."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from agentos.catalog import rollups
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}") as sources:
        call_command("demo")
        refresh_source(sources[0])
        rollups.refresh(None)
        yield


def is_clean(page: Page) -> None:
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.sqlite_only
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_list_and_tab_are_clean_for_every_reader(sign_in: SignIn, teammate: Person, scheme: str) -> None:
    page = sign_in(teammate)
    home = page.url.partition("/sessions")[0]
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{home}/health/")
    expect(page.get_by_role("heading", name="Data health")).to_be_visible()
    is_clean(page)
    row = CatalogSession.objects.order_by("-run_count", "pk")[0]
    page.goto(f"{home}/sessions/{row.source}/{quote_id(row.session_id)}/?tab=health")
    expect(page.get_by_text("Largest runs")).to_be_visible()
    is_clean(page)
