"""Signing in by OpenID Connect in a real browser, whose CSP lets no form lead elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agentos.db.sources import use_sources
from tests.browser.conftest import Watch, assert_accessible, settled
from tests.conftest import Person
from tests.integration.sign_on.conftest import point_at
from tests.oidc_provider import Provider


@pytest.fixture(autouse=True)
def lab(corpus_file: Callable[[str], Path]) -> Iterator[None]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
        yield


@pytest.fixture
def provider(settings: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[Provider]:
    monkeypatch.setenv("NO_PROXY", "*")
    made = Provider()
    point_at(settings, made)
    settings.AGENTOS_OIDC_NAME = "Acme"
    yield made
    made.stop()


@pytest.fixture
def page(server: str, provider: Provider, context: BrowserContext, watch: Watch) -> Iterator[Page]:
    context.set_default_timeout(15_000)
    yield context.new_page()
    watch.allow(provider.issuer)
    watch.allow(provider.elsewhere)


@pytest.mark.parametrize("hop", [False, True], ids=["straight", "by way of another origin"])
@pytest.mark.parametrize("scripts", [True, False], ids=["", "no scripts"])
def test_the_button_leads_to_the_list(
    server: str, provider: Provider, browser: Any, watch: Watch, admin: Person, hop: bool, scripts: bool
) -> None:
    provider.hop = hop
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    watch.attach(page)
    page.goto(f"{server}/sessions/?sort=title")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.wait_for_url(f"{server}/sessions/?sort=title")
    expect(page.locator('a[href^="/sessions/lab/"]').first).to_be_visible()
    expect(page.locator(".account-menu summary")).to_contain_text("dana")
    expect(page.locator(".account-menu summary")).to_contain_text("operator")
    page.go_back()
    expect(page).not_to_have_url(f"{server}/sign-in/oidc/")  # the page between is not gone back to
    watch.allow(provider.issuer)
    watch.allow(provider.elsewhere)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_on_the_way_are_accessible(server: str, provider: Provider, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server}/sign-in/")
    assert_accessible(page)
    page.route(f"{provider.issuer}/**", lambda route: route.fulfill(status=204))  # the browser stays where it is
    page.get_by_role("button", name="Sign in with Acme").click()
    expect(page.get_by_text("You are on your way to the sign-in service.")).to_be_visible()
    assert_accessible(page)


def test_who_is_refused_is_told_why(server: str, provider: Provider, page: Page, watch: Watch) -> None:
    provider.person["groups"] = []
    page.goto(f"{server}/sign-in/")
    page.get_by_role("button", name="Sign in with Acme").click()
    expect(page.get_by_role("alert")).to_contain_text("None of your groups may sign in here.")
    watch.allow("403")
    assert_accessible(page)


def test_people_say_where_a_role_comes_from(
    server: str, provider: Provider, page: Page, admin: Person, context: BrowserContext
) -> None:
    page.goto(f"{server}/sign-in/")
    page.get_by_role("button", name="Sign in with Acme").click()
    page.wait_for_url(f"{server}/sessions/**")
    context.clear_cookies()
    page.goto(f"{server}/sign-in/?next=/people/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill("admin-password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="dana").click()
    settled(page)
    expect(page.get_by_role("button", name="Change role")).to_be_disabled()
    expect(page.get_by_text("The role of dana comes from single sign-on.")).to_be_visible()
    assert_accessible(page)
