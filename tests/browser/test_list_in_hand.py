"""The list with a keyboard and a mouse: keys, the palette, the preview, selection, what is new, views."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agentos.catalog.models import CatalogSession
from agentos.db.sources import Source, use_sources
from agentos.saved_views.service import Listing, save
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


def box(page: Page, at: int) -> Any:
    return page.locator("input[name=pick]").nth(at)


class TestKeys:
    def test_lead_through_the_rows(self, source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        for key in ("j", "j", "j", "k"):
            page.keyboard.press(key)
        expect(page.locator("[data-row]").nth(1)).to_be_focused()
        page.keyboard.press("x")
        expect(box(page, 1)).to_be_checked()
        expect(page.locator("[data-row]").nth(1)).to_be_focused()
        page.keyboard.press("Escape")
        expect(box(page, 1)).not_to_be_checked()
        page.keyboard.press("Enter")
        page.wait_for_url("**/sessions/lab/**")
        page.keyboard.press("g")
        page.keyboard.press("s")
        page.wait_for_url(f"{server}/sessions/")

    def test_are_letters_while_something_is_typed(self, source: Source, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        page.keyboard.press("/")
        page.keyboard.type("jxk? gs")
        expect(page.locator("#query")).to_have_value("jxk? gs")

    def test_can_be_turned_off(self, source: Source, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("checkbox", name="Single keys").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        for key in ("j", "?", "/"):
            page.keyboard.press(key)
        expect(page.locator("body")).to_be_focused()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name="Keyboard").click()
        page.get_by_role("checkbox", name="Single keys").check()
        page.get_by_role("button", name="Close").click()
        page.locator("body").press("j")
        expect(page.locator("[data-row]").first).to_be_focused()


class TestPalette:
    def test_finds_and_leads_there(self, source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
        save(viewer.user, "Lisbon things", Listing("lisbon"))
        page = sign_in(viewer)
        page.keyboard.press("Control+k")
        field = page.get_by_role("combobox", name="Jump to")
        expect(field).to_be_focused()
        expect(page.get_by_role("option", name="Sessions page")).to_be_visible()
        page.keyboard.type("lisb")
        first = page.get_by_role("listbox", name="Places").get_by_role("option").first
        expect(first).to_contain_text("Lisbon things")
        expect(first).to_have_attribute("aria-selected", "true")
        assert_accessible(page)
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option", name="Lisbon weekend")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sessions/lab/5b0c4c1e-*/")
        page.keyboard.press("Control+k")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


class TestPreview:
    def test_stands_beside_and_moves_along(self, source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        pane = page.get_by_role("complementary", name="Preview")
        page.keyboard.press("j")
        page.keyboard.press("Space")
        first = page.locator("[data-row]").first.inner_text()
        expect(pane.get_by_role("heading", level=2)).to_contain_text(first)
        page.keyboard.press("j")
        second = page.locator("[data-row]").nth(1)
        expect(pane.get_by_role("heading", level=2)).to_contain_text(second.inner_text())
        expect(second).to_be_focused()
        assert_accessible(page)
        address = (second.get_attribute("href") or "").removeprefix("/sessions/").rstrip("/")
        assert page.evaluate("new URLSearchParams(location.search).get('preview')") == address
        page.reload()
        expect(pane.get_by_role("heading", level=2)).to_contain_text(second.inner_text())
        page.keyboard.press("Escape")
        expect(pane).to_have_count(0)
        expect(page).to_have_url(f"{server}/sessions/")

    def test_opens_from_the_text_in_a_row(self, source: Source, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        page.locator("a.preview").first.click()
        pane = page.get_by_role("complementary", name="Preview")
        expect(pane.get_by_role("link", name="Open session")).to_be_visible()
        pane.get_by_role("link", name="Close the preview").click()
        expect(pane).to_have_count(0)


class TestSelection:
    def test_a_range_is_exported(self, source: Source, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        height = page.locator(".tools-line").bounding_box()
        box(page, 1).click()
        box(page, 4).click(modifiers=["Shift"])
        bar = page.get_by_role("group", name="Selected sessions")
        expect(bar).to_contain_text("4 selected")
        expect(page.locator(".tools-line")).to_be_hidden()
        now = bar.bounding_box()
        assert height and now and (height["height"], height["y"]) == (now["height"], now["y"])
        assert_accessible(page)

        bar.get_by_role("button", name="Export…").click()
        sheet = page.get_by_role("dialog", name="Export sessions")
        expect(sheet.get_by_role("button", name="Export 4 sessions")).to_be_visible()
        assert_accessible(page)
        with page.expect_download() as download:
            sheet.get_by_role("button", name="Export 4 sessions").click()
        file = download.value
        assert file.suggested_filename.endswith(".csv")
        rows = list(csv.DictReader(io.StringIO(Path(file.path()).read_text())))
        assert len(rows) == 4
        expect(sheet).to_be_hidden()
        bar.get_by_role("button", name="Select nothing").click()
        expect(page.locator(".tools-line")).to_be_visible()

    def test_all_that_match(self, source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        page.goto(f"{server}/sessions/?q=type:agent")
        page.get_by_role("checkbox", name="Select this page").check()
        page.get_by_role("checkbox", name="Select all").check()
        matching = CatalogSession.objects.filter(session_type="agent").count()
        page.get_by_role("group", name="Selected sessions").get_by_role("button", name="Open…").click()
        sheet = page.get_by_role("dialog", name="Selected sessions")
        expect(sheet).to_contain_text(f"{matching} sessions are selected")
        expect(sheet.get_by_role("listitem")).to_have_count(10)
        assert_accessible(page)
        sheet.get_by_role("link", name="Close").click()
        expect(sheet).to_be_hidden()

    def test_ids_are_copied(self, source: Source, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        box(page, 0).click()
        box(page, 1).click()
        page.get_by_role("button", name="Copy ids").click()
        expect(page.get_by_role("status").filter(has_text="2 ids copied")).to_be_visible()
        expected = list(CatalogSession.objects.order_by("-updated_at", "-id").values_list("session_id", flat=True)[:2])
        assert page.evaluate("navigator.clipboard.readText()").splitlines() == expected

    @pytest.mark.sqlite_only
    def test_works_without_a_script(
        self, source: Source, server: str, sign_in: SignIn, viewer: Person, browser: Any
    ) -> None:
        state = sign_in(viewer).context.storage_state()
        context = browser.new_context(java_script_enabled=False, storage_state=state)
        page = context.new_page()
        page.goto(f"{server}/sessions/")
        box(page, 0).click()
        box(page, 2).click()
        page.get_by_role("group", name="Selected sessions").get_by_role("button", name="Export…").click()
        with page.expect_download():
            page.get_by_role("button", name="Export 2 sessions").click()
        page.goto(f"{server}/sessions/?q=type:agent")
        page.get_by_role("link", name="Save view").click()
        page.get_by_label("Name of the view").fill("Agents")
        page.get_by_role("button", name="Save view").click()
        expect(page.get_by_role("navigation", name="Views").get_by_role("link", name="Agents")).to_be_visible()
        page.goto(f"{server}/jump/?q=agents")
        page.get_by_role("link", name="Agents saved view").click()
        assert page.url == f"{server}/sessions/?q=type%3Aagent"
        page.locator("a.preview").first.click()
        expect(page.get_by_role("heading", name="Last messages")).to_be_visible()
        context.close()


class TestWhatIsNew:
    def test_is_told_and_moves_nothing(self, source: Source, server: str, sign_in: SignIn, viewer: Person) -> None:
        page = sign_in(viewer)
        first = page.locator("[data-row]").first.inner_text()
        oldest = CatalogSession.objects.order_by("updated_at", "id").first()
        newest = CatalogSession.objects.order_by("-updated_at").first()
        assert oldest and newest
        page.get_by_role("button", name="Pause live").click()
        CatalogSession.objects.filter(pk=oldest.pk).update(updated_at=newest.updated_at + 10, title="Just now")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.get_by_role("button", name="Pause live")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".new-pill")).to_have_count(0)
        page.get_by_role("button", name="Pause live").click()
        pill = page.get_by_role("link", name="1 new")
        expect(pill).to_be_visible()
        expect(page.locator("[data-row]").first).to_have_text(first)
        assert_accessible(page)
        pill.click()
        settled(page)
        expect(page.locator("[data-row]").first).to_have_text("Just now")
        expect(pill).to_have_count(0)
        expect(page).to_have_url(f"{server}/sessions/")


class TestViews:
    def test_a_list_is_saved_from_where_one_is(
        self, source: Source, server: str, sign_in: SignIn, teammate: Person
    ) -> None:
        page = sign_in(teammate)
        page.goto(f"{server}/sessions/?q=type:team")
        page.get_by_role("link", name="Save view").click()
        sheet = page.get_by_role("dialog", name="Save view")
        expect(sheet.get_by_label("Name of the view")).to_be_focused()
        assert_accessible(page)
        page.keyboard.type("Teams, all")
        page.keyboard.press("Enter")
        link = page.get_by_role("navigation", name="Views").get_by_role("link", name="Teams, all")
        expect(link).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("status").filter(has_text="Saved as")).to_be_visible()
        page.goto(f"{server}/views/")
        assert_accessible(page)
        page.get_by_role("button", name="Share Teams, all").click()
        expect(page.get_by_role("button", name="Stop sharing Teams, all")).to_be_visible()
        page.get_by_role("button", name="Delete Teams, all").click()
        expect(page.get_by_text("None yet.")).to_be_visible()


def test_what_was_asked_last_is_offered_until_one_signs_out(
    source: Source, server: str, sign_in: SignIn, viewer: Person
) -> None:
    page = sign_in(viewer)
    for query in ("type:team", "user:bob"):
        page.goto(f"{server}/sessions/?q={query}")
    page.goto(f"{server}/sessions/")
    page.get_by_role("combobox", name="Query").click()
    options = page.locator("#completion").get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("user:bob")
    assert_accessible(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settled(page)
    expect(page).to_have_url(f"{server}/sessions/?q=type%3Ateam")
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('recent'))") == []
