"""The stores and the model server that agents are tested with."""

from tests.integration.agents.conftest import server, sqlite_store, store, stores_may_be_opened

__all__ = ["server", "sqlite_store", "store", "stores_may_be_opened"]
