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
    page.locator("a.hit", has_text="Tool result").click()
    page.wait_for_url("**/runs/**#m*")
    anchor = page.url.rpartition("#")[2]
    expect(page.locator(f"article#{anchor}")).to_be_in_viewport()


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
