"""The index of words over CatalogText: a `tsvector` with GIN on PostgreSQL, FTS5 on SQLite.

Both take words that Python has already made alike (`text/words.py`), so neither stems, folds nor parts anything but at
spaces. What kind of text a word stands in is its weight A to D on PostgreSQL, and a column on SQLite; `text/extract.py`
says which is which.
"""

from typing import Any, ClassVar

from django.db import migrations

_POSTGRESQL = (
    "ALTER TABLE catalog_catalogtext ADD COLUMN words tsvector",
    "CREATE INDEX catalog_text_words ON catalog_catalogtext USING gin (words)",
)
_SQLITE = (
    "CREATE VIRTUAL TABLE catalog_words USING fts5(session UNINDEXED, sort, a, b, c, d, tokenize = 'ascii')",
    """CREATE TRIGGER catalog_words_follow AFTER DELETE ON catalog_catalogtext
        BEGIN DELETE FROM catalog_words WHERE rowid = old.id; END""",
)
_SQLITE_BACK = ("DROP TRIGGER catalog_words_follow", "DROP TABLE catalog_words")
_POSTGRESQL_BACK = ("ALTER TABLE catalog_catalogtext DROP COLUMN words",)


def _run(editor: Any, sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    for statement in sqlite if editor.connection.vendor == "sqlite" else postgresql:
        editor.execute(statement)


def make(apps: Any, editor: Any) -> None:
    """Make the index, empty."""
    _run(editor, _SQLITE, _POSTGRESQL)


def read_again(apps: Any, editor: Any) -> None:
    """Make sessions that a catalog already holds count as changed: their texts are not indexed yet."""
    apps.get_model("catalog", "CatalogRun").objects.update(mark="")
    apps.get_model("catalog", "CatalogSession").objects.update(mark="")


def drop(apps: Any, editor: Any) -> None:
    """Take the index away."""
    _run(editor, _SQLITE_BACK, _POSTGRESQL_BACK)


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [("catalog", "0002_terms_and_texts")]
    operations: ClassVar = [
        migrations.RunPython(make, drop),
        migrations.RunPython(read_again, migrations.RunPython.noop),
    ]
