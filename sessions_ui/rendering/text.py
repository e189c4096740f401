"""Stored text made fit to be shown: every character visible, long payloads as chips, lengths bounded.

Marks (chips, bidi controls) travel through parsers as one private-use character each and become HTML only at the very
end, so that neither Markdown nor a highlighter can tear one apart and no stored text can imitate one.
"""

import base64
import re

from django.utils.html import escape
from django.utils.safestring import SafeString

from agentos.records import readable, sniff_mime_type

PLAIN_LIMIT = 200_000
"""Characters of plain text shown; what is longer is cut, with its length."""

_CHIP_BASE = 0x100000
_CHIP_MAX = 0xE000
_BIDI_BASE = 0x10F000
_BIDI_NAMES = {
    0x202A: "LRE",
    0x202B: "RLE",
    0x202C: "PDF",
    0x202D: "LRO",
    0x202E: "RLO",
    0x2066: "LRI",
    0x2067: "RLI",
    0x2068: "FSI",
    0x2069: "PDI",
}
_BIDI_HTML = {
    _BIDI_BASE + (code & 0xFF): f'<span class="char-mark" title="U+{code:04X}">{name}</span>'
    for code, name in _BIDI_NAMES.items()
}
_VISIBLE: dict[int, int] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},  # the control pictures: ␀ ␛ …
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **{code: _BIDI_BASE + (code & 0xFF) for code in _BIDI_NAMES},
}
_SPECIAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PLANE_16 = re.compile("[\U00100000-\U0010ffff]")

# The lookbehind keeps both linear: an attempt starts only where a run starts.
_DATA_URI = re.compile(
    r"(?<![A-Za-z0-9])data:(?P<mime>[\w.+-]{1,60}/[\w.+-]{1,60})?(?P<params>(?:;[\w=.+-]{1,60}){0,4}),"
    r"(?P<data>[A-Za-z0-9+/_=%.~-]{200,})",
    re.ASCII | re.IGNORECASE,
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{200,}={0,2}")
_PAYLOAD_HINT = re.compile(r"[A-Za-z0-9+/_=%.~-]{200}")


class Marks:
    """The chips of one text, on their way through a parser as private-use characters."""

    def __init__(self) -> None:
        self._html: dict[int, str] = dict(_BIDI_HTML)
        self._labels: dict[int, str] = {}

    def chip(self, label: str) -> str:
        """Return the character that stands for a chip with this label; the label itself when there are too many."""
        if len(self._labels) >= _CHIP_MAX:
            return f"[{label}]"
        code = _CHIP_BASE + len(self._labels)
        self._labels[code] = label
        self._html[code] = f'<span class="chip">{escape(label)}</span>'
        return chr(code)

    def finish(self, html: str) -> SafeString:
        """Return escaped or sanitised HTML with its marks written out. They may stand only where text stands."""
        return SafeString(html.translate(self._html) if _PLANE_16.search(html) else html)


def prepare(text: str, marks: Marks) -> str:
    """Return the text as it may be parsed or escaped: no lone surrogates, no invisible controls, payloads as chips."""
    text = readable(text)
    if not text.isascii():
        text = _PLANE_16.sub("\ufffd", text)
    if _PAYLOAD_HINT.search(text):
        text = _DATA_URI.sub(lambda match: _data_uri_chip(match, marks), text)
        text = _BASE64.sub(lambda match: _base64_chip(match, marks), text)
    text = text.replace("\r\n", "\n")
    return text.translate(_VISIBLE) if _SPECIAL.search(text) else text


def plain(text: str) -> SafeString:
    """Return text as HTML that shows it character by character; line breaks stay what they are (use `pre-wrap`)."""
    marks = Marks()
    return marks.finish(escape_clipped(prepare(text, marks)))


def escape_clipped(prepared: str) -> str:
    """Return prepared text as HTML, at most PLAIN_LIMIT characters of it; its marks are still to be finished."""
    shown, total = clip(prepared, PLAIN_LIMIT)
    html = str(escape(shown))
    return html + clipped_note(total) if total > len(shown) else html


def clip(text: str, limit: int) -> tuple[str, int]:
    """Return the first `limit` characters of a text, and how many characters it has in all."""
    return text[:limit], len(text)


def clipped_note(total: int) -> str:
    """Return the HTML that ends a cut text: how many characters it has in all."""
    return f'<span class="clipped">… {total:,} characters</span>'


def format_size(size: int) -> str:
    """Return a number of bytes as people read it: "151 kB". Units are decimal."""
    if size < 1000:
        return f"{size} B"
    if size < 999_500:
        return f"{size / 1000:.0f} kB"
    return f"{size / 1_000_000:.1f} MB"


def _data_uri_chip(match: re.Match[str], marks: Marks) -> str:
    mime = (match["mime"] or "text/plain").lower()
    data = match["data"]
    is_base64 = ";base64" in match["params"].lower()
    size = _decoded_size(data) if is_base64 else len(data) - 2 * data.count("%")
    return marks.chip(f"{_kind(mime)}, {format_size(size)}")


def _base64_chip(match: re.Match[str], marks: Marks) -> str:
    data = match[0]
    head = data[:400]
    # A long word or a ruler is not a payload: base64 of anything has all three kinds of characters.
    if not all(re.search(kind, head) for kind in ("[A-Z]", "[a-z]", "[0-9]")):
        return data
    mime = sniff_mime_type(base64.b64decode(data[:64]))
    return marks.chip(f"{_kind(mime) if mime else 'base64'}, {format_size(_decoded_size(data))}")


def _decoded_size(data: str) -> int:
    return len(data.rstrip("=")) * 3 // 4


def _kind(mime: str) -> str:
    """Return what people call a media type: "image/svg+xml" is SVG."""
    return mime.partition("/")[2].removeprefix("x-").partition("+")[0].upper()
