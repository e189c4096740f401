"""Deciding on paused runs in a real browser: by mouse, by keyboard, without JavaScript, and seen by a second tab."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from agentos.db.sources import Source
from agentos.turns.models import Turn
from tests.browser.conftest import SignIn, Watch, assert_accessible
from tests.conftest import Person
from tests.integration.turns.conftest import runs_of
from tests.integration.turns.conftest import source as source
from tests.integration.turns.deciding import Register, agent, done

SESSION = "hitl-confirmation"
Open = Callable[[Person], Page]


@pytest.fixture
def open_page(source: Source, register: Register, fake_model: Any, server: str, watch: Watch, sign_in: SignIn) -> Open:
    done.clear()
    [paused] = [run for run in runs_of(source, SESSION) if run.status == "PAUSED"]
    register(agent(paused.component_id or ""))

    def opened(person: Person) -> Page:
        page = sign_in(person)
        page.goto(f"{server}/sessions/lab/{SESSION}/")
        return page

    return opened


def test_confirming_goes_on_with_the_run_and_survives_a_reload(
    open_page: Open, source: Source, teammate: Person, fake_model: Any
) -> None:
    page = open_page(teammate)
    card = page.locator(".decision")
    expect(card).to_contain_text("WF-7781")
    assert_accessible(page)
    page.reload()
    fake_model.brain.enqueue("*", {"content": "The booking is gone."})
    card.get_by_role("button", name="Confirm delete_booking").click()
    expect(page.locator(".turn-done")).to_contain_text("Answered")
    expect(page.locator(".turn-done")).to_contain_text("The booking is gone.")
    expect(card).to_have_count(0)
    assert done == ["WF-7781"]
    page.reload()
    expect(page.locator(".conversation")).to_contain_text("The booking is gone.")
    expect(card).to_have_count(0)


def test_rejecting_by_keyboard_tells_the_model_why(
    open_page: Open, source: Source, teammate: Person, fake_model: Any
) -> None:
    page = open_page(teammate)
    page.get_by_label("Reason, if you reject").fill("the customer called back")
    page.keyboard.press("Tab")
    page.locator(".decision").get_by_label("Why").press("Tab")
    expect(page.get_by_role("button", name="Reject")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".turn-done")).to_contain_text("Rejected delete_booking: the customer called back")
    assert done == []
    told = fake_model.brain.log[-1]["body"]["messages"]
    assert [message["content"] for message in told if message["role"] == "tool"] == ["the customer called back"]


def test_a_second_tab_sees_what_was_decided(open_page: Open, teammate: Person) -> None:
    first = open_page(teammate)
    second = first.context.new_page()
    second.goto(first.url)
    expect(second.locator(".decision")).to_have_count(1)
    first.get_by_role("button", name="Reject").click()
    expect(first.locator(".turn-done")).to_have_count(1)
    expect(second.locator(".decision")).to_have_count(0, timeout=12_000)


def test_without_javascript_the_form_decides(
    open_page: Open, browser: Browser, teammate: Person, server: str, source: Source
) -> None:
    state = open_page(teammate).context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{server}/sessions/lab/{SESSION}/")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".decision")).to_have_count(0)
    assert [turn.message for turn in Turn.objects.all()] == ["Rejected delete_booking."]
    context.close()
