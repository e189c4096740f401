"""Agno's import path `agno.db.sqlite`; what it names is at home elsewhere."""

from agentos.db.sqlite_db import SqliteDb

__all__ = ["SqliteDb"]
