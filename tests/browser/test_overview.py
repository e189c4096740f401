"""The overview in a browser: clean for every reader, its table opens by key, its figures lead to sessions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from agentos.catalog import rollups
from agentos.catalog.sync import refresh_source
from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}") as sources:
        call_command("demo")
        refresh_source(sources[0])
        rollups.refresh(None)
        yield


def opened(page: Page, query: str = "") -> Page:
    page.goto(page.url.partition("/sessions")[0] + f"/overview/{query}")
    return page


@pytest.mark.sqlite_only
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_clean_for_every_reader(sign_in: SignIn, teammate: Person, scheme: str) -> None:
    page = sign_in(teammate)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    opened(page, "?span=30d")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)


def test_figures_narrow_and_lead_to_sessions(sign_in: SignIn, teammate: Person) -> None:
    page = opened(sign_in(teammate))
    page.get_by_role("link", name="30 d", exact=True).click()
    page.wait_for_url("**/overview/?span=30d")
    settled(page)
    page.get_by_text("Show as table").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="The lanes as a table").locator("tbody tr").first).to_be_visible()
    page.fill("#query", "has:error")
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview/?q=has%3Aerror&span=30d")
    settled(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Waiting for a person").click()
    page.wait_for_url("**/sessions/?q=**")
    assert "has%3Aerror" in page.url and "status%3Apaused" in page.url


def test_a_step_tells_its_numbers_under_the_pointer(sign_in: SignIn, teammate: Person) -> None:
    page = opened(sign_in(teammate), "?span=30d")
    step = page.locator(".step").last
    step.hover()
    expect(step.locator(".tip")).to_be_visible()
    expect(step.locator(".tip")).to_contain_text("With errors")
