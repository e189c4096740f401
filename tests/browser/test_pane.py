"""What makes the chat pane comfortable: attachments, drafts, two tabs, a line that drops, another way from a run on."""

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from playwright.sync_api import FilePayload, Page, expect

from agentos.db.sources import Source, use_sources
from agentos.turns.models import Turn
from tests.browser.conftest import SignIn, Watch, assert_accessible, settled, until
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, runs_of

ANSWER = "one two three four five six seven eight nine ten"


def png() -> bytes:
    """A picture of one pixel."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\xff\0\0")),
        (b"IEND", b""),
    ):
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(parts)


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
    page.get_by_label("Message", exact=True).fill(message)
    page.keyboard.press("Enter")


def hand_over(page: Page, how: str, name: str, data: bytes, kind: str) -> None:
    """Paste or drop a file, as a browser does it."""
    page.evaluate(
        """([how, name, text, kind]) => {
            const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
            const held = new DataTransfer();
            held.items.add(new File([bytes], name, { type: kind }));
            const field = document.getElementById("composer-message");
            const event = how === "paste"
                ? new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true })
                : new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true });
            field.dispatchEvent(event);
        }""",
        [how, name, base64.b64encode(data).decode(), kind],
    )


def test_files_are_chosen_pasted_dropped_removed_and_sent(page: Page, source: Source) -> None:
    attached = page.get_by_role("list", name="Attached")
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"some words"}
    page.locator("#composer-files").set_input_files(notes)
    hand_over(page, "paste", "shot.png", png(), "image/png")
    hand_over(page, "drop", "gone.txt", b"not wanted", "text/plain")
    expect(attached.get_by_role("listitem")).to_have_count(3)
    expect(attached.locator("img")).to_have_count(1)
    assert_accessible(page)
    page.get_by_role("button", name="Remove gone.txt").click()
    expect(attached.get_by_role("listitem")).to_have_count(2)
    say(page, "Look [[say Seen.]]")
    expect(page.locator(".turn-done")).to_contain_text("Answered")
    expect(page.locator(".turn-done .attached")).to_contain_text("notes.txt")
    expect(page.locator(".attach-list")).to_be_hidden()
    media = Turn.objects.get().attachments
    assert base64.b64decode(media["images"][0]["content"]) == png()
    assert [one["content"] for one in media["files"]] == ["some words"]
    assert sorted(medium.kind for medium in runs_of(source, AGENT)[-1].input_media) == ["file", "image"]


def test_a_refused_file_says_why_and_nothing_is_lost(page: Page, watch: Watch) -> None:
    hand_over(page, "drop", "a.zip", b"PK\x03\x04 zip", "application/zip")
    say(page, "Look at this")
    expect(page.locator(".composer-problem")).to_contain_text("a.zip is neither a picture")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Look at this")
    expect(page.locator(".attach-list li")).to_have_count(1)
    watch.allow("422")
    assert not Turn.objects.exists()


def test_a_draft_stays_in_its_tab_and_goes_with_its_person(
    page: Page, server: str, sign_in: SignIn, viewer: Person
) -> None:
    page.get_by_label("Message", exact=True).fill("a secret draft")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("a secret draft")
    stored = "JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])"
    assert "a secret draft" in page.evaluate(stored)
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{server}/sign-in/**")
    assert "a secret draft" not in page.evaluate(stored)


def test_up_brings_the_last_message_back(page: Page) -> None:
    said = page.locator("#view .by-user .stored").last.text_content()
    page.get_by_label("Message", exact=True).press("ArrowUp")
    expect(page.get_by_label("Message", exact=True)).to_have_value(said or "")


def test_a_prompt_that_is_offered_is_put_into_the_field(page: Page, settings: Any) -> None:
    settings.AGENTOS_QUICK_PROMPTS = ["Shorter"]
    page.reload()
    page.get_by_label("Message", exact=True).fill("First")
    page.get_by_role("button", name="Shorter").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("First\nShorter")
    assert_accessible(page)


def test_two_tabs_show_the_same_stream(page: Page, source: Source) -> None:
    say(page, f"[[slow 0.25]] [[say {ANSWER}]]")
    expect(page.locator(".turn-growing")).to_contain_text("two")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator(".turn-growing")).to_contain_text("three")
    for tab in (page, other):
        expect(tab.locator(".turn-done")).to_contain_text("Answered")
        assert tab.locator(".turn-done .by-agent .stored").inner_text().strip() == ANSWER
    assert Turn.objects.count() == 1
    assert runs_of(source, AGENT)[-1].content == ANSWER


def test_offline_and_back_loses_and_repeats_nothing(page: Page, watch: Watch) -> None:
    say(page, f"[[slow 0.3]] [[say {ANSWER}]]")
    expect(page.locator(".turn-growing")).to_contain_text("two")
    page.context.set_offline(True)
    expect(page.locator(".turn-growing")).to_contain_text("two")
    page.context.set_offline(False)
    expect(page.locator(".turn-done")).to_contain_text("Answered", timeout=20_000)
    assert page.locator(".turn-done .by-agent .stored").inner_text().strip() == ANSWER
    watch.allow("ERR_INTERNET_DISCONNECTED")


def test_whoever_scrolls_up_as_words_arrive_is_not_taken_back(page: Page) -> None:
    say(page, "[[slow 0.05]] [[long 400]]")
    until(page, "document.scrollingElement.scrollTop > 0")
    page.evaluate("""document.addEventListener(
        "htmx:sseMessage", () => { document.scrollingElement.scrollTop = 0; }, { once: true })""")
    expect(page.get_by_role("button", name="New below")).to_be_visible(timeout=20_000)
    assert page.evaluate("document.scrollingElement.scrollTop") == 0


def test_whoever_reads_further_up_is_not_moved(page: Page) -> None:
    say(page, "[[slow 0.05]] [[long 400]]")
    expect(page.locator(".turn-growing")).not_to_be_empty()
    page.mouse.move(500, 300)
    page.mouse.wheel(0, -20_000)
    until(page, "document.scrollingElement.scrollTop === 0")
    button = page.get_by_role("button", name="New below")
    expect(button).to_be_visible(timeout=20_000)
    assert page.evaluate("document.scrollingElement.scrollTop") == 0
    button.click()
    expect(button).to_be_hidden()
    below = "document.scrollingElement.scrollHeight - document.scrollingElement.scrollTop - innerHeight"
    until(page, f"{below} < 100")
    expect(page.locator(".turn-done")).to_contain_text("Answered", timeout=30_000)


def test_rename_regenerate_branch_and_fork(page: Page, source: Source) -> None:
    page.keyboard.press("e")
    page.get_by_label("Name of the session").fill("Renamed by key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Renamed by key")
    last = [run for run in runs_of(source, AGENT) if run.is_top_level][-1]
    page.locator(".run-menu summary").last.click()
    assert_accessible(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator(".turn-done")).to_contain_text("Answered")
    assert runs_of(source, AGENT)[-1].regenerated_from == last.run_id
    page.reload()
    settled(page)
    page.locator(".run-menu summary").first.click()
    page.get_by_role("link", name="Edit and branch").first.click()
    page.get_by_label("Message").fill("Differently [[say Another way.]]")
    page.get_by_role("button", name="Branch and send").click()
    expect(page.locator(".turn-done")).to_contain_text("Another way.")
    branched = page.url
    page.goto(f"{page.url.split('/sessions/')[0]}/sessions/lab/{quote(AGENT)}/")
    page.locator(".run-menu summary").first.click()
    page.get_by_role("button", name="Fork from here").first.click()
    expect(page.get_by_text("Forked: this is a session of its own, with 1 run.")).to_be_visible()
    assert page.url != branched


def test_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    hand_over(page, "paste", "shot.png", png(), "image/png")
    expect(page.locator(".attach-list li")).to_have_count(1)
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn-done")).to_contain_text("Answered")
