"""A session leaves by the menu of its page and comes back by the import page, served as in production."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn
from tests.conftest import Person
from tests.integration.test_session_page import attack_everywhere

pytestmark = pytest.mark.sqlite_only
TEXT = "<script>window.ran = 1</script><img src=https://evil.example/x onerror='window.ran = 1'>![p](https://evil.example/p)"


@pytest.fixture
def lab(corpus_file: Any, tmp_path: Path) -> Iterator[Path]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}, fresh=sqlite:///{tmp_path / 'fresh.db'}"):
        yield path


def test_html_needs_nothing_and_runs_nothing(
    lab: Path, server: str, sign_in: SignIn, viewer: Person, browser: Browser, tmp_path: Path
) -> None:
    attack_everywhere(lab, TEXT)
    page = sign_in(viewer)
    page.goto(f"{server}/sessions/lab/attacked/")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="HTML", exact=True).click()
    assert download.value.suggested_filename == "session-attacked.html"
    file = tmp_path / "attacked.html"
    download.value.save_as(file)
    reader = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    reader.on("console", lambda message: complaints.append(message.text))
    reader.goto(file.as_uri())
    assert reader.evaluate("window.ran") is None
    assert asked == [file.as_uri()] and complaints == []
    assert "rgb(" in str(reader.evaluate("getComputedStyle(document.body).backgroundColor"))
    expect(reader.get_by_role("heading", level=1)).to_be_visible()
    reader.close()


def test_there_and_back(
    lab: Path, server: str, sign_in: SignIn, teammate: Person, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path / "data"
    page = sign_in(teammate)
    page.goto(f"{server}/sessions/lab/tools-trouble-01/")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Exact JSON").click()
    download.value.save_as(tmp_path / "session.json")
    page.goto(f"{server}/import/")
    page.get_by_label("File").set_input_files(tmp_path / "session.json")
    page.get_by_label("Into the source").select_option("fresh")
    page.get_by_role("button", name="Show what it would store").click()
    expect(page.get_by_text("nothing is stored yet")).to_be_visible()
    page.get_by_label("Import it with what is masked in it").check()
    page.get_by_role("button", name="Import").click()
    expect(page).to_have_url(f"{server}/sessions/fresh/tools-trouble-01/")
    expect(page.get_by_text("Fetch the intranet page").first).to_be_visible()
