"""Django's PostgreSQL backend, remembering what it opened."""

from typing import Any

from django.db.backends.postgresql import base

from agentos.db.backends.opened import remember


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the connection."""
        connection = super().get_new_connection(conn_params)
        remember(self)
        return connection
