import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[3] / "static" / "code.css").read_text()
COLOURS = re.findall(r"--code-(\w+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
GROUNDS = {name: (light, dark) for name, light, dark in COLOURS}["ground"]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("name", "light", "dark"), [colour for colour in COLOURS if colour[0] != "ground"])
def test_code_is_readable_in_light_and_dark(name: str, light: str, dark: str) -> None:
    assert contrast(light, GROUNDS[0]) >= 4.5
    assert contrast(dark, GROUNDS[1]) >= 4.5


def test_code_grounds_are_the_pages_own() -> None:
    assert GROUNDS == ("#f2f5f6", "#141a1c")
    assert len(COLOURS) == 7


def test_nothing_is_loaded() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
