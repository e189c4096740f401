"""The list's filters with a pointer: a range drawn over the histogram, a value left out, one found among many."""

import datetime
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, assert_accessible, settled
from tests.conftest import Person
from tests.factories import make_session

DAY = 86_400
FIRST = 1_788_220_800  # a Tuesday, 00:00 UTC
DAYS = 40


@pytest.fixture
def page(server: str, sign_in: SignIn, viewer: Person) -> Any:
    """The list of a session a day, by two agents with many tools."""
    with use_sources(""):
        for at in range(DAYS):
            make_session(
                created_at=FIRST + at * DAY, updated_at=FIRST + at * DAY + 3_600, title=f"Day {at}",
                user_id=f"u{at % 12}", component_id=f"c{at % 2}", component_name=f"Crew {at % 2}",
            )  # fmt: skip
        yield sign_in(viewer)


def drag(page: Page, begin: float, end: float) -> None:
    """Draw over the histogram from one share of its width to another."""
    box = page.locator("svg.histogram").bounding_box()
    assert box
    middle = box["y"] + 30
    page.mouse.move(box["x"] + begin * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + (begin + end) / 2 * box["width"], middle, steps=3)
    page.mouse.move(box["x"] + end * box["width"], middle, steps=3)
    page.mouse.up()
    settled(page)


def days(page: Page) -> list[datetime.date]:
    """Return the ends of the range as the address has them."""
    expect(page).to_have_url(re.compile("updated"))
    [query] = parse_qs(urlsplit(page.url).query)["q"]
    return [datetime.date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", query)]


def test_a_range_is_drawn_moved_and_cleared(page: Page) -> None:
    drag(page, 0.25, 0.75)
    first, last = days(page)
    assert 15 <= (last - first).days <= 25
    expect(page.locator("svg.histogram .brushed")).to_have_count(1)
    expect(page.locator("[data-row]")).to_have_count((last - first).days + 1)
    expect(page.get_by_label("from", exact=True)).to_have_value(str(first))
    assert_accessible(page)

    box = page.locator('[data-handle="to"]').bounding_box()
    drawing = page.locator("svg.histogram").bounding_box()
    assert box and drawing
    at = (box["x"] + box["width"] / 2 - drawing["x"]) / drawing["width"]
    drag(page, at, at - 0.2)
    moved = days(page)
    assert moved[0] == first and (last - moved[1]).days in range(5, 12)

    page.get_by_role("link", name="Clear range").click()
    settled(page)
    expect(page.locator("svg.histogram .brushed")).to_have_count(0)
    expect(page.locator("[data-row]")).to_have_count(DAYS)


def test_a_range_may_be_drawn_backwards_and_past_the_edge(page: Page) -> None:
    drag(page, 0.6, -0.2)
    first, last = days(page)
    assert first == datetime.date.fromtimestamp(FIRST) and 20 <= (last - first).days <= 28


def test_a_click_draws_nothing(page: Page) -> None:
    before = page.url
    drag(page, 0.5, 0.5)
    assert page.url == before
    expect(page.locator("svg.histogram .brushed")).to_have_count(0)


def test_a_value_is_left_out_by_alt_click_and_by_its_button(page: Page) -> None:
    option = page.locator(".list-facets .option", has_text="Crew 0")
    option.locator("label").click(modifiers=["Alt"])
    settled(page)
    expect(page.locator("[data-row]")).to_have_count(DAYS // 2)
    expect(page.get_by_role("link", name="Remove the filter not agent c0")).to_be_visible()

    errors = page.locator(".list-facets .option", has_text="Completed")
    errors.hover()
    errors.get_by_role("button", name="not").click()
    settled(page)
    expect(page.get_by_role("heading", name="No session matches both filters")).to_be_visible()

    page.get_by_role("link", name="Remove the filter not agent c0").click()
    settled(page)
    page.get_by_role("link", name="Remove the filter not status completed").click()
    settled(page)
    option = page.locator(".list-facets .option", has_text="Crew 0")
    option.locator("label").click()
    settled(page)
    expect(page.get_by_role("checkbox", name="Crew 0")).to_be_checked()
    expect(page.locator("[data-row]")).to_have_count(DAYS // 2)


def test_a_value_is_found_among_many(page: Page) -> None:
    facet = page.get_by_role("group", name="User")
    find = facet.get_by_role("textbox")
    find.fill("U11")
    expect(facet.get_by_role("checkbox", name="u11")).to_be_visible()
    expect(facet.get_by_role("checkbox", name="u2", exact=True)).to_be_hidden()
    find.fill("")
    expect(facet.get_by_role("checkbox", name="u2", exact=True)).to_be_visible()
