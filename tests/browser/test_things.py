"""The lists of people and things in a browser: from a sum to the sessions behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from agentos.catalog import rollups
from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person
from tests.factories import make_session

HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "wide " * 40


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}"):
        call_command("demo")
        yield


@pytest.mark.sqlite_only
def test_a_sum_leads_to_its_sessions(sign_in: SignIn, teammate: Person) -> None:
    page = sign_in(teammate)
    page.goto(page.url.partition("/sessions")[0] + "/agents/")
    page.get_by_role("link", name="Failed sessions").click()
    expect(page.get_by_role("columnheader", name="Failed sessions")).to_have_attribute("aria-sort", "descending")
    settled(page)
    assert page.url.endswith("/agents/?sort=-errors")
    page.fill("#list-find", "ledger")
    page.keyboard.press("Enter")
    expect(page.locator("table.things tbody tr")).to_have_count(1)
    assert page.url.endswith("/agents/?find=ledger&sort=-errors")
    settled(page)
    assert_accessible(page)
    page.fill("#query", "has:error")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Remove the filter has error")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Ledger Clerk").click()
    page.wait_for_url("**/sessions/**")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.go_back()
    page.get_by_role("link", name="Tools", exact=True).click()
    page.wait_for_url("**/tools/?q=has%3Aerror")
    expect(page.get_by_role("heading", name="Tools")).to_have_count(1)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("width", [1440, 390, 320])
def test_nothing_is_wider_than_the_window(sign_in: SignIn, teammate: Person, width: int) -> None:
    page = sign_in(teammate)
    home = page.url.partition("/sessions")[0]
    names = {"user_id": HOSTILE, "component_id": HOSTILE, "model": HOSTILE, "tool_calls_by_name": {HOSTILE: 2}}
    make_session(cost=1_234.5, forest_run_count=1, error_count=1, **names)
    make_session(cost=None, forest_run_count=1, **names)
    rollups.refresh(None)
    page.set_viewport_size({"width": width, "height": 800})
    lists, states = ("users", "agents", "tools", "models"), ("?q=tokens:many", "?q=nonesuch", "?find=zz")
    for address in (*lists, *(f"users/{state}" for state in states)):
        page.goto(f"{home}/{address}")
        settled(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
