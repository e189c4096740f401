"""Prices and costs in a browser: an administrator fills in a price, and the session's metrics have a cost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from agentos.catalog.pricing import reprice
from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}"):
        call_command("demo")
        yield


@pytest.mark.sqlite_only
def test_a_price_makes_a_cost(sign_in: SignIn, admin: Person, watch: Watch) -> None:
    page = sign_in(admin)
    root = page.url.partition("/sessions")[0]
    page.goto(f"{root}/sessions/demo/refund-4711/?tab=metrics")
    expect(page.locator(".metrics")).to_contain_text("no row for")
    page.locator(".metrics").get_by_role("link", name="price table").click()
    page.wait_for_url("**/settings/prices/")
    assert_accessible(page)
    page.get_by_label("Model", exact=True).fill("gpt-*")
    for label, price in {"Input": "1", "Output": "2", "Cached": "0.1"}.items():
        page.get_by_label(label, exact=True).fill(price)
    page.get_by_role("button", name="Add price").click()
    expect(page.get_by_role("status").first).to_contain_text("Kept the price of “gpt-*”")
    assert_accessible(page)
    reprice(None)
    page.goto(f"{root}/sessions/demo/refund-4711/?tab=metrics")
    expect(page.locator(".metrics")).to_contain_text("computed")
    settled(page)
    assert_accessible(page)
    page.get_by_text("Show as table").click()
    expect(page.locator(".metrics .twin table")).to_be_visible()
    page.goto(f"{root}/settings/prices/")
    page.get_by_role("link", name="Change gpt-*").click()
    page.get_by_label("Output", exact=True).fill("x")
    page.get_by_role("button", name="Save price").click()
    expect(page.get_by_role("alert").first).to_contain_text("no number")
    watch.allow("422")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Delete gpt-*").click()
    expect(page.locator("main")).to_contain_text("No price yet")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("width", [1440, 390, 320])
def test_nothing_is_wider_than_the_window(sign_in: SignIn, admin: Person, width: int) -> None:
    page = sign_in(admin)
    root = page.url.partition("/sessions")[0]
    page.set_viewport_size({"width": width, "height": 800})
    for address in ("/settings/prices/", "/sessions/demo/refund-4711/?tab=metrics"):
        page.goto(root + address)
        settled(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
