"""A column type for ids."""

from typing import Any

from django.db import models

from agentos.catalog.keys import escape, unescape


class IdField(models.TextField):  # type: ignore[type-arg]  # at run time a field takes no parameters
    """An id as somebody else's program made it: text of any length, with NUL and lone surrogates if it has them.

    PostgreSQL stores neither, so they are escaped in the column; the attribute holds the id itself, by which its
    source is asked.
    """

    def get_prep_value(self, value: Any) -> Any:
        """Return what is stored for `value`."""
        prepared = super().get_prep_value(value)
        return escape(prepared) if isinstance(prepared, str) else prepared

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        """Return the id that is stored as `value`."""
        return None if value is None else unescape(value)
