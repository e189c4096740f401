"""How many elements the texts of a page may still become: few characters of Markdown can be thousands of them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.safestring import SafeString

from sessions_ui.rendering.text import plain

_SHORT = 200


@dataclass
class Room:
    """Elements that are left for the texts of one page."""

    left: int


def within(text: str, room: Room, render: Callable[[str], SafeString]) -> SafeString:
    """Return the text as `render` shows it; as plain text if that has too many elements; else only its beginning."""
    for shown in (render(text), plain(text), plain(text[:_SHORT])):
        elements = shown.count("<") // 2
        if elements <= room.left:
            room.left -= elements
            return shown
    return plain("")
