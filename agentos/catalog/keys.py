"""Texts that anybody may have written, made fit for our own columns and their indexes."""

import hashlib

# An index entry of PostgreSQL holds 2,700 bytes; session and user ids may be of any length.
_KEY_CHARACTERS = 120


def clean(text: str, limit: int | None = None) -> str:
    """Return `text` without what PostgreSQL cannot store (NUL, lone surrogates), cut to `limit` characters."""
    cut = text if limit is None else text[:limit]
    return cut.replace("\0", "␀").encode("utf-8", "replace").decode()


def clean_or_none(text: str | None, limit: int | None = None) -> str | None:
    """`clean` for a text that may be missing."""
    return None if text is None else clean(text, limit)


def index_key(text: str) -> str:
    """Return a short stand-in for `text` that is equal only for equal texts: itself, or its beginning and its hash."""
    if len(text) <= _KEY_CHARACTERS:
        return clean(text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{clean(text, _KEY_CHARACTERS)}…{digest}"
