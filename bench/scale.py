"""Fills a source with sessions of agents, teams and workflows, as many as asked, and says what is hidden in them.

    python bench/scale.py sqlite:////tmp/agno.db --sessions 10000 [--layout list] [--thin]
    python bench/scale.py postgresql://user@host/database --sessions 200000
    python bench/scale.py postgresql://user@host/database --sessions 1000000 --catalog-only

The database must be empty. It gets Agno's tables: those of Agno 3 (runs in a table), or of Agno 2 (a list of runs in
the session's row). A session has about `--runs` runs, with a heavy tail, and one has `--monster` of 11 kB each. A run
has 4 to 11 kB, with `--thin` 1 kB. The same arguments give the same sessions. `--catalog-only` fills no source, but the
catalog of our own database at the URL, by SQL alone: lists of millions of sessions can then be measured, search cannot.

Prints a JSON object: how much there is, the needles (see `needles.py`), the monster, a user and an agent with many
sessions.
"""

import argparse
import itertools
import json
import math
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent))
from needles import Needles
from prose import COMMON, MODELS, Made, Prose, data_of

ROOT: Final = Path(__file__).resolve().parent.parent
NEWEST: Final = 1_790_000_000
DAYS: Final = 365
LAYOUTS: Final = ("table", "list")
_AT_ONCE: Final = 200
_KINDS: Final = ("agent",) * 14 + ("team",) * 4 + ("workflow",) * 2
_TOPICS: Final = "travel billing weather contracts refunds hiring security research onboarding outage".split()
_TENANTS: Final = ("wayfarer", "northwind", "acme")
_SESSION: Final = (
    "session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "session_data", "agent_data",
    "team_data", "workflow_data", "metadata", "summary", "created_at", "updated_at",
)  # fmt: skip
_JSON: Final = frozenset({"session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary", "runs"})
_RUN: Final = (
    "run_id", "session_id", "run_type", "agent_id", "team_id", "workflow_id", "user_id", "parent_run_id", "status",
    "run_index", "run_data", "created_at", "updated_at",
)  # fmt: skip

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How much to write. `runs`: of a session, on average; `monster`: runs of the one long session, 0 for none."""

    sessions: int
    runs: int = 10
    monster: int = 2000
    layout: str = "table"
    thin: bool = False

    def arguments(self) -> list[str]:
        """Return the plan as arguments of this program."""
        numbers = ("sessions", "runs", "monster")
        given = [f"--{name}={getattr(self, name)}" for name in numbers]
        return [*given, f"--layout={self.layout}", *(["--thin"] if self.thin else [])]


class Maker:
    """Makes the sessions of a plan, one after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.dice = plan, random.Random(7)
        self.prose = Prose(self.dice, thin=plan.thin)
        self.needles = Needles(plan.sessions)
        self.said: Counter[str] = Counter()
        self.users: Counter[str] = Counter()
        self.components: Counter[str] = Counter()
        self.monster: str | None = None

    def sessions(self) -> Iterator[tuple[Row, list[Made]]]:
        """Yield the row of each session and its runs in order."""
        for number in range(self.plan.sessions):
            yield self._session(number)

    def _session(self, number: int) -> tuple[Row, list[Made]]:
        dice, is_monster = self.dice, bool(self.plan.monster) and number == self.plan.sessions // 3
        plain = number in self.needles or is_monster
        kind = "agent" if plain else dice.choice(_KINDS)
        component = f"{kind}-{int(24 * dice.random() ** 2)}"
        users = max(50, self.plan.sessions // 10)
        user = None if dice.random() < 0.1 else f"user{int(users * dice.random() ** 3)}@example.com"
        session_id, at = self.prose.new_id(), NEWEST - dice.randrange(3_000_000 if plain else 60, DAYS * 86_400)
        wanted = (
            self.plan.monster if is_monster else max(1, round(dice.lognormvariate(math.log(self.plan.runs / 2), 1.177)))
        )
        planted = self.needles.in_run(number) if number in self.needles else {}
        size = 3_200 if is_monster else 900
        runs = list(self._runs(session_id, kind, component, user, at, wanted, size))
        if number in self.needles:
            if planted:
                runs.append(self.prose.agent_run(session_id, component, user, at + 60 * wanted, planted=planted))
            self.needles.put(number, session_id, runs[-1].run_id, runs[-1].places)
        if is_monster:
            self.monster = session_id
        self._count(user, component, runs)
        return self._row(number, session_id, kind, component, user, runs), runs

    def _runs(
        self, session_id: str, kind: str, component: str, user: str | None, at: int, wanted: int, size: int
    ) -> Iterator[Made]:
        """Yield about as many runs as wanted; members of teams count, and so do runs inside of a workflow's."""
        made = 0
        for turn in itertools.count():
            if made >= wanted:
                return
            when = at + 60 * turn
            if kind == "team":
                runs = self.prose.team_turn(session_id, component, user, when)
            elif kind == "workflow":
                runs = [self.prose.workflow_run(session_id, component, user, when)]
                made += 3
            else:
                runs = [self.prose.agent_run(session_id, component, user, when, answer=size)]
            made += len(runs)
            yield from runs

    def _count(self, user: str | None, component: str, runs: list[Made]) -> None:
        self.said["runs"] += len(runs)
        self.said["bytes"] += sum(len(run.json) for run in runs)
        self.said["common"] += sum(COMMON in run.json for run in runs)
        self.components[component] += 1
        if user:
            self.users[user] += 1

    def _row(self, number: int, session_id: str, kind: str, component: str, user: str | None, runs: list[Made]) -> Row:
        """Return the columns of a session but its list of runs; what is JSON as an object."""
        dice, hidden = self.dice, self.needles.in_session(number)
        state: dict[str, Any] = {"stage": dice.choice(("new", "offer", "paid")), "budget": dice.randrange(5_000)}
        data: dict[str, Any] = {"session_state": state | ({"note": hidden["state"]} if "state" in hidden else {})}
        data["session_metrics"] = {"total_tokens": sum(run.tokens for run in runs)}
        if "name" in hidden or dice.random() < 0.3:
            data["session_name"] = hidden.get("name") or self.prose.words(4).capitalize()
        told = kind != "workflow" and ("summary" in hidden or dice.random() < 0.25)
        summary = hidden.get("summary") or json.loads(f'"{self.prose.text(150)}"')
        metadata = {"tenant": dice.choice(_TENANTS), "tier": dice.randrange(4)}
        began = runs[0].created_at
        return dict.fromkeys(_SESSION) | {
            "session_id": session_id, "session_type": kind, f"{kind}_id": component, "user_id": user,
            "session_data": data, f"{kind}_data": data_of(kind, component, dice.choice(MODELS)),
            "metadata": metadata | ({"note": hidden["metadata"]} if "metadata" in hidden else {}),
            "summary": {"summary": summary, "topics": dice.sample(_TOPICS, 2)} if told else "null",
            "created_at": began, "updated_at": runs[-1].created_at + 5,
        }  # fmt: skip

    def manifest(self) -> dict[str, Any]:
        """Return what was made so far."""
        [(user, of_user)], [(component, of_component)] = self.users.most_common(1), self.components.most_common(1)
        return {
            "sessions": self.plan.sessions,
            "runs": self.said["runs"],
            "run_bytes": self.said["bytes"],
            "common": {"query": COMMON, "runs": self.said["common"]},
            "monster": self.monster,
            "user": {"id": user, "sessions": of_user},
            "component": {"id": component, "sessions": of_component},
            "needles": self.needles.as_data(),
        }


class Place(Protocol):
    """A database with Agno's tables, to be filled."""

    def write(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""

    def finish(self) -> None:
        """Make it as a database is that has been in use for a while, and close it."""


class File:
    """A file of SQLite."""

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("BEGIN")

    def write(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def finish(self) -> None:
        """Write everything and measure the indexes."""
        self._connection.execute("COMMIT")
        self._connection.execute("ANALYZE")
        self._connection.close()


class Server:
    """A database of PostgreSQL. Its indexes are made when the rows are there, and nobody checks their foreign keys."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute("SET synchronous_commit = off")
        found = self._connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'ai' AND indexdef NOT LIKE '%UNIQUE%'"
        ).fetchall()
        for name, _ in found:
            self._connection.execute(f'DROP INDEX ai."{name}"'.encode())
        self._indexes = [definition for _, definition in found]

    def write(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""
        statement = f"COPY ai.{table} ({', '.join(columns)}) FROM STDIN".encode()
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        """Make the indexes, and measure everything."""
        for definition in self._indexes:
            self._connection.execute(definition.encode())
        self._connection.execute("VACUUM ANALYZE")
        self._connection.close()


def create_tables(url: str, layout: str) -> None:
    """Make Agno 3's tables, or turn them into those of Agno 2. Django must be set up."""
    from agentos.db.connections import connection_for
    from agentos.db.schema import create_tables
    from agentos.db.sources import use_sources

    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch(exist_ok=False)
    with use_sources(f"bench={url}") as [source]:
        connection = connection_for(source)
        create_tables(connection, source, NEWEST)
        with connection.cursor() as cursor:
            schema, kind = ("", "JSON") if source.vendor == "sqlite" else ("ai.", "JSONB")
            if layout == "list":
                cursor.execute(f"DROP TABLE {schema}agno_runs")
                cursor.execute(f"ALTER TABLE {schema}agno_sessions ADD COLUMN runs {kind}")
                cursor.execute(f"DELETE FROM {schema}agno_schema_versions WHERE table_name = 'agno_runs'")
                cursor.execute(f"UPDATE {schema}agno_schema_versions SET version = '2.5.6'")
            elif source.vendor == "sqlite":
                cursor.execute("PRAGMA journal_mode = WAL")


def fill(url: str, plan: Plan) -> dict[str, Any]:
    """Make the tables in an empty database and write the sessions; return the manifest. Django must be set up."""
    create_tables(url, plan.layout)
    place: Place = File(url) if url.startswith("sqlite") else Server(url)
    maker, is_list = Maker(plan), plan.layout == "list"
    twice = is_list and isinstance(place, File)
    columns = (*_SESSION, "runs") if is_list else _SESSION
    sessions = maker.sessions()
    while batch := list(itertools.islice(sessions, _AT_ONCE)):
        place.write("agno_sessions", columns, [_stored(row, runs, columns, twice=twice) for row, runs in batch])
        if not is_list:
            place.write("agno_runs", _RUN, (_run_row(row, *each) for row, runs in batch for each in enumerate(runs)))
    place.finish()
    return maker.manifest()


def _stored(row: Row, runs: list[Made], columns: tuple[str, ...], *, twice: bool) -> tuple[Any, ...]:
    """Return a session's values as a database takes them. `twice`: JSON within JSON, as Agno 2 writes it to SQLite."""
    values = []
    for column in columns:
        value = f"[{', '.join(run.json for run in runs)}]" if column == "runs" else row[column]
        if column in _JSON and value not in (None, "null"):
            text = value if isinstance(value, str) else json.dumps(value)
            value = json.dumps(text) if twice else text
        values.append(value)
    return tuple(values)


def _run_row(row: Row, index: int, run: Made) -> tuple[Any, ...]:
    ids = [run.component if run.kind == kind else None for kind in ("agent", "team", "workflow")]
    about = (run.run_id, row["session_id"], run.kind, *ids, row["user_id"], run.parent, run.status)
    return (*about, index, run.json, run.created_at, run.created_at)


def filled(url: str, plan: Plan) -> dict[str, Any]:
    """Fill an empty database in a process of its own, so that this one stays small; return the manifest."""
    program = [sys.executable, str(Path(__file__).resolve()), url, *plan.arguments()]
    said = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
    manifest: dict[str, Any] = json.loads(said.stdout)
    return manifest


def set_up(own: str = "") -> None:
    """Set Django up from the checkout this file is in. `own`: the URL of our own database, unless it is set."""
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentos.settings")
    if own:
        os.environ["DATABASE_URL"] = own
    django.setup()


def main() -> None:
    """Read the arguments, fill the database, print the manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="sqlite:////path/to/a/new/file or postgresql://…, an empty database")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=2000, help="runs of the one long session, 0 for none")
    parser.add_argument("--layout", choices=LAYOUTS, default="table", help="of Agno 3, or of Agno 2")
    parser.add_argument("--thin", action="store_true", help="runs of 1 kB")
    parser.add_argument("--catalog-only", action="store_true", help="fill our own catalog instead of a source")
    given = parser.parse_args()
    if given.catalog_only:
        from catalog_rows import fill_catalog

        set_up(given.url)
        print(json.dumps(fill_catalog(given.sessions, given.runs)))
        return
    set_up()
    plan = Plan(given.sessions, given.runs, given.monster, given.layout, given.thin)
    print(json.dumps(fill(given.url, plan), ensure_ascii=False))


if __name__ == "__main__":
    main()
