"""Measures what storing one turn costs in sessions of more and more runs, through our agents and through Agno's.

    python bench/append.py [--rounds 30] [--on postgresql]

A turn loads its session, reads the last three runs as history and stores its run of about 5 kB; the model answers at
once. Agno 3 has a table of runs, Agno 2 a list of runs in the session's row. Each makes the database itself, which is
then filled, and copied for either side. All sizes and sides take turns within each round, so that a busy machine slows
down all of them. Prints Markdown tables of medians and how they keep to the budget.
"""

import argparse
import json
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sides import AGNO_2, AGNO_3, OURS, Postgres, postgres, talkers

SIZES = (10, 100, 1000, 2000)
LAYOUTS = {"table": AGNO_3, "list": AGNO_2}
FLAT, FASTER = 1.2, 20.0
# What no program can do without: the statement that appends one run to a list. PostgreSQL packs all of it anew.
BARE, APPEND = "(the append alone)", "UPDATE ai.agno_sessions SET runs = runs || %s::jsonb WHERE session_id = %s"
# Made-up words: PostgreSQL compresses what repeats, and real text repeats little.
DICE = random.Random(7)
WORDS = ["".join(DICE.choices("etaoinshrdlucmfwypvbgkqjxz", k=DICE.randint(2, 9))) for _ in range(800)]

Times = dict[tuple[str, str, str, int], list[dict[str, float]]]


