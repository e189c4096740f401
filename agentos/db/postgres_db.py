"""`PostgresDb`: sessions in a schema of a PostgreSQL database."""

from typing import Any

from agentos.db.runtime import check_arguments, url_source
from agentos.db.sql import SqlDb


class PostgresDb(SqlDb):
    """Sessions in PostgreSQL; `db_url` is "postgresql+psycopg://user:password@host:port/database", or without +psycopg.

    The schema (by default `ai`, not made if `create_schema` is false) and the tables are made on first use.
    Connections are pooled, and given back after each call.

    Raises:
        SourceError: the URL cannot be understood, or a table cannot be called like this.
        ValueError: there is no URL.
        TypeError: a db_engine, or an argument that Agno's PostgresDb does not have.
    """

    def __init__(
        self,
        db_url: str | None = None,
        db_engine: Any = None,
        db_schema: str | None = None,
        session_table: str | None = None,
        runs_table: str | None = None,
        *,
        id: str | None = None,
        create_schema: bool = True,
        **other_tables: Any,
    ) -> None:
        check_arguments(type(self).__name__, db_engine, other_tables)
        if not db_url:
            raise ValueError("PostgresDb needs a db_url: postgresql+psycopg://user:password@host:port/database.")
        self.db_url = db_url
        source = url_source(db_url, session_table, runs_table, db_schema)
        super().__init__(source, id=id, create_schema=create_schema)
        self.db_schema = source.schema
