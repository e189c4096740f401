"""The State tab in a browser: chosen and compared by keys alone, accessible, and harmless whatever the state says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from tests.browser.conftest import SignIn, assert_accessible
from tests.browser.test_hostile_text import ACTS, FETCHES, RUNS
from tests.conftest import Person
from tests.integration.test_session_page import url
from tests.integration.test_session_state import STATEFUL, stored

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def lab(corpus_file: Any, transactional_db: None) -> Iterator[Path]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        refresh_source(get_source("lab"))
        yield path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_states_are_compared_by_keys_alone(
    scheme: Any, lab: Path, server: str, sign_in: SignIn, viewer: Person
) -> None:
    page = sign_in(viewer)
    page.emulate_media(color_scheme=scheme)
    page.goto(server + url(STATEFUL) + "?view=log&tab=state")
    expect(page.get_by_role("heading", name="After run 4")).to_be_visible()
    page.get_by_role("link", name="State before").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="After run 3")).to_be_visible()
    field = page.get_by_label("From run")
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    expect(page.get_by_label("to run", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".diff-after")).to_have_count(2)
    assert "from=1" in page.url and "to=3" in page.url and "view=log" in page.url
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
    page.go_back()
    expect(page.get_by_role("heading", name="After run 3")).to_be_visible()


@pytest.mark.parametrize("text", [RUNS, FETCHES, ACTS])
def test_a_hostile_state_does_nothing(text: str, lab: Path, server: str, sign_in: SignIn, viewer: Person) -> None:
    stored(lab, "attacked", {text: text, "same": text}, {text: {text: [text]}, "same": text}, now={text: text})
    page = sign_in(viewer)
    for query in ("?tab=state", "?tab=state&to=now", "?tab=state&from=1&to=2", "?tab=state&to=" + "%3Cimg%20src=x%3E"):
        page.goto(server + url("attacked") + query)
        expect(page.locator("#state")).to_be_visible()
        assert page.evaluate("window.ran") is None
        assert page.locator("#inspector img, #inspector video, #inspector script, #inspector [hx-post]").count() == 0
