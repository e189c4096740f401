"""Django's PostgreSQL backend, remembering what it opened."""

from typing import Any

from django.db.backends.postgresql import base

from agentos.db.backends.opened import remember


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the connection, or take one from the pool."""
        if self.settings_dict["OPTIONS"].get("pool") and self.alias not in self._connection_pools:
            # A pool would try again and again, and say in the end only that it took too long.
            base.Database.connect(**conn_params).close()
        connection = super().get_new_connection(conn_params)
        remember(self)
        return connection
