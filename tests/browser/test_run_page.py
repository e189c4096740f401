"""A run's page in a real browser: its panes, its calls, its media, without a mouse, and with nothing from elsewhere."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agentos.catalog.models import CatalogRun
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from tests.browser.conftest import SignIn, assert_accessible, until
from tests.conftest import Person
from tests.integration.test_media_page import WAV, png
from tests.integration.test_run_page import row_of, store, url
from tests.integration.test_tool_calls import run_of

pytestmark = pytest.mark.sqlite_only
REMOTE = "https://evil.example/picture.png"


@pytest.fixture
def lab(corpus_file: Any, transactional_db: None) -> Iterator[Path]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        refresh_source(get_source("lab"))
        yield path


def stored(lab: Path, session_id: str, run: dict[str, Any]) -> str:
    """Write a session of one run; return the path of the run's page."""
    store(lab, session_id, json.dumps({"run_id": session_id, "agent_id": "a", "status": "COMPLETED", **run}))
    refresh_source(get_source("lab"))
    return url(session_id, session_id)


def path_of(run: CatalogRun) -> str:
    return url(run.session.session_id, run.quoted_id)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def loaded(page: Page) -> int:
    """How many pictures of the page have come."""
    found: int = page.evaluate("[...document.querySelectorAll('main img')].filter(i => i.naturalWidth > 0).length")
    return found


def test_images_and_sounds_come_when_their_chips_are_opened(
    lab: Path, server: str, sign_in: SignIn, viewer: Person
) -> None:
    images = [{"id": f"i{n}", "mime_type": "image/png", "content": encoded(png(text=b"%d" % n))} for n in range(200)]
    page = sign_in(viewer)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    data = {
        "messages": [{"role": "user", "content": "Look", "images": [*images[:40], {"id": "far", "url": REMOTE}]}],
        "images": images, "audio": [{"id": "voice", "mime_type": "audio/wav", "content": encoded(WAV)}],
    }  # fmt: skip
    at = stored(lab, "gallery", data)
    page.goto(server + at)
    expect(page.get_by_text("Not loaded:")).to_be_visible()
    assert loaded(page) == 0 and not [one for one in asked if "/media/" in one]
    page.locator(".medium summary").nth(1).click()
    expect(page.locator(".medium img").nth(1)).to_be_visible()
    until(page, "document.querySelectorAll('.medium img')[1].naturalWidth === 1")
    assert loaded(page) == 1 and len([one for one in asked if "/media/" in one]) == 1
    page.locator("summary", has_text="voice").click()
    expect(page.locator("audio")).to_be_visible()
    with page.expect_download() as download:
        page.locator(".medium a").first.click()
    assert download.value.suggested_filename == "i0.png"
    assert not [one for one in asked if "evil.example" in one]
    assert page.evaluate("document.querySelectorAll('*').length") < 5_000
    assert_accessible(page)


@pytest.mark.parametrize(
    ("session_id", "query"),
    [
        ("team-nested-embedded", ""),
        ("wf-everything", ""),
        ("media-session", ""),
        ("compacted-history", ""),
        ("many-runs", "?show=received"),
        ("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", "?show=prompt"),
    ],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(
    session_id: str, query: str, scheme: Any, lab: Path, server: str, sign_in: SignIn, viewer: Person
) -> None:
    page = sign_in(viewer)
    page.emulate_media(color_scheme=scheme)
    last = CatalogRun.objects.filter(session__session_id=session_id, depth=0).order_by("ordinal").last()
    assert last is not None
    page.goto(server + path_of(last) + query)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for summary in page.locator("main details > summary").all()[:8]:
        if summary.is_visible():
            summary.click()
    assert_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)


def test_a_call_is_reached_opened_and_copied_by_keys_alone(
    lab: Path, server: str, sign_in: SignIn, viewer: Person
) -> None:
    table = json.dumps([{"id": n, "name": f"row {n}"} for n in range(30)])
    calls = [("look_up", {"q": "<b>x</b>"}, table), ("look_up", {"q": "<b>x</b>"}, "--- a\n+++ b\n@@ 1\n-x\n+y")]
    at = stored(lab, "called", run_of(*calls) | {"run_id": "called"})
    page = sign_in(viewer)
    page.goto(server + at)
    # From the line of the steps to the call, which opens by Enter, and to its page.
    page.locator(".is-tool a").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server}{at}#run-0-call-0")
    page.locator("#run-0-call-0 > summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Result as a table")).to_be_visible()
    expect(page.get_by_text("2 calls at once")).to_be_visible()
    page.locator("#run-0-call-0").get_by_role("link", name="Open the call").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="look_up")).to_be_visible()
    expect(page.get_by_text("1 of 2", exact=True).first).to_be_visible()
    page.get_by_text("curl", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Next", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".diff-before")).to_have_count(1)
    assert_accessible(page)
    with page.expect_download() as download:
        page.locator("#result").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "tool-call-2-result.txt"


def test_a_result_that_is_held_apart_is_one_link_away(lab: Path, server: str, sign_in: SignIn, viewer: Person) -> None:
    page = sign_in(viewer)
    page.goto(server + path_of(row_of("offloaded-result", tool_call_count=1)))
    page.locator(".tool > summary").click()
    page.get_by_role("link", name="Load").click()
    expect(page.locator("#result").get_by_text("row 899 of 900")).to_be_attached()
    assert_accessible(page)
