"""Overwriting what was deleted, in the files of databases: a row that is gone may stand there as bytes for years.

SQLite: the index of words is put together anew, the file is written anew (VACUUM), and the write-ahead log is emptied.
PostgreSQL: dead rows are given up (VACUUM); their bytes are overwritten when the page is used again, or at once when
the table is written anew (VACUUM FULL, which keeps everybody out of the table meanwhile).
"""

import logging
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm, CatalogText
from agentos.db.connections import connection_for
from agentos.db.errors import faults_of
from agentos.db.faults import SourceError
from agentos.db.source import Source
from agentos.redaction.own import models_concerned

# Bytes of a SQLite file that is written anew while somebody waits: some two seconds.
AT_ONCE: Final = 300_000_000
_PATIENCE: Final = 5.0
_logger = logging.getLogger(__name__)


def scrub_after(source: Source, tables: Iterable[str]) -> list[str]:
    """Overwrite what a redaction left in both databases; return a sentence for each that could not be done now."""
    left = []
    if not _scrub_source(source, sorted(tables), full=False, largest=AT_ONCE):
        left.append(f"The file of {source.name} still holds deleted bytes. Run `manage.py scrub` when it is quiet.")
    if not _scrub_own(full=False, largest=AT_ONCE):
        left.append("Our own database still holds deleted bytes. Run `manage.py scrub` when it is quiet.")
    return left


def scrub_source(source: Source, *, full: bool, largest: int | None = None) -> bool:
    """Overwrite what was deleted in a source, of so many bytes at most; whether it could be done."""
    return _scrub_source(source, None, full=full, largest=largest)


def scrub_own(*, full: bool, largest: int | None = None) -> bool:
    """Overwrite what was deleted in our own database, of so many bytes at most; whether it could be done."""
    return _scrub_own(full=full, largest=largest)


def _scrub_source(source: Source, tables: Iterable[str] | None, *, full: bool, largest: int | None) -> bool:
    if source.vendor == "sqlite":
        return _rewrite(source.path, largest)
    try:
        with faults_of(source):
            wrapper = connection_for(source)
            names = _all_tables(wrapper, source.schema) if tables is None else tables
            return _vacuum(wrapper, names, full=full)
    except SourceError as error:
        _logger.warning("Deleted rows of %s are still there: %s", source.name, error)
        return False


def _scrub_own(*, full: bool, largest: int | None) -> bool:
    if connection.in_atomic_block:
        return False
    if connection.vendor != "sqlite":
        concerned: list[type[Model]] = [CatalogSession, CatalogRun, CatalogTerm, CatalogText, *models_concerned()]
        return _vacuum(connection, dict.fromkeys(f'"{model._meta.db_table}"' for model in concerned), full=full)
    path = str(connection.settings_dict["NAME"])
    if largest is not None and _size(path) > largest:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO catalog_words (catalog_words) VALUES ('optimize')")
    except DatabaseError as error:
        _logger.warning("The index of words cannot be put together anew: %s", error)
        return False
    return _rewrite(path, largest)


def _rewrite(path: str, largest: int | None) -> bool:
    """Write a SQLite file anew without what was deleted, and empty its write-ahead log."""
    if largest is not None and _size(path) > largest:
        return False
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as file:
            file.execute("PRAGMA secure_delete = ON")
            file.execute("VACUUM")
            busy = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy
    except sqlite3.Error as error:
        _logger.warning("%s cannot be written anew: %s", path, error)
        return False


def _vacuum(wrapper: BaseDatabaseWrapper, tables: Iterable[str], *, full: bool) -> bool:
    if wrapper.in_atomic_block:
        return False
    how = "VACUUM (FULL)" if full else "VACUUM"
    with wrapper.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        try:
            for table in tables:
                cursor.execute(f"{how} {table}")
        except DatabaseError as error:
            _logger.warning("Deleted rows are still there: %s", error)
            return False
        finally:
            cursor.execute("RESET statement_timeout")
    return True


def _all_tables(wrapper: BaseDatabaseWrapper, schema: str) -> list[str]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
                       " WHERE schemaname IN (%s, 'fs') AND tableowner = current_user", [schema])  # fmt: skip
        return [name for (name,) in cursor.fetchall()]


def _size(path: str) -> int:
    return sum(file.stat().st_size for suffix in ("", "-wal") if (file := Path(f"{path}{suffix}")).exists())
