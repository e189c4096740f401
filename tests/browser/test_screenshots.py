"""The pictures of the README, made from the demo sessions; with --screenshots they replace those in docs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from agentos.db.sources import use_sources
from tests.browser.conftest import SignIn, settled
from tests.conftest import Person

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"


@pytest.fixture(autouse=True)
def demo(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    with use_sources(f"demo=sqlite:///{tmp_path / 'agno.db'}"):
        call_command("demo")
        yield


@pytest.mark.sqlite_only
def test_screenshots(sign_in: SignIn, teammate: Person, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = PICTURES if request.config.getoption("--screenshots") else tmp_path
    page = sign_in(teammate)
    settled(page)
    page.screenshot(path=folder / "sessions.png")
    page.locator('a[href^="/sessions/demo/"]').first.click()
    page.wait_for_url("**/sessions/demo/**")
    settled(page)
    page.screenshot(path=folder / "session.png")
    for name in ("sessions.png", "session.png"):
        assert (folder / name).stat().st_size > 20_000
