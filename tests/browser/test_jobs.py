"""A job in a browser: selected in the list, confirmed, stopped, followed to its end; on a phone, in the dark."""

from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.db.sources import use_sources
from agentos.jobs import runner
from agentos.jobs.models import Job
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person
from tests.factories import make_session

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]
HOSTILE = "<img src=x onerror='window.ran = 1'>\u202e"


@pytest.fixture(autouse=True)
def sessions(transactional_db: None, settings: Any) -> Any:
    """Some sessions of no source; jobs are carried out when the test says so."""
    settings.AGENTOS_TURNS = "worker"
    with use_sources(""):
        for number in range(60):
            make_session(session_id=f"{HOSTILE}{number}", title=f"{HOSTILE} {number}")
        yield


def test_from_the_list_to_the_report(server: str, sign_in: SignIn, moderator: Person) -> None:
    page = sign_in(moderator)
    page.locator("input[name=pick]").first.check()
    page.locator("#bulk-bar").get_by_label("Select all").check()
    page.get_by_role("button", name="Act on them…").click()
    sheet = page.locator("#sheet")
    expect(sheet.get_by_text("60 sessions are selected")).to_be_visible()
    sheet.get_by_label("Put on hold…").check()
    assert_accessible(page)
    sheet.get_by_role("button", name="Go on…").click()

    expect(page.get_by_role("heading", name="Put on hold 60 sessions?")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Why").fill("an inquiry is under way")
    page.get_by_role("button", name="Put on hold 60 sessions").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    assert_accessible(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("the rest is as it was")).to_be_visible()
    page.get_by_role("button", name="Go on with the rest").click()
    expect(page.get_by_role("heading", name="Waiting")).to_be_visible()
    runner.run_now()
    # The page follows by itself: progress, then what each came to.
    expect(page.get_by_text("each session has come to an end below")).to_be_visible()
    expect(page.locator("#job-items .came-done")).to_have_count(60)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "60")
    assert_accessible(page)
    assert page.evaluate("window.ran") is None
    assert Job.objects.get().done == 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(scheme: str, server: str, sign_in: SignIn, moderator: Person) -> None:
    page = sign_in(moderator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server}/jobs/")
    assert_accessible(page)
    page.goto(f"{server}/sessions/")
    page.locator("input[name=pick]").nth(1).check()
    page.get_by_role("button", name="Act on them…").click()
    page.locator("#sheet").get_by_label("Delete…").check()
    page.locator("#sheet").get_by_role("button", name="Go on…").click()
    expect(page.get_by_role("heading", name="Delete 1 session?")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
    page.get_by_label("Why").fill("it was a test")
    page.get_by_role("button", name="Delete 1 session").click()
    runner.run_now()
    expect(page.locator("#job-items .came-done")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
