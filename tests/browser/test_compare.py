"""Comparing in a browser: from the list to the difference of a call by keys alone, accessible, harmless."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from tests.browser.conftest import SignIn, Watch, assert_accessible
from tests.browser.test_hostile_text import ACTS, FETCHES, RUNS
from tests.conftest import Person
from tests.integration.test_compare_page import a_run, address, stored

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def lab(corpus_file: Any, transactional_db: None) -> Iterator[Path]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        refresh_source(get_source("lab"))
        yield path


def two_sessions(lab: Path) -> str:
    """Two sessions that differ in every way; returns the address of their comparison."""
    metrics = {"duration": 3.0, "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    calls = [("lookup", {"order": 1}, '{"paid": 1}')]
    stored(lab, "zz-one", a_run("a1", "Hello", "Hi", metrics=metrics), a_run("a2", "Refund", "I will try", calls=calls),
           a_run("a3", "Thank you", "Bye"), state={"refund": "asked"})  # fmt: skip
    stored(lab, "zz-two", a_run("b1", "Hello", "Hi", metrics=metrics), a_run("b2", "Card?", "Yes", status="ERROR"),
           a_run("b3", "Refund", "I will pay", calls=[("lookup", {"order": 1}, '{"paid": 2}')]),
           a_run("b4", "Thank you", "Bye"), state={"refund": "sent"})  # fmt: skip
    return f"/compare/?a={address('zz-one')}&b={address('zz-two')}"


def test_two_sessions_are_selected_and_compared_by_keys_alone(
    lab: Path, server: str, sign_in: SignIn, viewer: Person, watch: Watch
) -> None:
    two_sessions(lab)
    page = sign_in(viewer)
    page.goto(server + "/sessions/?q=Hello")
    button = page.get_by_role("button", name="Compare", exact=True)
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(button).to_be_disabled()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(button).to_be_enabled()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Compare sessions")).to_be_visible()
    page.wait_for_load_state()  # keys work once the page's scripts have run
    # From turn to turn, then to the difference of a call.
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Turn 1: same")).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Turn 2: only")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith(("#turn-0-2", "#turn-2-0"))
    summary = page.locator(".call-changes > summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".call-changes .diff-after")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Only differences").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 turns left out")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_wide_and_narrow(
    scheme: Any, lab: Path, server: str, sign_in: SignIn, viewer: Person, watch: Watch
) -> None:
    compared = two_sessions(lab)
    page = sign_in(viewer)
    page.emulate_media(color_scheme=scheme)
    runs = f"/compare/?a={address('zz-one', 'a2')}&b={address('zz-two', 'b3')}"
    for path in (
        compared,
        runs,
        f"/compare/?a={address('zz-one')}",
        f"/compare/?a={address('zz-two', 'b2')}",
        "/compare/?a=x",
    ):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(server + path)
        for summary in page.locator("main details > summary").all():
            summary.click()
        assert_accessible(page)
        assert page.evaluate("document.querySelectorAll('*').length") < 5_000
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert_accessible(page)


def test_a_run_leads_to_the_comparison_with_the_run_before(
    lab: Path, server: str, sign_in: SignIn, viewer: Person, watch: Watch
) -> None:
    two_sessions(lab)
    page = sign_in(viewer)
    page.goto(f"{server}/sessions/lab/zz-one/runs/a2/")
    page.get_by_role("link", name="Compare with the run before").click()
    expect(page.get_by_role("heading", level=1, name="Compare runs")).to_be_visible()
    page.get_by_role("link", name="Swap").click()
    expect(page).to_have_url(f"{server}/compare/?a=lab%2Fzz-one%2Fruns%2Fa2&b=lab%2Fzz-one%2Fruns%2Fa1")
    page.goto(f"{server}/sessions/lab/zz-one/")
    page.get_by_role("link", name="Compare with…").click()
    page.get_by_role("searchbox").fill("zz-tw")
    page.keyboard.press("Enter")
    page.locator(".offers a").click()
    expect(page.get_by_role("link", name="Turn 2: only B")).to_be_visible()


@pytest.mark.parametrize("text", [RUNS, FETCHES, ACTS])
def test_hostile_text_on_both_sides_does_nothing(
    text: str, lab: Path, server: str, sign_in: SignIn, viewer: Person, watch: Watch
) -> None:
    def hostile(run_id: str, text: str) -> dict[str, Any]:
        run = a_run(run_id, text, text, calls=[(text, {text: text}, text)], model=text, session_state={text: text})
        run["messages"].insert(0, {"role": "system", "content": text})
        return run | {"agent_name": text, "status": text}

    stored(lab, "evil", hostile("e1", text), state={text: text}, user=text)
    stored(lab, "worse", hostile("w1", f"{text} more"), state={text: [text]}, user=f"{text} more")
    page = sign_in(viewer)
    paths = (
        f"a={address('evil')}&b={address('worse')}", f"a={address('evil', 'e1')}&b={address('worse', 'w1')}",
        f"a={address('evil')}", f"a={address('worse', 'w1')}",
    )  # fmt: skip
    for query in paths:
        page.goto(f"{server}/compare/?{query}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for summary in page.locator("main details > summary").all():
            summary.click()
        assert page.evaluate("window.ran") is None
        assert page.locator("main img, main video, main script, main [hx-post], main [data-hx-get]").count() == 0
