"""The chat pane in a real browser: words arrive one by one, and nothing that happens to the page loses one."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from playwright.sync_api import Page, expect

from agentos.db.sources import Source, use_sources
from agentos.turns.models import Turn
from agentos.turns.states import Status
from tests.browser.conftest import SignIn, Watch
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, runs_of

ANSWER = "one two three four five six seven eight nine ten"


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


@pytest.fixture
def page(source: Source, fake_model: Any, server: str, watch: Watch, sign_in: SignIn, teammate: Person) -> Page:
    page = sign_in(teammate)
    page.goto(f"{server}/sessions/lab/{quote(AGENT)}/")
    return page


def say(page: Page, message: str) -> None:
    page.get_by_label("Message").fill(message)
    page.keyboard.press("Enter")


def test_words_arrive_one_by_one_and_a_reload_loses_none(page: Page, source: Source) -> None:
    say(page, f"[[slow 0.25]] [[say {ANSWER}]]")
    growing = page.locator(".turn-growing")
    expect(page.get_by_label("Message")).to_have_value("")
    expect(growing).to_contain_text("two")
    expect(growing).not_to_contain_text("nine")
    page.get_by_label("Message").fill("a draft")
    page.reload()
    expect(growing).to_contain_text("four")
    expect(page.locator(".turn-done")).to_contain_text("Answered")
    assert page.locator(".turn-done .by-agent .stored").inner_text().strip() == ANSWER
    expect(page.get_by_label("Message")).to_have_value("a draft")
    assert runs_of(source, AGENT)[-1].content == ANSWER
    page.reload()
    expect(page.locator(".conversation")).to_contain_text(ANSWER)


def test_escape_stops_and_keeps_what_came(page: Page, source: Source) -> None:
    say(page, f"[[slow 0.25]] [[say {ANSWER}]]")
    expect(page.locator(".turn-growing")).to_contain_text("two")
    page.keyboard.press("Escape")
    expect(page.locator(".turn-done")).to_contain_text("Stopped")
    assert Turn.objects.get().status == Status.CANCELLED
    assert runs_of(source, AGENT)[-1].status == "CANCELLED"


def test_the_next_message_waits_in_line(page: Page, source: Source) -> None:
    say(page, "[[slow 0.2]] [[say one two three four]]")
    expect(page.locator(".turn-growing")).to_contain_text("one")
    say(page, "[[say second]]")
    expect(page.get_by_text("Waiting in line")).to_be_visible()
    expect(page.locator(".turn-done")).to_have_count(2)
    assert [run.content for run in runs_of(source, AGENT)[-2:]] == ["one two three four", "second"]


def test_an_error_says_what_to_do(page: Page) -> None:
    say(page, "[[error 401 no]]")
    expect(page.locator(".turn-done")).to_contain_text("Check OPENAI_API_KEY")


def test_shift_enter_is_a_new_line(page: Page) -> None:
    field = page.get_by_label("Message")
    field.fill("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(field).to_have_value("one\ntwo")
    assert not Turn.objects.exists()
