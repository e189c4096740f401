"""Django's PostgreSQL backend, remembering what it opened."""

from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import connect
from psycopg_pool import PoolTimeout

from agentos.db.backends.opened import remember

# The aliases of pools whose server has answered.
_answered: Final[set[str]] = set()


class DatabaseWrapper(base.DatabaseWrapper):
    """See the module."""

    # Django's own: a pool by alias, shared by the threads of this process.
    _connection_pools: dict[str, Any]

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the connection, or take one from the pool.

        A pool that reaches no server says only, and late, that it took too long: then the server itself is asked why.
        """
        pooled = bool(self.settings_dict["OPTIONS"].get("pool"))
        if pooled and self.alias not in _answered:
            connect(**conn_params).close()
            _answered.add(self.alias)
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            _answered.discard(self.alias)
            connect(**conn_params).close()
            raise
        remember(self)
        return connection

    @classmethod
    def without_pool(cls, alias: str) -> Any:
        """Forget the pool of `alias` without closing it, and return it."""
        _answered.discard(alias)
        return cls._connection_pools.pop(alias, None)

    @classmethod
    def end_pool(cls, alias: str) -> None:
        """Close the connections of the pool of `alias` that nobody uses; those in use are closed when given back."""
        if pool := cls.without_pool(alias):
            pool.close()
