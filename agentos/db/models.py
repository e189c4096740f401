"""Unmanaged models that mirror Agno's session and runs tables, made for the table names of each source.

Use them with `.using(source.alias)` after `connection_for(source)`. A table may have more columns; they are not read.
"""

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelBase

from agentos.db.connections import table_name
from agentos.db.layout import look, runs_table_names
from agentos.db.source import Source
from agentos.records.encoding import RecordError, loads

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:  # generic for the type checker only
    _Field = models.Field


class BadJSON(str):
    """Text of a JSON column that is not JSON, as stored. A string, so that whoever wants an object finds none."""

    __slots__ = ()


class StoredJSON(_Field):
    """A JSON, json or jsonb column as Agno wrote it: decoded while it is a string, BadJSON if it cannot be.

    It is read as text on every backend, so that one tolerant decoder sees all of it.
    """

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Ask PostgreSQL for the text."""
        return (f"({sql})::text" if compiler.connection.vendor == "postgresql" else sql), params

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Decode."""
        return decode(value)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the type Agno gives such a column today."""
        return "jsonb" if connection.vendor == "postgresql" else "JSON"


class SessionRow(models.Model):
    """The columns of a session, all but `runs`."""

    session_id = models.TextField(primary_key=True)
    session_type = models.TextField()
    agent_id = models.TextField(null=True)
    team_id = models.TextField(null=True)
    workflow_id = models.TextField(null=True)
    user_id = models.TextField(null=True)
    session_data = StoredJSON(null=True)
    agent_data = StoredJSON(null=True)
    team_data = StoredJSON(null=True)
    workflow_data = StoredJSON(null=True)
    metadata = StoredJSON(null=True)
    summary = StoredJSON(null=True)
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField(null=True)

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False

    def __str__(self) -> str:
        """The session's id."""
        return self.session_id


class SessionRowWithRuns(SessionRow):
    """A session whose row has the list of its runs (Agno 2)."""

    runs = StoredJSON(null=True)

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False


class RunRow(models.Model):
    """A row of the runs table (Agno 3)."""

    # Agno's order: where nulls come is left to the database, as Agno leaves it.
    ORDER: ClassVar = ("run_index", "created_at", "run_id")

    run_id = models.TextField(primary_key=True)
    session_id = models.TextField()
    run_type = models.TextField()
    agent_id = models.TextField(null=True)
    team_id = models.TextField(null=True)
    workflow_id = models.TextField(null=True)
    user_id = models.TextField(null=True)
    parent_run_id = models.TextField(null=True)
    status = models.TextField(null=True)
    run_index = models.BigIntegerField(null=True)
    run_data = StoredJSON()
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField(null=True)

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False

    def __str__(self) -> str:
        """The run's id."""
        return self.run_id


class ToolResultRow(models.Model):
    """A row of `agno_tool_results`: where a tool's large result is (Agno 3)."""

    result_id = models.TextField(primary_key=True)
    namespace = models.TextField()
    path = models.TextField()
    session_id = models.TextField()

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False

    def __str__(self) -> str:
        """The result's id."""
        return self.result_id


class FileRow(models.Model):
    """A row of `agno_fs`: a text under a namespace and a path (Agno 3). Its key is all three of the first columns."""

    path = models.TextField(primary_key=True)
    namespace = models.TextField()
    user_id = models.TextField()
    content = models.TextField()

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False

    def __str__(self) -> str:
        """The file's path."""
        return self.path


class ApprovalRow(models.Model):
    """A row of `agno_approvals`: what became of a call that had to be allowed. Times are unix seconds."""

    id = models.TextField(primary_key=True)
    session_id = models.TextField()
    run_id = models.TextField()
    status = models.TextField(null=True)
    expires_at = models.BigIntegerField(null=True)
    resolved_by = models.TextField(null=True)
    resolved_at = models.BigIntegerField(null=True)

    class Meta:
        """Agno's table."""

        abstract = True
        managed = False

    def __str__(self) -> str:
        """The approval's id."""
        return self.id


JSON_COLUMNS: Final = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")


def decode(stored: Any) -> Any:
    """Decode stored JSON while it is a string; BadJSON with the text if it is not JSON."""
    try:
        return loads(stored)
    except RecordError:
        return BadJSON(stored if isinstance(stored, str) else bytes(stored).decode("utf-8", "replace"))


def session_model(source: Source) -> type[SessionRowWithRuns]:
    """Return the model of the source's session table with all fifteen columns.

    A table without `runs` (Agno 3) takes it too, as long as `runs` is deferred.
    """
    return cast(type[SessionRowWithRuns], _model(SessionRowWithRuns, table_name(source, source.session_table)))


def run_model(source: Source) -> type[RunRow]:
    """Return the model of the source's runs table: the one it has, else the one Agno 3 would make.

    Raises:
        SourceUnavailable: the source cannot be reached.
    """
    table = look(source).runs_table or runs_table_names(source)[0]
    return cast(type[RunRow], _model(RunRow, table_name(source, table)))


def tool_result_model(source: Source) -> type[ToolResultRow]:
    """Return the model of the tool results held apart. A source need not have the table."""
    return cast(type[ToolResultRow], _model(ToolResultRow, table_name(source, "agno_tool_results")))


def file_models(source: Source) -> list[type[FileRow]]:
    """Return the models of where texts may be held apart, likeliest first. A source need not have any of the tables.

    On PostgreSQL Agno 3 keeps its files in a schema of their own (seen in a database that it wrote).
    """
    names = [table_name(source, "agno_fs")]
    if source.vendor == "postgresql":
        names.insert(0, '"fs"."agno_fs"')
    return [cast(type[FileRow], _model(FileRow, name)) for name in names]


def approval_model(source: Source) -> type[ApprovalRow]:
    """Return the model of the approvals. A source need not have the table."""
    return cast(type[ApprovalRow], _model(ApprovalRow, table_name(source, "agno_approvals")))


@lru_cache(maxsize=256)
def _model(base: type[models.Model], table: str) -> Any:
    meta = type("Meta", (), {"app_label": "source_tables", "db_table": table, "managed": False})
    # Django knows a model by its name, so each table's needs one of its own.
    name = f"{base.__name__}_{hashlib.sha256(table.encode()).hexdigest()[:16]}"
    return ModelBase(name, (base,), {"__module__": __name__, "Meta": meta})
