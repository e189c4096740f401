"""Days of people in a browser: a moderator who takes over, an auditor, a suspended user, and who manages them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django import Settings

from agentos.access.models import SignInLink
from agentos.access.rights import Right
from agentos.access.roles import give_role
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source, use_sources
from agentos.moderation import flags, measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Case
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled
from tests.conftest import Person, person
from tests.integration.turns.conftest import AGENT, runs_of

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]
SAID = "This is Mia, a person. Your suitcase is in Lisbon."


@pytest.fixture
def source(corpus_file: Any, transactional_db: None) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        refresh_source(sources[0])
        yield sources[0]


@pytest.fixture
def row(source: Source) -> CatalogSession:
    found = CatalogSession.objects.one("lab", AGENT)
    assert found is not None
    return found


def test_a_moderator_takes_over_and_is_found_in_the_log(
    source: Source,
    row: CatalogSession,
    server: str,
    sign_in: SignIn,
    moderator: Person,
    teammate: Person,
    settings: Settings,
) -> None:
    """Queue, claim, read, redact, take over, answer in the agent's place, note, resolve, audit."""
    settings.AGENTOS_ACTING_REASON = True
    flags.flag(row, Actor.of(teammate.user), "Threat or harassment", "asks for a person", title=row.title)
    page = sign_in(moderator)
    page.goto(f"{server}/review/")
    page.keyboard.press("e")
    expect(page.get_by_text("claimed by you")).to_be_visible()
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()

    page.goto(f"{server}/sessions/lab/{row.quoted_id}/")
    asked = runs_of(source, AGENT)[0].input_text
    assert asked
    redact(page, asked)
    expect(page.get_by_text("[redacted]").first).to_be_visible()
    expect(page.get_by_text(asked, exact=True)).to_have_count(0)

    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Take over…").click()
    page.locator("#sheet").get_by_label("Why").fill("the customer asks for a person")
    page.locator("#sheet").get_by_role("button", name="Take over").click()
    expect(page.get_by_text("Taken over").first).to_be_visible()

    page.get_by_label("As operator").check()
    page.get_by_label("Why").fill("phone call, ticket 8812")
    page.get_by_label("Message", exact=True).fill(SAID)
    assert_accessible(page)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn-done")).to_contain_text("Stored: the session's user reads it")
    page.get_by_label("Note", exact=True).check()
    page.get_by_label("Message", exact=True).fill("Driver told.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("note for colleagues")).to_be_visible()
    settled(page)
    page.reload()
    operator = page.locator(".turn.by-operator")
    expect(operator).to_contain_text(SAID)
    expect(operator).to_contain_text("moderator")
    expect(page.get_by_text("Driver told.")).to_be_visible()
    assert_accessible(page)
    assert runs_of(source, AGENT)[-1].content == SAID

    page.goto(f"{server}/review/{Case.objects.get().pk}/")
    page.get_by_label("No action").check()
    page.get_by_label("Reason, kept in the audit log").fill("The suitcase is on its way")
    page.get_by_role("button", name="Resolve case").click()
    expect(page.get_by_text("The case is resolved.")).to_be_visible()

    page.goto(f"{server}/audit/?who=moderator&kind=change")
    entries = page.get_by_role("table")
    for told in (
        "Claimed case",
        "Redacted",
        "Took over",
        "Wrote in the agent's place",
        "Wrote a note",
        "Resolved case",
    ):
        expect(entries.get_by_text(told).first).to_be_visible()
    expect(page.get_by_text("phone call, ticket 8812").first).to_be_visible()
    assert_accessible(page)


def redact(page: Page, text: str) -> None:
    """Take a text out of the session whose page is open."""
    page.get_by_text("Moderate", exact=True).click()
    page.get_by_role("link", name="Redact…").first.click()
    page.locator("#sheet").get_by_label("What is to be taken out").fill(text)
    page.locator("#sheet").get_by_role("button", name="Look where it stands").click()
    page.get_by_label("Why").fill("personal data of staff")
    page.get_by_role("button", name="Redact for good").click()
    expect(page.get_by_text("It cannot be undone.")).to_be_visible()


def enter(server: str, context: BrowserContext, who: Person, path: str) -> Page:
    """Sign somebody in whose first page is another than the list of sessions."""
    page = context.new_page()
    page.goto(f"{server}/sign-in/{SignInLink.objects.all().issue(who.user)}/")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server}{path}**")
    return page


