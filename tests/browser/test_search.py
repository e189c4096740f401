"""Searching in a browser: from a word to the message it stands in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}"):
        call_command("demo")
        yield


@pytest.mark.sqlite_only
def test_a_word_leads_to_its_message(sign_in: SignIn, teammate: Person) -> None:
    page = sign_in(teammate)
    page.get_by_role("link", name="Search", exact=True).first.click()
    expect(page.get_by_role("heading", name="Find any word anyone said")).to_be_visible()
    page.fill("#query", "refund")
    page.keyboard.press("Enter")
    expect(page.locator("article.found")).to_have_count(2)
    page.locator("#in-tool_result").check()
    expect(page.locator("article.found")).to_have_count(1)
    assert page.url.endswith("/search/?q=refund&in=tool_result")
    settled(page)
    assert_accessible(page)
    page.fill("#query", "refund bo")
    page.fill("#query", "refund")
    expect(page.locator("#context .is-hit mark").first).to_be_visible()
    page.locator("#context").get_by_role("link", name="Open message").click()
    page.wait_for_url("**/runs/**#m*")
    anchor = page.url.rpartition("#")[2]
    expect(page.locator(f"article#{anchor}")).to_be_in_viewport()


@pytest.mark.sqlite_only
def test_the_pane_follows_the_keys_and_comes_back_by_its_address(sign_in: SignIn, teammate: Person) -> None:
    page = sign_in(teammate)
    page.goto(page.url.partition("/s")[0] + "/search/?q=refund")
    hits = page.locator("a.hit")
    expect(hits.first).to_have_attribute("aria-current", "true")  # the first one shows by itself
    expect(page.locator("#context .is-hit")).to_be_visible()
    assert "hit=" not in page.url
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(hits.nth(1)).to_be_focused()
    expect(hits.nth(1)).to_have_attribute("aria-current", "true")
    page.wait_for_url("**hit=**")
    settled(page)
    assert_accessible(page)
    said = page.locator(".is-hit").inner_text()
    page.reload()
    expect(page.locator(".is-hit")).to_have_text(said, use_inner_text=True)
    expect(hits.nth(1)).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Next hit").click()
    expect(hits.nth(2)).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("button", name="Next hit")).to_be_focused()
    hits.nth(2).focus()
    page.keyboard.press("Enter")  # what shows already is opened
    page.wait_for_url("**/sessions/**")


@pytest.mark.sqlite_only
def test_without_a_script_and_on_a_narrow_page_a_hit_is_a_link_to_its_surroundings(
    sign_in: SignIn, teammate: Person
) -> None:
    page = sign_in(teammate)
    page.set_viewport_size({"width": 800, "height": 700})
    page.goto(page.url.partition("/s")[0] + "/search/?q=refund")
    expect(page.locator("#context")).to_be_hidden()
    page.locator("a.hit").nth(1).click()
    expect(page.locator(".is-hit")).to_be_in_viewport()
    page.get_by_role("link", name="Back to the hits").click()
    expect(page.locator("#hit")).to_be_in_viewport()
    link = page.locator("a.hit").first.get_attribute("href") or ""
    page.goto(page.url.partition("/search")[0] + "/search/" + link)
    expect(page.locator(".is-hit mark").first).to_be_visible()


@pytest.mark.sqlite_only
@pytest.mark.parametrize("width", [1440, 390, 320])
def test_nothing_is_wider_than_the_window(sign_in: SignIn, teammate: Person, width: int) -> None:
    page = sign_in(teammate)
    page.set_viewport_size({"width": width, "height": 800})
    for query in ("?q=refund", "?q=refund&by=hit", "?q=refund+nonesuch", ""):
        page.goto(page.url.partition("/s")[0] + f"/search/{query}")
        settled(page)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, query
