"""Writes texts with their words, many rows by one statement."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any, Final

from django.db import connection

from agentos.catalog.text.extract import KINDS, SORTS, Part
from agentos.catalog.text.words import words_of
from agentos.records import dumps

# A row's words. PostgreSQL keeps 16,383 places in a text and 256 of one word; what it forgot no phrase would find.
MOST_WORDS: Final = 4_000
MOST_REPEATS: Final = 250
MOST_CHARACTERS: Final = 60_000
# Characters that two rows share where a long text is split, so that a phrase is found there too.
_OVERLAP: Final = 200
# Characters that one statement takes.
_BATCH: Final = 1_000_000
# From so many rows on a catalog is being filled: their words are put into the index in larger portions, which takes a
# third less work, but lets a search read up to 32 MB more until the next vacuum.
_MANY: Final = 200
# Begins the word that says of which sort a row is, and is the word between two texts. No text has such words.
MARK: Final = "\ue000"
LABELS: Final = "ABCD"


@dataclass
class Texts:
    """What is to be written: the texts of a run, or of the session itself (`run` None). Numbers are row ids."""

    session: int
    run: int | None
    created_at: int
    parts: Sequence[Part]


@dataclass
class _Row:
    owner: Texts
    sort: str
    parts: list[Part]
    words: list[list[str]]

    @property
    def body(self) -> str:
        return "\n".join(part.text for part in self.parts)

    @property
    def places(self) -> str:
        places, start = [], 0
        for part in self.parts:
            places.append([part.kind, part.place, start, len(part.text)])
            start += len(part.text) + 1
        return dumps(places)

    @property
    def cut(self) -> bool:
        return any(part.cut for part in self.parts)

    @property
    def fits(self) -> bool:
        count, size = sum(map(len, self.words)), sum(len(part.text) for part in self.parts)
        if len(self.parts) > 1 and size > MOST_CHARACTERS:
            return False
        if count <= MOST_REPEATS or (len(self.parts) == 1 and size < 4 * _OVERLAP):
            return True
        return count <= MOST_WORDS and max(Counter(chain.from_iterable(self.words)).values()) <= MOST_REPEATS


def write(texts: Iterable[Texts]) -> None:
    """Store texts of runs and sessions that have none stored. In a transaction of the caller's."""
    batch: list[_Row] = []
    size = 0
    for owner in texts:
        for row in _rows(owner):
            batch.append(row)
            size += sum(len(part.text) for part in row.parts) + 500
            if size > _BATCH:
                _insert(batch)
                batch, size = [], 0
    if batch:
        _insert(batch)


def rewrite(texts: Texts) -> None:
    """Store the texts of a session itself in place of those that are stored, if they differ."""
    from agentos.catalog.models import CatalogText

    stored = CatalogText.objects.filter(session_id=texts.session, run=None)
    rows = list(_rows(texts))
    if [row.body for row in rows] != list(stored.order_by("pk").values_list("body", flat=True)):
        stored.delete()
        _insert(rows)


def _rows(owner: Texts) -> Iterator[_Row]:
    for sort, parts in groupby(sorted(owner.parts, key=_sort), key=_sort):
        waiting = [_Row(owner, SORTS[sort], *_with_words(parts))]
        while waiting:
            row = waiting.pop()
            if row.fits:
                yield row
            else:
                waiting += reversed(_halves(row))


def _sort(part: Part) -> int:
    return SORTS.index(KINDS[part.kind].sort)


def _with_words(parts: Iterable[Part]) -> tuple[list[Part], list[list[str]]]:
    found = list(parts)
    return found, [words_of(part.text) for part in found]


def _halves(row: _Row) -> list[_Row]:
    """Split a row: between its texts, or inside the only one it has."""
    middle = len(row.parts) // 2
    if middle:
        slices = slice(middle), slice(middle, None)
        return [_Row(row.owner, row.sort, row.parts[half], row.words[half]) for half in slices]
    part, middle = row.parts[0], len(row.parts[0].text) // 2
    texts = part.text[:middle], part.text[middle - _OVERLAP :]
    return [_Row(row.owner, row.sort, *_with_words([part._replace(text=text)])) for text in texts]


def _insert(rows: list[_Row]) -> None:
    with connection.cursor() as cursor:
        (_insert_sqlite if connection.vendor == "sqlite" else _copy_postgresql)(cursor, rows)


def _copy_postgresql(cursor: Any, rows: list[_Row]) -> None:
    """Copied, not inserted: that takes half the time here and a fifth less there."""
    columns = "session_id, run_id, parts, body, cut, created_at, words"
    if len(rows) > _MANY:
        cursor.execute("SET LOCAL gin_pending_list_limit = '32MB'")
    with cursor.copy(f"COPY catalog_catalogtext ({columns}) FROM STDIN") as copy:
        for row in rows:
            owner = row.owner
            copy.write_row((owner.session, owner.run, row.places, row.body, row.cut, owner.created_at, _vector(row)))


def _vector(row: _Row) -> str:
    """Return the row's words as PostgreSQL writes a tsvector, each with its place and the label of its kind."""
    written, place = [f"{MARK}{row.sort}"], 1
    for part, words in zip(row.parts, row.words, strict=True):
        label = KINDS[part.kind].label
        written += [f"{word}:{at}{label}" for at, word in enumerate(words, place)]
        place += len(words) + 1
    return " ".join(written)


def _insert_sqlite(cursor: Any, rows: list[_Row]) -> None:
    cursor.execute("SELECT coalesce(max(id), 0) FROM catalog_catalogtext")
    first = cursor.fetchone()[0] + 1
    cursor.executemany(
        """INSERT INTO catalog_catalogtext (id, session_id, run_id, parts, body, cut, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        [
            (pk, row.owner.session, row.owner.run, row.places, row.body, row.cut, row.owner.created_at)
            for pk, row in enumerate(rows, first)
        ],
    )
    cursor.executemany(
        "INSERT INTO catalog_words (rowid, session, sort, a, b, c, d) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [(pk, row.owner.session, f"{MARK}{row.sort}", *_columns(row)) for pk, row in enumerate(rows, first)],
    )


def _columns(row: _Row) -> list[str]:
    """Return the words by label."""
    columns: dict[str, list[str]] = {label: [] for label in LABELS}
    for part, words in zip(row.parts, row.words, strict=True):
        column = columns[KINDS[part.kind].label]
        if column:
            column.append(MARK)
        column += words
    return [" ".join(columns[label]) for label in LABELS]
