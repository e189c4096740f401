"""A session's views with a keyboard alone, in every colour and width, and on paper."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from agentos.db.sources import Source, use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person

VIEWS = ("conversation", "timeline", "log")


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


@pytest.fixture
def session(source: Source, server: str, sign_in: SignIn, viewer: Person) -> Page:
    page = sign_in(viewer)
    page.goto(f"{server}/sessions/lab/tools-trouble-01/")
    return page


def test_a_walk_with_keys_alone(session: Page) -> None:
    session.keyboard.press("2")
    expect(session.locator("#view")).to_have_attribute("data-view", "timeline")
    assert "view=timeline" in session.url
    settled(session)
    expect(session.get_by_role("link", name="Timeline")).to_have_attribute("aria-current", "page")
    session.keyboard.press("v")
    expect(session.locator("#view")).to_have_attribute("data-view", "log")
    settled(session)
    session.keyboard.press("1")
    expect(session.locator("#view")).to_have_attribute("data-view", "conversation")
    settled(session)
    session.keyboard.press("j")
    session.keyboard.press("j")
    expect(session.get_by_role("link", name="Run 2", exact=True)).to_be_focused()
    session.keyboard.press("]")
    session.wait_for_url("**run=**")
    expect(session.locator(".run.is-marked .is-error").first).to_be_visible()
    session.keyboard.press("/")
    session.keyboard.type("page 123 v")
    expect(session.get_by_role("searchbox", name="Find in this session")).to_have_value("page 123 v")
    session.get_by_role("searchbox", name="Find in this session").fill("page")
    session.keyboard.press("Enter")
    session.wait_for_url("**find=page**")
    expect(session.locator(".found")).to_contain_text("1 of 3")
    session.locator("body").press("n")
    expect(session.locator(".found")).to_contain_text("2 of 3")
    session.locator("body").press("N")
    expect(session.locator(".found")).to_contain_text("1 of 3")
    session.locator("body").press("o")
    expect(session.get_by_role("navigation", name="Prompts")).to_be_visible()
    session.go_back()
    expect(session.get_by_role("navigation", name="Prompts")).to_have_count(0)


def test_the_focus_goes_through_the_page_in_reading_order(session: Page) -> None:
    parts: list[str] = []
    session.locator(".session-title a").first.focus()
    for _ in range(120):
        session.keyboard.press("Tab")
        part = session.evaluate(
            "document.activeElement.closest('.view-bar, .spine, .run, .composer, .inspector')?.className.split(' ')[0]"
        )
        if part and (not parts or parts[-1] != part):
            parts.append(part)
    order = ["spine", "view-bar", "run", "composer", "inspector"]
    assert [part for part in order if part in parts] == list(dict.fromkeys(parts))


@pytest.mark.parametrize("view", VIEWS)
def test_is_accessible_in_light_dark_and_on_a_phone(view: str, session: Page) -> None:
    address = f"{session.url}?view={view}&find=page&prompts=0"
    looks: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1440), ("dark", 1440), ("light", 390))
    for scheme, width in looks:
        session.emulate_media(color_scheme=scheme)
        session.set_viewport_size({"width": width, "height": 860})
        session.goto(address)
        assert_accessible(session)
        assert session.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_draft_survives_a_change_of_view(source: Source, server: str, sign_in: SignIn, teammate: Person) -> None:
    page = sign_in(teammate)
    page.goto(f"{server}/sessions/lab/many-runs/")
    page.locator("#composer-message").fill("Half a thought")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.locator("#view")).to_have_attribute("data-view", "log")
    page.get_by_role("link", name="Conversation", exact=True).click()
    expect(page.locator("#view")).to_have_attribute("data-view", "conversation")
    settled(page)
    page.get_by_role("link", name="Older runs").click()
    expect(page.get_by_role("link", name="Run 1", exact=True)).to_be_visible()
    expect(page.locator("#composer-message")).to_have_value("Half a thought")
    expect(page.locator("#spine a[href='#run-1']")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Run 32", exact=True)).to_be_visible()


def test_a_link_is_copied(session: Page, context: Any) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    session.get_by_role("link", name="Link to run 2").click()
    expect(session.get_by_role("status").filter(has_text="Link copied")).to_be_visible()
    copied = session.evaluate("navigator.clipboard.readText()")
    assert copied == session.url
    session.reload()
    expect(session.locator("#run-2")).to_have_class("run is-marked")


def test_works_without_a_script(source: Source, server: str, sign_in: SignIn, viewer: Person, browser: Any) -> None:
    page = sign_in(viewer)
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    try:
        bare = plain.new_page()
        bare.goto(f"{server}/sessions/lab/tools-trouble-01/")
        bare.get_by_role("link", name="Log", exact=True).click()
        assert "view=log" in bare.url
        bare.get_by_role("searchbox", name="Find in this session").fill("page")
        bare.get_by_role("button", name="Find").click()
        assert bare.locator("mark").count() > 1 and "view=log" in bare.url
        bare.get_by_role("link", name="Next place").click()
        assert "2 of 3" in (bare.locator(".found").text_content() or "")
        bare.get_by_role("link", name="Next error").click()
        assert bare.locator(".is-marked").count() >= 1
    finally:
        plain.close()


def test_paper_has_the_conversation_and_a_foot(session: Page) -> None:
    session.emulate_media(media="print")
    for part in (".topbar", ".inspector", ".spine", ".chat-pane", ".view-bar"):
        expect(session.locator(part).first).to_be_hidden()
    expect(session.locator(".print-foot")).to_be_visible()
    expect(session.locator(".print-foot")).to_contain_text("printed by viewer")
    session.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(session.locator(".tool .tool-body").first).to_be_visible()
    session.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(session.pdf()) > 10_000
