"""Django's PostgreSQL backend, remembering what it opened."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import connect

from agentos.db.backends.opened import remember


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    # Django's own: a pool by alias, shared by the threads of this process.
    _connection_pools: dict[str, Any]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the connection, or take one from the pool."""
        if self.settings_dict["OPTIONS"].get("pool") and self.alias not in self._connection_pools:
            # A pool would try again and again, and say in the end only that it took too long.
            connect(**conn_params).close()
        connection = super().get_new_connection(conn_params)
        remember(self)
        return connection

    def close_pool(self) -> None:
        """Close the connections that nobody uses; those in use are closed when they are given back."""
        if self.alias in self._connection_pools:
            self._connection_pools.pop(self.alias).close()
