"""What a page shows while the server under it, or our own database, is killed: no text is lost, none comes twice."""

import subprocess
import sys
import time
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.faults.conftest import Install, PostgresOfItsOwn, install, postgres  # noqa: F401  # fixtures
from tests.faults.invariants import check
from tests.faults.place import ROOT, SOURCE, Place, Sent, wait_until

pytestmark = pytest.mark.sqlite_only  # where databases are is each test's own matter

WORDS = " ".join(f"word{number}" for number in range(40))


def open_session(place: Place, context: BrowserContext, session: str) -> Page:
    """Sign the operator in, and open a session."""
    link = subprocess.run(
        [sys.executable, "manage.py", "signin_link", "operator"],
        cwd=ROOT, env=place.environment(AGENTOS_URL=place.url), capture_output=True, text=True, check=True,
    )  # fmt: skip
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(link.stdout.strip())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{place.url}/sessions/**")
    page.goto(f"{place.url}/sessions/{SOURCE}/{session}/")
    return page


def say(page: Page, message: str) -> None:
    page.get_by_label("Message", exact=True).fill(message)
    page.keyboard.press("Enter")


def turn_of(place: Place, session: str) -> Sent:
    """Return the session's one turn."""
    [(turn_id,)] = place.own.rows("SELECT id FROM turns_turn WHERE session_id = ?", session)
    return Sent(place, UUID(str(turn_id)), session)


def assert_shown_once(page: Page, words: str) -> None:
    done = page.locator(".turn-done")
    expect(done).to_contain_text("Answered", timeout=60_000)
    assert done.locator(".by-agent .stored").inner_text().strip() == words


def test_the_web_process_is_killed_under_an_open_page(install: Install, context: BrowserContext) -> None:  # noqa: F811  # the fixture that is imported above
    place = install("stream", on="sqlite")
    web = place.start_web("worker")
    place.start_worker()
    page = open_session(place, context, "stream")
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.15})
    say(page, "held")
    expect(page.locator(".turn-growing")).to_contain_text("word5")
    web.kill()
    expect(page.locator(".live-again")).to_be_visible()
    place.start_web("worker")
    assert_shown_once(page, WORDS)
    check(place, [turn_of(place, "stream")])


def test_the_web_process_is_killed_as_the_answer_ends(install: Install, context: BrowserContext) -> None:  # noqa: F811  # the fixture that is imported above
    place = install("stream", on="sqlite")
    web = place.start_web("worker")
    place.start_worker()
    page = open_session(place, context, "stream")

    def kill_first(route: Route) -> None:
        web.kill()
        route.continue_()

    page.route("**/turns/*/", kill_first, times=1)
    say(page, f"[[say {WORDS}]]")
    expect(page.locator(".turn-growing")).to_contain_text("word39")
    expect(page.locator(".live-again")).to_be_visible()
    assert not web.is_alive()
    place.start_web("worker")
    assert_shown_once(page, WORDS)


def test_the_browser_is_killed_and_the_answer_is_there_when_it_comes_back(
    install: Install,  # noqa: F811  # the fixture that is imported above
    context: BrowserContext,
) -> None:
    place = install("stream", on="sqlite")
    place.start_web("thread")
    page = open_session(place, context, "stream")
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.1})
    say(page, "held")
    expect(page.locator(".turn-growing")).to_contain_text("word5")
    page.close()
    turn = turn_of(place, "stream")
    page = context.new_page()
    page.goto(f"{place.url}/sessions/{SOURCE}/stream/")
    expect(page.locator(".turn-growing, .conversation")).to_contain_text(["word5"])
    page.close()
    wait_until(lambda: turn.has_ended)
    check(place, [turn])


def test_an_interrupted_answer_is_sent_again_by_one_click(install: Install, context: BrowserContext) -> None:  # noqa: F811  # the fixture that is imported above
    place = install("stream", on="sqlite")
    place.start_web("worker")
    worker = place.start_worker()
    page = open_session(place, context, "stream")
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.2})
    say(page, f"held [[say {WORDS}]]")
    expect(page.locator(".turn-growing")).to_contain_text("word5")
    worker.kill()
    done = page.locator(".turn-done")
    expect(done).to_contain_text("Interrupted", timeout=30_000)
    expect(done.locator(".by-agent .stored")).to_contain_text("word5")
    place.start_worker()
    page.get_by_role("button", name="Send again").click()
    assert_shown_once(page, WORDS)


def test_postgresql_is_killed_under_an_open_page(
    install: Install,  # noqa: F811  # the fixture that is imported above
    postgres: PostgresOfItsOwn,  # noqa: F811  # the fixture that is imported above
    context: BrowserContext,
) -> None:
    place = install("stream", on="postgresql")
    place.start_web("thread")
    page = open_session(place, context, "stream")
    place.model.brain.enqueue("*", {"match": "held", "content": WORDS, "chunk_delay": 0.15})
    say(page, "held")
    expect(page.locator(".turn-growing")).to_contain_text("word5")
    postgres.kill()
    time.sleep(4)
    expect(page.locator(".turn-growing")).to_contain_text("word5")
    postgres.start()
    assert_shown_once(page, WORDS)
    check(place, [turn_of(place, "stream")])
