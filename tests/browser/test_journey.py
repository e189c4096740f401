"""The whole way of an operator: sign in, filter, open, read to the last tool call, say something, see it stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agentos.db.sources import Source, use_sources
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled
from tests.conftest import Person
from tests.integration.turns.conftest import runs_of

ANSWER = "alpha bravo charlie delta echo foxtrot golf hotel india juliet"


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


def test_from_the_list_to_a_stored_answer(
    source: Source, fake_model: Any, server: str, sign_in: SignIn, teammate: Person
) -> None:
    page = sign_in(teammate)
    page.get_by_role("checkbox", name="bob").check()
    settled(page)
    expect(page).to_have_url(f"{server}/sessions/?q=user%3Abob")
    page.get_by_role("combobox", name="Query").fill("tools")
    page.keyboard.press("Enter")
    settled(page)
    page.goto(f"{server}/sessions/?user=bob&sort=created")
    assert_accessible(page)

    page.locator('a[href="/sessions/lab/tools-trouble-01/"]').click()
    call = page.locator(".conversation details.tool", has_text="fetch_page").first
    call.locator("> summary").click()
    expect(call.get_by_text("Arguments")).to_be_visible()
    expect(call).to_contain_text("Error")
    assert_accessible(page)

    answered = send(page, f"[[slow 0.2]] [[say {ANSWER}]]")
    expect(answered).to_contain_text("alpha")
    expect(answered).not_to_contain_text("juliet")
    page.reload()
    expect(page.locator(".turn-growing")).to_contain_text("charlie")
    expect(page.locator(".turn-done")).to_be_visible()
    assert page.locator(".turn-done .by-agent .stored").inner_text().strip() == ANSWER
    assert_accessible(page)

    stored = runs_of(source, "tools-trouble-01")[-1]
    assert (stored.content, stored.status, stored.user_id) == (ANSWER, "COMPLETED", "bob")
    page.reload()
    page.locator(".run", has_text=ANSWER).get_by_role("link", name="Open run").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text(ANSWER)
    assert_accessible(page)


def send(page: Page, message: str) -> Any:
    page.get_by_label("Message").fill(message)
    page.get_by_role("button", name="Send").click()
    return page.locator(".turn-growing")


@pytest.mark.sqlite_only
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_page_is_accessible(
    source: Source, server: str, sign_in: SignIn, viewer: Person, scheme: str
) -> None:
    page = sign_in(viewer)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in ("?type=team", "?q=nothing+matches+this"):
        page.goto(f"{server}/sessions/{path}")
        assert_accessible(page)
    for session_id in ("wf-everything", "team-nested-embedded", "hitl-confirmation", "media-session", "run-errors"):
        page.goto(f"{server}/sessions/lab/{session_id}/")
        assert_accessible(page)
    for tab in ("tools", "state", "summary", "metadata", "raw"):
        page.goto(f"{server}/sessions/lab/tools-trouble-01/?tab={tab}")
        assert_accessible(page)


@pytest.mark.sqlite_only
def test_nothing_scrolls_sideways_on_a_phone(source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/sessions/", "/sessions/lab/tools-trouble-01/", "/sessions/lab/wf-everything/?tab=raw"):
        page.goto(f"{server}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert_accessible(page)


@pytest.mark.sqlite_only
def test_everything_reads_without_javascript(
    source: Source, fake_model: Any, server: str, sign_in: SignIn, watch: Watch, teammate: Person, browser: Any
) -> None:
    state = sign_in(teammate).context.storage_state()
    context: BrowserContext = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{server}/sessions/")
    page.get_by_role("checkbox", name="bob").check()
    page.get_by_role("button", name="Apply").click()
    assert "user=bob" in page.url
    page.goto(f"{server}/sessions/lab/tools-trouble-01/")
    page.locator("details.tool > summary").first.click()
    expect(page.get_by_text("Arguments").first).to_be_visible()
    page.get_by_label("Message").fill("[[say written without a script]]")
    page.get_by_role("button", name="Send").click()
    for _ in range(20):
        page.goto(f"{server}/sessions/lab/tools-trouble-01/")
        if page.get_by_text("written without a script").count() > 1:
            break
        page.wait_for_timeout(300)
    expect(page.locator(".by-agent", has_text="written without a script").first).to_be_visible()
    context.close()


@pytest.mark.sqlite_only
def test_keys_lead_through_the_list(source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("[data-row]").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Query")).to_be_focused()
    page.keyboard.press("Escape")
    second.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/lab/**")
