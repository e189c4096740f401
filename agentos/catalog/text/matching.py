"""From the free words of a query to filters of the catalog's sessions."""

from django.db.models import Q

from agentos.catalog.query.tree import And, Node, Not, Or, Words
from agentos.catalog.text.index import Asked, IsAmong, Says, expression, hits
from agentos.catalog.text.words import Wanted, wanted


class Lookups:
    """What the index says of a query's words, asked once for all statements of one page.

    `kinds`: the kinds of text that words are looked for in, None for all.
    """

    def __init__(self, kinds: frozenset[str] | None = None) -> None:
        self.kinds = kinds
        self._rows: dict[Asked, dict[int, int] | None] = {}

    def filter(self, words: Words) -> Q:
        """Return the filter of CatalogSession for words that one of its texts has: side by side, if several."""
        asked = self.asked(words)
        rows = self.rows(asked)
        return Q(Says(expression(asked))) if rows is None else Q(IsAmong(set(rows.values())))

    def asked(self, *words: Words) -> Asked:
        """Return the question for any of the words."""
        return Asked(tuple(wanted_words(one) for one in words), self.kinds)

    def rows(self, asked: Asked) -> dict[int, int] | None:
        """Return the session of each row that matches, by row id; None when there are too many."""
        if asked not in self._rows:
            self._rows[asked] = hits(asked)
        return self._rows[asked]


def wanted_words(words: Words) -> Wanted:
    """Return what finds the words."""
    return wanted(words.text, prefix=words.prefix)


def positive(node: Node | None) -> list[Words]:
    """Return the words that a match may have: those that are not left out."""
    found: list[Words] = []
    waiting = [] if node is None else [(node, True)]
    while waiting:
        part, is_wanted = waiting.pop()
        match part:
            case Words():
                found += [part] * is_wanted
            case Not(inner):
                waiting.append((inner, not is_wanted))
            case And(parts) | Or(parts):
                waiting += [(one, is_wanted) for one in reversed(parts)]
    return list(dict.fromkeys(found))
