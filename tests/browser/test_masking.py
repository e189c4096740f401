"""Choosing what is masked, in a browser: a rule is tried, kept, holds, and is deleted; on a phone, in the dark."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from tests.browser.conftest import SignIn, assert_accessible
from tests.conftest import Person
from tests.integration.redaction.test_bulk import planted

pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("flag_reasons")]
SECRET = "acme_Qx7391ZkQx7391Zk"


@pytest.fixture(autouse=True)
def lab(transactional_db: None, tmp_path: Path) -> Any:
    with use_sources(f"lab=sqlite:///{tmp_path / 'lab.db'}"):
        planted(get_source("lab"), 1, SECRET)
        refresh_source(get_source("lab"), budget=None)
        yield


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_from_the_box_to_the_page(width: int, scheme: Any, server: str, sign_in: SignIn, admin: Person) -> None:
    page = sign_in(admin)
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server}/settings/masking/")
    assert_accessible(page)
    page.get_by_label("Name").fill("Acme keys")
    page.get_by_label("Pattern").fill("acme_[A-Za-z0-9]{16}")
    page.get_by_label("A text to try it on").fill(f"it is {SECRET} <b>now</b>")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".mask-tried")).to_have_text("it is [masked] <b>now</b>")
    assert_accessible(page)
    page.get_by_role("button", name="Add rule").click()
    expect(page.get_by_role("row", name="Acme keys")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    page.goto(f"{server}/sessions/lab/s1/")
    expect(page.get_by_text("[masked]").first).to_be_visible()
    expect(page.get_by_text(SECRET)).to_have_count(0)
    page.goto(f"{server}/settings/masking/")
    page.get_by_role("button", name="Delete Acme keys").click()
    expect(page.get_by_text("is deleted")).to_be_visible()
