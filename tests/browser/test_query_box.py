"""The query box with a keyboard: suggestions, a mistake that loses nothing, chips."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.db.sources import Source, use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


def test_suggestions_are_taken_with_keys(source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Query")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-expanded", "false")

    page.keyboard.type("us")
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="user:")).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    assert_accessible(page)
    # The list looks for new sessions meanwhile, which takes nothing from who is choosing.
    with page.expect_response("**/sessions/new/**"):
        page.evaluate("htmx.trigger(document.getElementById('arrivals'), 'look')")
    page.keyboard.press("Enter")
    expect(box).to_have_value("user:")
    page.keyboard.type("bo")
    expect(page.get_by_role("option", name="user:bob")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(box).to_have_value("user:bob ")
    expect(page.get_by_role("listbox")).to_have_count(0)

    page.keyboard.press("Enter")
    settled(page)
    expect(page).to_have_url(f"{server}/sessions/?q=user%3Abob")
    expect(page.get_by_role("checkbox", name="bob")).to_be_checked()
    expect(page.get_by_role("link", name="Remove the filter user bob")).to_be_visible()
    expect(page.get_by_role("combobox", name="Query")).to_have_value("")


def test_escape_closes_and_keeps_what_was_typed(source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    box = page.get_by_role("combobox", name="Query")
    box.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="has:")).to_be_visible()
    page.keyboard.type("to")
    expect(page.get_by_role("option", name="has:")).to_have_count(0)
    expect(page.get_by_role("option", name="topic:")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(box).to_have_value("to")


def test_a_mistake_is_marked_and_mended(source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    page.goto(f"{server}/sessions/?q=type:agent")
    page.get_by_role("combobox", name="Query").fill("tokens:many")
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_role("alert")).to_contain_text("takes a number")
    expect(page.locator("mark")).to_have_text("many")
    box = page.get_by_role("combobox", name="Query")
    expect(box).to_have_value("tokens:many")
    expect(page).to_have_url(f"{server}/sessions/?q=type%3Aagent&q=tokens%3Amany")
    assert_accessible(page)
    box.fill("tokens:>1k")
    page.keyboard.press("Enter")
    settled(page)
    expect(page).to_have_url(f"{server}/sessions/?q=type%3Aagent+tokens%3A%3E1k")
    page.get_by_role("link", name="Remove the filter tokens >1k").click()
    settled(page)
    expect(page).to_have_url(f"{server}/sessions/?q=type%3Aagent")
