"""A moderator's day in a browser: a flag, the queue, claim, read, hold, resolve; by keys and on a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import use_sources
from agentos.moderation import flags, remarks
from agentos.moderation.acting import Actor
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]
HOSTILE = "<img src=x onerror='window.ran = 1'>\u202e"


@pytest.fixture
def row(corpus_file: Any, transactional_db: None) -> Iterator[CatalogSession]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}") as sources:
        refresh_source(sources[0])
        yield CatalogSession.objects.filter(user_id="alice@example.com", session_type="agent").order_by("pk")[0]


def test_from_flag_to_outcome(row: CatalogSession, server: str, sign_in: SignIn, moderator: Person) -> None:
    page = sign_in(moderator)
    page.goto(f"{server}/sessions/lab/{row.quoted_id}/")
    page.keyboard.press("f")
    sheet = page.locator("#sheet")
    sheet.get_by_label("Threat or harassment").check()
    sheet.get_by_label("What should be looked at").fill(f"Look at this {HOSTILE}")
    assert_accessible(page)
    sheet.get_by_role("button", name="Flag").click()
    expect(page.get_by_text("in the review queue")).to_be_visible()
    expect(page.get_by_text("Flagged, “Threat or harassment”").first).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("e")
    expect(page.get_by_text("claimed by you")).to_be_visible()
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    assert_accessible(page)

    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Put on hold…").click()
    page.locator("#sheet").get_by_label("Why").fill("a threat against staff")
    page.locator("#sheet").get_by_role("button", name="Put on hold").click()
    expect(page.get_by_text("The session is on hold.")).to_be_visible()
    expect(page.locator(".hold-banner").get_by_text("On hold since")).to_be_visible()
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    assert_accessible(page)

    page.get_by_label("No action").check()
    page.get_by_label("Reason, kept in the audit log").fill("It was meant as a joke")
    page.get_by_role("button", name="Resolve case").click()
    expect(page.get_by_text("The case is resolved.")).to_be_visible()
    expect(page.locator(".hold-banner")).to_have_count(0)
    expect(page.get_by_text("resolved it: no action")).to_be_visible()
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_queue_and_case_on_a_phone(
    scheme: str, row: CatalogSession, server: str, sign_in: SignIn, moderator: Person, teammate: Person
) -> None:
    flags.flag(row, Actor.of(teammate.user), "Possible fraud", HOSTILE, title=row.title)
    remarks.note(row, Actor.of(teammate.user), HOSTILE)
    remarks.tag(row, Actor.of(teammate.user), HOSTILE)
    page = sign_in(moderator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server}/review/")
    assert_accessible(page)
    page.locator(".queue a[data-row]").first.click()
    expect(page.locator(".queue")).to_be_hidden()
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("window.ran") is None
    assert_accessible(page)
