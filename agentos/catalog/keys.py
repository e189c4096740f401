"""Texts that anybody may have written, made fit for our own columns and their indexes."""

import hashlib
import re
from typing import Final

from django.contrib.admin.utils import quote, unquote

# An index entry of PostgreSQL holds 2,700 bytes; session and user ids may be of any length.
_KEY_CHARACTERS: Final = 120
_VISIBLE: Final = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}
# No character of any script, so a text that holds it is as rare as one that needs it.
_ESCAPE: Final = "\ufffe"
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff\ufffe]")
_ESCAPED: Final = re.compile("\ufffe([0-9a-f]{4})")


def clean(text: str, limit: int | None = None) -> str:
    """Return `text` without what PostgreSQL cannot store (NUL, lone surrogates), cut to `limit` characters."""
    cut = text if limit is None else text[:limit]
    if cut.isascii() and "\0" not in cut:  # as nearly all are
        return cut
    return cut.replace("\0", "␀").encode("utf-8", "replace").decode()


def clean_or_none(text: str | None, limit: int | None = None) -> str | None:
    """`clean` for a text that may be missing."""
    return None if text is None else clean(text, limit)


def one_line(text: str, limit: int) -> str:
    """Return the beginning of `text` on one line, for people: at most `limit` characters, control characters visible.

    Only as much of the text is looked at as may be needed.
    """
    return clean(" ".join(text[: limit * 4].split()), limit).translate(_VISIBLE)


def escape(text: str) -> str:
    """Return `text` in a form that every database stores; `unescape` gives it back. Most texts are their own form."""
    return _UNSTORABLE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def unescape(text: str) -> str:
    """Return the text that `escape` made `text` of."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if _ESCAPE in text else text


def index_key(text: str) -> str:
    """Return a short stand-in for `text` that is equal only for equal texts: itself, or its beginning and its hash."""
    stored = escape(text)
    if len(stored) <= _KEY_CHARACTERS:
        return stored
    return f"{stored[:_KEY_CHARACTERS]}…{hashlib.sha256(stored.encode()).hexdigest()}"


def quote_id(identifier: str) -> str:
    """Return an id as it stands in a URL's path: as Django's admin quotes it, and never empty or only dots.

    A browser would take a path part of dots for a way up, and an empty one for nothing at all. What no URL can hold,
    such as half a surrogate pair, is escaped as in our columns.
    """
    if not identifier.strip("."):
        return f"_{identifier}"
    return quote(escape(identifier))


def unquote_id(quoted: str) -> str:
    """Return the id that `quote_id` quoted."""
    if quoted.startswith("_") and not quoted[1:].strip("."):
        return quoted[1:]
    return unescape(unquote(quoted))
