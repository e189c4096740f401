"""The settings page, and choosing who answers beside the message: accessible in both schemes and on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from playwright.sync_api import expect

from agentos.agents.agent import Agent
from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source, use_sources
from agentos.llm import OpenAIChat
from agentos.turns.models import Turn
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT

TALLEST = 0.6


@pytest.fixture
def source(server: str, corpus_file: Any, settings: Any, register: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        row = refresh_session(sources[0], AGENT)
        assert row is not None
        register(Agent(id=row.component_id, name="Trip Planner", model=OpenAIChat("fake-large")))
        yield sources[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_settings_page(
    source: Source, server: str, watch: Watch, sign_in: SignIn, admin: Person, scheme: Any, width: int
) -> None:
    page = sign_in(admin)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server}/settings/")
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    expect(page.get_by_text("Trip Planner").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)


@pytest.mark.parametrize("width", [1440, 390])
def test_who_answers_is_chosen_beside_the_message(
    source: Source, fake_model: Any, server: str, watch: Watch, sign_in: SignIn, teammate: Person, width: int
) -> None:
    page = sign_in(teammate)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server}/sessions/lab/{quote(AGENT)}/")
    composer = page.locator("#composer")
    composer.scroll_into_view_if_needed()
    box = composer.bounding_box()
    assert box is not None and box["height"] <= TALLEST * 800
    assert_accessible(page)
    page.get_by_label("answered").select_option("rebuilt")
    page.get_by_label("Message", exact=True).fill("Hello [[say Rebuilt here.]]")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#live-turns").get_by_text("Rebuilt here.", exact=True)).to_be_visible()
    settled(page)
    assert Turn.objects.get().answerer == "rebuilt"
