"""A newcomer's way in: the link, the password page, the list behind it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import BrowserContext, expect

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture(autouse=True)
def lab(corpus_file: Callable[[str], Path]) -> Iterator[None]:
    cache.clear()
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
        yield


def test_link_leads_to_the_list(sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator('a[href^="/sessions/lab/"]').first).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_password(server: str, watch: Watch, context: BrowserContext, viewer: Person, scheme: str) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server}/sessions/?sort=title")
    page.get_by_label("Name").fill("viewer")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Name or password is not right.")
    watch.allow("422")  # Chromium writes the status of the refused form to the console
    assert_accessible(page)
    page.get_by_label("Password").fill("viewer-password")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server}/sessions/?sort=title")


def test_a_used_link_says_so(server: str, watch: Watch, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{server}/sign-in/used/")
    watch.allow("410")
    expect(page.get_by_role("alert")).to_contain_text("has been used or has expired")
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_own_password_is_changed(server: str, sign_in: SignIn, watch: Watch, viewer: Person, scheme: str) -> None:
    page = sign_in(viewer)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server}/sessions/")
    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Change password").click()
    expect(page.get_by_role("heading", level=1, name="Change password")).to_be_visible()
    page.get_by_label("Current password").fill("wrong")
    for name in ("New password", "New password once more"):
        page.get_by_label(name, exact=True).fill("a brand new secret")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_contain_text("The current password is not right.")
    watch.allow("422")  # as above
    assert_accessible(page)
    page.get_by_label("Current password").fill("viewer-password")
    for name in ("New password", "New password once more"):
        page.get_by_label(name, exact=True).fill("a brand new secret")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.goto(f"{server}/sessions/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
