"""Redacting in a browser: from the menu to what is left; one message from its place; secrets shown for a reason."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source, use_sources
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person
from tests.integration.redaction.test_redact import NEEDLE, SESSION, fill

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]
KEY = "sk-proj-abcdEFGH1234567890abcd"


@pytest.fixture
def source(corpus_file: Any, transactional_db: None) -> Iterator[Source]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}") as [found]:
        yield found


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_text_is_taken_out(
    source: Source, server: str, sign_in: SignIn, moderator: Person, scheme: Any, width: int
) -> None:
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    page = sign_in(moderator)
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server}/sessions/lab/{SESSION}/")
    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Redact…").first.click()
    sheet = page.locator("#sheet")
    sheet.get_by_label("What is to be taken out").fill(NEEDLE)
    assert_accessible(page)
    sheet.get_by_role("button", name="Look where it stands").click()
    expect(page.get_by_role("heading", name="What will change")).to_be_visible()
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    page.get_by_label("Why").fill("the customer asked for it")
    page.get_by_role("button", name="Redact for good").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()
    expect(page.get_by_role("heading", name="[redacted]")).to_be_visible()
    expect(page.get_by_text("Qx7391Zk")).to_have_count(0)
    assert CatalogSession.objects.get(source="lab", session_id=SESSION).title == "[redacted]"


def test_one_message_from_its_place(source: Source, server: str, sign_in: SignIn, moderator: Person) -> None:
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    page = sign_in(moderator)
    page.goto(f"{server}/sessions/lab/{SESSION}/runs/planted/")
    assert_accessible(page)
    page.locator("#m1").get_by_role("link", name="Redact…").first.click()
    sheet = page.locator("#sheet")
    expect(sheet.get_by_text("one message of the")).to_be_visible()
    assert_accessible(page)
    sheet.get_by_label("Why").fill("the customer asked for it")
    sheet.get_by_role("button", name="Redact for good").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()


def test_secrets_are_shown_for_a_reason(source: Source, server: str, sign_in: SignIn, moderator: Person) -> None:
    fill(source, SESSION, f"the key is {KEY}")
    refresh_source(source)
    page = sign_in(moderator)
    page.goto(f"{server}/sessions/lab/{SESSION}/")
    expect(page.get_by_text("[masked]").first).to_be_visible()
    expect(page.get_by_text(KEY)).to_have_count(0)
    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Show secrets…").click()
    sheet = page.locator("#sheet")
    sheet.get_by_label("Why").fill("the customer asked which key it was")
    assert_accessible(page)
    sheet.get_by_role("button", name="Show").click()
    expect(page.get_by_text("are shown to you for 60 minutes")).to_be_visible()
    expect(page.get_by_text(KEY).first).to_be_visible()
    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Mask secrets again…").click()
    sheet.get_by_role("button", name="Mask them again").click()
    expect(page.get_by_text("Secrets are masked again.")).to_be_visible()
    expect(page.get_by_text(KEY)).to_have_count(0)
