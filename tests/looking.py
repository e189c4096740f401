"""Looks for words in texts by hand, to hold the index of words to."""

from agentos.catalog.models import CatalogSession, CatalogText
from agentos.catalog.text.words import wanted, words_of


def finds(query: str, text: str, *, prefix: bool = False) -> bool:
    """Whether the words of a query stand side by side in a text."""
    looked_for, words = wanted(query, prefix=prefix), words_of(text)
    if not looked_for.words:
        return False
    *most, last = looked_for.words
    for at in range(len(words) - len(most)):
        found = words[at + len(most)]
        fits = found.startswith(last) if looked_for.prefix else found == last
        if fits and words[at : at + len(most)] == most:
            return True
    return False


def parts_of(text: CatalogText) -> list[tuple[str, int | None, str]]:
    """The kinds, places and texts of a row."""
    return [(kind, place, text.body[start : start + length]) for kind, place, start, length in text.parts]


def says(session: CatalogSession, query: str, *, prefix: bool = False) -> bool:
    """Whether a text of a session has the words."""
    texts = (part for row in session.texts.all() for _, _, part in parts_of(row))
    return any(finds(query, text, prefix=prefix) for text in texts)
