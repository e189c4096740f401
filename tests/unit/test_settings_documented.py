"""The docs cannot rot: every setting, command and URL that exists is described, and nothing else is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).parents[2]
READ_BY_SETTINGS = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
ROW_NAMES = re.compile(r"^\| `([^`]+)`", re.MULTILINE)
# Read from the environment by the commands and the test run, not by settings.py.
# FORWARDED_ALLOW_IPS is read by uvicorn.
READ_ELSEWHERE = {"HOST", "PORT", "CHROMIUM", "FORWARDED_ALLOW_IPS"}


def documented(page: str) -> set[str]:
    """What stands in the first column of a page's tables."""
    return {name.split()[0] for name in ROW_NAMES.findall((ROOT / "docs" / page).read_text())}


def url_patterns(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Every path the site answers, as it is spelled in the URL map."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from url_patterns(pattern.url_patterns, route)
        else:
            yield re.sub(r"<\w+:(\w+)>", r"<\1>", f"/{route}")


def test_settings_are_documented() -> None:
    read = set(READ_BY_SETTINGS.findall((ROOT / "agentos" / "settings.py").read_text()))
    assert documented("settings.md") - READ_ELSEWHERE == read


def test_commands_are_documented() -> None:
    own = {name for name, app in get_commands().items() if app.startswith(("agentos", "sessions_ui"))}
    assert documented("commands.md") == own


def test_urls_are_documented() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    missing = [path for path in url_patterns(get_resolver().url_patterns) if f"`{path}`" not in text]
    assert missing == []


@pytest.mark.parametrize("target", ["up", "test", "test-fast", "lint", "types", "format", "lock", "clean"])
def test_make_targets_are_documented(target: str) -> None:
    pages = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert f"make {target}" in pages