def text(characters: int) -> str:
    """Return about so much text."""
    return " ".join(DICE.choices(WORDS, k=characters // 6))


def job(url: str, session_id: str) -> dict[str, Any]:
    """Return the job of one turn."""
    return {"url": url, "session_id": session_id, "user_id": "alice", "answer": ANSWER, "messages": [text(450)]}


ANSWER = text(1450)


def session_name(size: int, turn: int) -> str:
    """Return the session of a turn: small ones are used once only, so that none grows by more than a tenth."""
    return f"runs-{size}-{turn // max(1, size // 10)}"


def varied(run: dict[str, Any], session_id: str) -> dict[str, Any]:
    """Return a copy of a stored run with other ids and other text."""
    asked, answered = text(450), text(1450)
    pairs = zip(run["messages"], (asked, answered), strict=True)
    said = [{**message, "id": new_id(), "content": what} for message, what in pairs]
    ids = {"run_id": new_id(), "session_id": session_id}
    return {**run, **ids, "input": {"input_content": asked}, "content": answered, "messages": said}


def new_id() -> str:
    """Return a uuid that the dice decide."""
    return str(uuid.UUID(int=DICE.getrandbits(128), version=4))


class Place:
    """A database that Agno made, to be filled: the differences of SQLite and PostgreSQL."""

    def __init__(self, connection: Any, prefix: str, mark: str) -> None:
        self._connection, self._prefix, self._mark = connection, prefix, mark

    def row(self, table: str) -> dict[str, Any]:
        """Return the only row of a table."""
        cursor = self._connection.execute(f"SELECT * FROM {self._prefix}{table}")
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Insert a row; lists and objects become JSON."""
        marks = ", ".join([self._mark] * len(row))
        values = [json.dumps(value) if isinstance(value, dict | list) else value for value in row.values()]
        self._connection.execute(f"INSERT INTO {self._prefix}{table} ({', '.join(row)}) VALUES ({marks})", values)


def fill(place: Place, rounds: int) -> int:
    """Put sessions of every size beside the one that is there, made of its run; return the bytes of a run."""
    session, size_of_run = place.row("agno_sessions"), 0
    is_list = "runs" in session
    row = {} if is_list else place.row("agno_runs")
    run = decoded(session["runs"])[0] if is_list else decoded(row["run_data"])
    for size in SIZES:
        for name in sorted({session_name(size, turn) for turn in range(rounds)}):
            runs = [varied(run, name) for _ in range(size)]
            size_of_run = len(json.dumps(runs[0]))
            # On SQLite, Agno 2 encodes twice.
            listed = json.dumps(json.dumps(runs)) if isinstance(session.get("runs"), str) else runs
            place.insert("agno_sessions", {**session, "session_id": name} | ({"runs": listed} if is_list else {}))
            for index, each in enumerate([] if is_list else runs):
                own = {"run_id": each["run_id"], "session_id": name, "run_index": index, "run_data": each}
                place.insert("agno_runs", {**row, **own})
    return size_of_run


def decoded(value: Any) -> Any:
    """Return JSON that may be text, once or twice."""
    while isinstance(value, str):
        value = json.loads(value)
    return value


def make_files(folder: Path, layout: str, rounds: int) -> Callable[[str], str]:
    """Make and fill a SQLite file; return what copies it for a side and gives the URL."""
    file = folder / f"{layout}.db"
    make(LAYOUTS[layout], f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        with connection:
            said(f"SQLite, {layout}", fill(Place(connection, "", "?"), rounds))
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy(side: str) -> str:
        return f"sqlite:///{shutil.copy(file, folder / f'{layout}-{side.split()[0]}.db')}"

    return copy


def make_databases(server: Postgres, layout: str, rounds: int) -> Callable[[str], str]:
    """Make and fill a database of PostgreSQL; return what copies it for a side and gives the URL."""
    import psycopg

    url = server.database()
    make(LAYOUTS[layout], url)
    with psycopg.connect(url) as connection:
        said(f"PostgreSQL, {layout}", fill(Place(connection, "ai.", "%s"), rounds))

    def copy(side: str) -> str:
        copied = server.database(template=url)
        with psycopg.connect(copied, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        return copied

    return copy


def make(side: str, url: str) -> None:
    """Let Agno make its tables and store one turn."""
    with talkers(side) as [talker]:
        check(talker.do(job(url, "first")))


def said(what: str, size: int) -> None:
    """Say how large a run is."""
    print(f"{what}: a run has {size} bytes", file=sys.stderr, flush=True)


def check(done: list[dict[str, Any]]) -> dict[str, float]:
    """Return the times of the one turn.

    Raises:
        RuntimeError: it failed.
    """
    [turn] = done
    if turn.pop("problem"):
        raise RuntimeError("A turn failed")
    return turn


def measure(database: str, copy: dict[str, Callable[[str], str]], rounds: int, times: Times) -> None:
    """Let both sides take turns on their copies of both layouts."""
    pairs = [(layout, side) for layout, agno in LAYOUTS.items() for side in (OURS, agno)]
    with talkers(*[side for _, side in pairs]) as started:
        placed = [(layout, each, copy[layout](side)) for (layout, side), each in zip(pairs, started, strict=True)]
        for _, talker, url in placed:
            check(talker.do(job(url, "first")))
        for turn in range(rounds):
            for size in SIZES:
                for layout, talker, url in placed:
                    took = check(talker.do(job(url, session_name(size, turn))))
                    times[database, layout, talker.side, size].append(took)


def measure_append(url: str, rounds: int, times: Times) -> None:
    """Time the append alone, of a run that is stored in the session."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for turn in range(rounds):
            for size in SIZES:
                name = session_name(size, turn)
                last = "SELECT jsonb_build_array(runs -> -1)::text FROM ai.agno_sessions WHERE session_id = %s"
                [run] = connection.execute(last, [name]).fetchone() or [""]
                began = time.perf_counter()
                connection.execute(APPEND, [run, name])
                took = time.perf_counter() - began
                times["PostgreSQL", "list", BARE, size].append({"store": took, "turn": took})


def table(times: Times, what: str) -> Iterator[str]:
    """Yield the lines of a table of medians, in milliseconds, of "store" or "turn"."""
    sizes = " | ".join(f"K = {size}" for size in SIZES)
    yield f"| database | runs are | side | {sizes} | K = {SIZES[-1]} : K = {SIZES[0]} |"
    yield "|---|---|---|" + "---|" * (len(SIZES) + 1)
    for database, layout, side, size in times:
        if size == SIZES[0]:
            found = [median(times, database, layout, side, each, what) for each in SIZES]
            cells = " | ".join(f"{milliseconds:.2f}" for milliseconds in found)
            yield f"| {database} | {layout} | {side} | {cells} | {found[-1] / found[0]:.2f} |"


def median(times: Times, database: str, layout: str, side: str, size: int, what: str) -> float:
    """Return the median milliseconds of "store" or "turn"."""
    return 1000 * statistics.median(each[what] for each in times[database, layout, side, size])


def verdicts(times: Times) -> Iterator[tuple[bool, str]]:
    """Yield whether each line of the budget is kept, and a sentence with the figure."""
    for database in dict.fromkeys(key[0] for key in times):
        small, large = (median(times, database, "table", OURS, size, "store") for size in (SIZES[0], SIZES[-1]))
        yield large <= FLAT * small, f"{database}, table: {large / small:.2f} × from K = 10 to 2000, at most {FLAT}"
        if database == "PostgreSQL":
            ours, theirs, bare = (median(times, database, "list", side, 1000, "store") for side in (OURS, AGNO_2, BARE))
            figures = f"{theirs / ours:.1f} × as fast at K = 1000, the append alone {theirs / bare:.1f} ×"
            yield theirs >= FASTER * ours, f"{database}, list: {figures}, at least {FASTER:g}"


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--on", choices=["SQLite", "PostgreSQL"])
    given = parser.parse_args()
    times: Times = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for database in [given.on] if given.on else ["SQLite", "PostgreSQL"]:
            if database == "SQLite":
                copy = {layout: make_files(Path(folder), layout, given.rounds) for layout in LAYOUTS}
            else:
                server = stack.enter_context(postgres())
                copy = {layout: make_databases(server, layout, given.rounds) for layout in LAYOUTS}
            measure(database, copy, given.rounds, times)
            if database == "PostgreSQL":
                measure_append(copy["list"](BARE), given.rounds, times)
    for what, title in (("store", "In the database's methods, ms"), ("turn", "The whole turn, ms")):
        print(f"\n{title}\n", *table(times, what), sep="\n")
    print()
    for kept, sentence in verdicts(times):
        print(f"{'kept  ' if kept else 'MISSED'} {sentence}")


if __name__ == "__main__":
    main()
