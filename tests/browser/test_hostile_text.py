"""Hostile text in every field, in a real browser: nothing runs, nothing is fetched from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn
from tests.conftest import Person
from tests.integration.test_session_page import attack_everywhere

pytestmark = pytest.mark.sqlite_only
PAGES = (
    "/sessions/?q=", "/sessions/lab/attacked/", "/sessions/lab/attacked/?tab=tools",
    "/sessions/lab/attacked/?tab=state", "/sessions/lab/attacked/?tab=summary",
    "/sessions/lab/attacked/?tab=metadata", "/sessions/lab/attacked/?tab=raw",
    "/sessions/lab/attacked/runs/r1/",
)  # fmt: skip
RUNS = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'><svg onload='window.ran = 1'></svg>"
FETCHES = (
    "![p](https://evil.example/p.png) <img src=https://evil.example/i.png>"
    "<link rel=stylesheet href=//evil.example/x.css>"
    "<video src=https://evil.example/v.mp4></video> ![r][1]\n\n[1]: https://evil.example/r.png"
)
ACTS = "<button hx-post=/sign-out/ hx-trigger=load>x</button><a data-hx-get=/x hx-on:click='window.ran=1'>y</a>"


@pytest.fixture
def lab(corpus_file: Any) -> Iterator[Path]:
    path: Path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        yield path


@pytest.mark.parametrize("text", [RUNS, FETCHES, ACTS])
def test_it_is_shown_and_does_nothing(text: str, lab: Path, server: str, sign_in: SignIn, viewer: Person) -> None:
    attack_everywhere(lab, text)
    page = sign_in(viewer)
    for path in PAGES:
        page.goto(server + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for details in page.locator("main details > summary").all()[:6]:
            if details.is_visible():
                details.click()
        assert page.evaluate("window.ran") is None, path
        assert page.locator("main img, main video, main script, main [hx-post], main [data-hx-get]").count() == (
            page.locator("main form[hx-post]").count()
        ), path
