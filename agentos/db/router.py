"""Keeps Agno's tables and our own apart."""

from typing import Any


class SourceRouter:
    """Sources are never migrated: their tables are Agno's."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Allow migrations only in our own database."""
        return None if db == "default" else False
