"""Redacting many sessions in a browser: selected, named, looked at, stopped, named again, followed to the report."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from agentos.jobs import runner
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person
from tests.integration.redaction.test_bulk import NEEDLE, planted

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]


@pytest.fixture(autouse=True)
def lab(transactional_db: None, settings: Any, tmp_path: Path) -> Any:
    """Six sessions with a key in four; jobs are carried out when the test says so."""
    settings.AGENTOS_TURNS = "worker"
    with use_sources(f"lab=sqlite:///{tmp_path / 'lab.db'}"):
        source = get_source("lab")
        for number in range(6):
            planted(source, number, NEEDLE if number < 4 else "<img src=x onerror='window.ran = 1'>\u202e")
        refresh_source(source, budget=None)
        yield


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_from_the_list_to_the_report(width: int, scheme: Any, server: str, sign_in: SignIn, moderator: Person) -> None:
    page = sign_in(moderator)
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server}/sessions/")
    page.locator("input[name=pick]").first.check()
    page.locator("#bulk-bar").get_by_label("Select all").check()
    page.get_by_role("button", name="Act on them…").click()
    page.locator("#sheet").get_by_label("Redact…").check()
    page.locator("#sheet").get_by_role("button", name="Go on…").click()

    expect(page.get_by_role("heading", name="Redact in many sessions")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Texts to take out").fill(NEEDLE)
    page.get_by_role("button", name="Look where it stands").click()

    expect(page.get_by_role("heading", name="Redact in 6 sessions?")).to_be_visible()
    expect(page.get_by_text("in 4 of the first 6 sessions")).to_be_visible()
    expect(page.locator(".sample").first).to_contain_text("[redacted]")
    expect(page.get_by_text(NEEDLE)).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    page.get_by_label("Why").fill("the customer asked for it")
    page.get_by_role("button", name="Redact in 6 sessions").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_label("named again").fill(NEEDLE)
    assert_accessible(page)
    page.get_by_role("button", name="Go on with the rest").click()
    expect(page.get_by_role("heading", name="Waiting")).to_be_visible()
    runner.run_now()
    expect(page.get_by_text("each session has come to an end below")).to_be_visible()
    expect(page.locator("#job-items .came-done")).to_have_count(4)
    expect(page.locator("#job-items .came-unchanged")).to_have_count(2)
    expect(page.get_by_text("Nothing was found in it.")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    assert page.evaluate("window.ran") is None
