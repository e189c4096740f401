"""Which components are called by a name: an agent may be asked for by its id or by its name, lists are sorted by key.

"This key or that name" is a question for which no index has the order of a list, so half of all sessions would be
walked. Asked beforehand which keys have sessions of that name, it is a question for keys alone, of which every order
of one component's sessions has an index.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from agentos.catalog.keys import index_key

# So many characters of a name stand in an index: an entry of PostgreSQL's holds 2,700 bytes, names are of any length.
INDEXED: Final = 120
# How the index is entered by a name: written as Django writes `Substr`, of which it is made. SQLite would put what is
# known of a column in its place everywhere, and find no index on what is left: the plus sign keeps it from that.
_NAMED: Final = {
    "postgresql": f"SUBSTRING(component_name, 1, {INDEXED:d}) = %s AND component_name = %s",
    "sqlite": f"SUBSTR(component_name, 1, {INDEXED:d}) = %s AND +component_name = %s",
}
# A name of more keys than this is looked for among the names of sessions themselves.
_MOST: Final = 20


class ComponentNames:
    """What keys go by a text, as it is or as a name, asked once for all statements of one page."""

    def __init__(self) -> None:
        self._keys: dict[str, frozenset[str | None] | None] = {}

    def ask(self, names: Iterable[str]) -> None:
        """Look up what is not known yet, all in one statement."""
        new = [name for name in dict.fromkeys(names) if name not in self._keys]
        if new:
            self._keys |= zip(new, _keys(new), strict=True)

    def filter(self, text: str) -> Q:
        """Return the filter of CatalogSession for the component with this id, key or name."""
        self.ask([text])
        own, keys = {text, index_key(text)}, self._keys[text]
        is_it, is_called = Q(component_key__in=own), Q(component_name=text)
        if keys is None or None in keys:
            return is_it | is_called
        if keys <= own:
            return is_it
        named = Q(component_key__in={key for key in keys if key})
        return named & (is_it | is_called) if keys & own else named & is_called


def _keys(names: list[str]) -> list[frozenset[str | None] | None]:
    """Return for each name the keys of sessions that have it, and itself if it is one; None for too many.

    None among the keys stands for sessions with the name but without a key.
    """
    parts: list[str] = []
    values: list[Any] = []
    rows = f"FROM catalog_catalogsession WHERE {_NAMED[connection.vendor]}"
    for number, name in enumerate(names):
        # From one key to the next along the index, so a name that all sessions share costs what a rare one costs.
        parts.append(f"""SELECT {number:d}, key FROM (
            WITH RECURSIVE found(key) AS (
                SELECT min(component_key) {rows} UNION ALL
                SELECT (SELECT min(component_key) {rows} AND component_key > found.key) FROM found WHERE key IS NOT NULL
            ) SELECT key FROM found LIMIT {_MOST + 1:d}) AS k WHERE key IS NOT NULL
            UNION ALL SELECT {number:d}, NULL WHERE EXISTS (SELECT 1 {rows} AND component_key IS NULL)
            UNION ALL SELECT {number:d}, key FROM (
                SELECT component_key AS key FROM catalog_catalogsession WHERE component_key IN (%s, %s) LIMIT 1
            ) AS own""")  # noqa: S608  # our names
        values += [name[:INDEXED], name] * 3 + [name, index_key(name)]
    found: list[set[str | None]] = [set() for _ in names]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        for number, key in cursor.fetchall():
            found[number].add(key)
    return [frozenset(keys) if len(keys) <= _MOST else None for keys in found]
