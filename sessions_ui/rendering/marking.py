"""Marks what was looked for in HTML that is already safe: in texts that are stored, never in our own words."""

import html
import re
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString

from agentos.catalog.text.snippets import spans

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\"[^\"]*\"|'[^']*'|[^'\">])*)>")
# Where stored text stands.
_STORED: Final = re.compile(r"\bclass=\"[^\"]*\b(?:stored|raw-text|json-(?:key|string|number))\b")
# Where a word of ours does, although it looks like a stored one.
_OURS: Final = re.compile(r"\bclass=\"[^\"]*\bstatus\b")
_VOID: Final = frozenset(("br", "hr", "img", "input", "link", "meta", "wbr", "use", "path", "rect", "circle", "line"))


def marked(page: str, looked_for: re.Pattern[str]) -> SafeString:
    """Return HTML with `<mark>` around what the pattern finds where stored text stands: in `bdi`, `pre`, JSON trees and
    what has class stored or raw-text.

    `page` has to be safe and well formed, as our renderers make it. Nothing is found across tags.
    """
    parts: list[str] = []
    at = inside = ours = 0
    for tag in _TAG.finditer(page):
        text = page[at : tag.start()]
        parts += [_marked(text, looked_for) if inside and not ours and text else text, tag[0]]
        at = tag.end()
        closes, name, attributes = tag[1], tag[2].lower(), tag[3]
        if name in _VOID or attributes.endswith("/"):
            continue
        if closes:
            inside -= inside > 0
            ours -= ours > 0
            continue
        inside += bool(inside or name in ("bdi", "pre") or _STORED.search(attributes))
        ours += bool(ours or _OURS.search(attributes))
    return SafeString("".join([*parts, page[at:]]))


def _marked(text: str, looked_for: re.Pattern[str]) -> str:
    plain = html.unescape(text)
    found = spans(plain, looked_for)
    if not found:
        return text
    parts: list[str] = []
    at = 0
    for start, end in found:
        parts += [escape(plain[at:start]), "<mark>", escape(plain[start:end]), "</mark>"]
        at = end
    return "".join([*parts, escape(plain[at:])])
