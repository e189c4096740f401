"""Agno's import path `agno.db.postgres`; what it names is at home elsewhere."""

from agentos.db.postgres_db import PostgresDb

__all__ = ["PostgresDb"]