def test_an_auditor_reads_the_log_and_no_session(
    row: CatalogSession, server: str, watch: Watch, context: BrowserContext, teammate: Person
) -> None:
    flags.flag(row, Actor.of(teammate.user), "Possible fraud", "look at this", title=row.title)
    auditor = person("auditor", "viewer")
    group = Group.objects.create(name="auditor")
    group.permissions.add(Permission.objects.get(codename=Right.READ_AUDIT))
    give_role(auditor.user, "auditor")
    page = enter(server, context, auditor, "/audit/")
    expect(page.get_by_role("table").get_by_text("Flagged session").first).to_be_visible()
    assert_accessible(page)
    entry = page.get_by_role("row").filter(has_text="Flagged session").first
    expect(entry.get_by_role("link")).to_have_count(0)
    page.get_by_role("textbox", name="Who").fill("nobody of that name")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing on record is like this.")).to_be_visible()
    page.goto(f"{server}/sessions/")
    expect(page.get_by_text("Your account has no role that reads sessions.")).to_be_visible()
    assert_accessible(page)
    assert page.goto(f"{server}/sessions/lab/{row.quoted_id}/").status == 404  # type: ignore[union-attr]  # a page that was reached has an answer
    watch.allow("404 (Not Found)")


def test_a_suspended_user_is_told_so_and_reads_on(
    row: CatalogSession,
    server: str,
    watch: Watch,
    sign_in: SignIn,
    owner: Person,
    moderator: Person,
    source: Source,
) -> None:
    page = sign_in(owner)
    page.goto(f"{server}/sessions/lab/{row.quoted_id}/")
    page.get_by_label("Message").fill("Are you there?")
    before = len(runs_of(source, AGENT))
    measures.suspend("alice@example.com", Actor.of(moderator.user), "threats against staff")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Your account is suspended, so you cannot send messages.").first).to_be_visible()
    watch.allow("403 (Forbidden)")
    page.reload()
    expect(page.locator(".composer-closed")).to_contain_text("Your account is suspended")
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    expect(page.get_by_text("threats against staff")).to_have_count(0)
    assert_accessible(page)
    assert len(runs_of(source, AGENT)) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_roles_are_changed_and_the_last_admin_stays(
    scheme: str, source: Source, server: str, sign_in: SignIn, admin: Person, teammate: Person
) -> None:
    page = sign_in(admin)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server}/people/")
    assert_accessible(page)
    page.get_by_role("link", name="teammate").click()
    role = page.get_by_role("region", name="Role")
    role.get_by_role("combobox").select_option("moderator")
    role.get_by_label("Reason, kept in the audit log").fill("night shift, ticket 8812")
    assert_accessible(page)
    role.get_by_role("button", name="Change role").click()
    expect(page.get_by_text("teammate is moderator now, and has to sign in again.")).to_be_visible()
    expect(page.get_by_text("night shift, ticket 8812").first).to_be_visible()
    assert teammate.client.get("/sessions/").status_code == 302

    page.get_by_role("button", name="Make a one-time link").click()
    assert page.get_by_label("One-time link for teammate").input_value().startswith(f"{server}/sign-in/")
    page.goto(f"{server}/people/{admin.user.pk}/")
    expect(page.get_by_role("button", name="Switch off")).to_be_disabled()
    expect(page.get_by_text("Make somebody else an admin first")).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/people/", f"/people/{teammate.user.pk}/", "/people/roles/?edit=viewer", "/audit/"):
        page.goto(f"{server}{path}")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
