"""Measures how fast the catalog and its index of words are made of a source, beside the same index made by SQL alone.

    python bench/catalog.py [--on sqlite] [--layout list] [--sessions 10000] [--thin] [--write]

For each database and layout a source is filled by `scale.py`, with one session of 2,000 runs. In its own database SQL
takes the texts out of the JSON and indexes them: nothing could be faster. Then the source is followed as `manage.py
sync` does it, into an empty database of ours, in a process of its own and those that help it, whose peaks add up.
At last that process asks again, while nobody writes: statements on the source, on ours, and milliseconds.
"""

import argparse
import json
import resource
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lists import PAGE
from scale import LAYOUTS, Plan, filled, set_up
from serving import SOURCE, environment, marked, place, program, write_table

SHARE, MEMORY, IDLE = 0.5, 300.0, 2
# ru_maxrss is in bytes on macOS, in kilobytes elsewhere.
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
_AGAIN: Final = 9
_PATHS: Final = ("$.messages", "$.step_executor_runs[*].messages")
HEAD: Final = (
    "| database | runs are | runs | bare SQL, runs/s | ours, s | ours, runs/s | ours : bare | peak, MB "
    "| idle: statements on source + ours | ms | P8 |"
)


def bare_index(url: str, layout: str) -> float:
    """Let SQL alone make an index of what was said in all runs of a source; return the seconds. Leaves nothing."""
    if url.startswith("sqlite"):
        return _in_file(url.removeprefix("sqlite:///"), layout)
    return _in_server(url, layout)


def _in_server(url: str, layout: str) -> float:
    import psycopg

    said = " UNION ALL ".join(
        f"""SELECT jsonb_path_query(run, '{path}[*] ? (@.role != "system").content') AS text UNION ALL
            SELECT jsonb_path_query(run, '{path}[*].tool_calls[*].function.arguments')"""
        for path in _PATHS
    )
    runs = "SELECT run_data AS run FROM ai.agno_runs"
    if layout == "list":
        runs = "SELECT jsonb_array_elements(runs) AS run FROM ai.agno_sessions"
    body = f"SELECT string_agg(text #>> '{{}}', ' ') FROM ({said}) AS texts"
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.perf_counter()
        made = f"SELECT ({body}) AS body FROM ({runs}) AS each_run"
        made = f"SELECT body, to_tsvector('simple', body) AS words FROM ({made}) AS made"
        connection.execute(f"CREATE TABLE bench_words AS {made}".encode())
        connection.execute("CREATE INDEX bench_words_words ON bench_words USING gin (words)")
        took = time.perf_counter() - began
        connection.execute("DROP TABLE bench_words")
    return took


def _in_file(path: str, layout: str) -> float:
    runs = "SELECT run_data AS run FROM source.agno_runs"
    if layout == "list":  # JSON within JSON
        runs = """SELECT each_run.value AS run FROM source.agno_sessions,
            json_each(json_extract(runs, '$')) AS each_run"""
    content = "json_extract(message.value, '$.content')"
    said = " UNION ALL ".join(
        f"""SELECT {content} AS text FROM {tables} WHERE json_extract(message.value, '$.role') != 'system' UNION ALL
            SELECT json_extract(message.value, '$.tool_calls') FROM {tables}"""
        for tables in (
            "json_each(run, '$.messages') AS message",
            "json_each(run, '$.step_executor_runs') AS inner_run, json_each(inner_run.value, '$.messages') AS message",
        )
    )
    with closing(sqlite3.connect(f"{path}.words", isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS source", [path])
        connection.execute("PRAGMA synchronous = OFF")
        began = time.perf_counter()
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(body, content='')")
        body = f"SELECT group_concat(text, ' ') FROM ({said})"
        connection.execute(f"INSERT INTO words (rowid, body) SELECT row_number() OVER (), ({body}) FROM ({runs})")
        took = time.perf_counter() - began
    Path(f"{path}.words").unlink()
    return took


def followed() -> dict[str, Any]:
    """Follow the source of the environment into our empty database; return what that took. Runs in its own process."""
    set_up()
    from django.core.management import call_command
    from django.db import connections

    from agentos.catalog.apart import Apart, processes
    from agentos.catalog.models import CatalogRun
    from agentos.catalog.sync import refresh_source
    from agentos.db.sources import get_source

    call_command("migrate", verbosity=0)
    source = get_source(SOURCE)
    began = time.perf_counter()
    with closing(Apart(source, processes())) as apart:
        while not (report := refresh_source(source, budget=5.0, apart=apart)).done:
            assert not report.problem, report.problem
    took = time.perf_counter() - began
    own, others = (resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    # Of those that help, the largest is known.
    peak = (own + processes() * others) * _RSS_UNIT / 1e6
    refresh_source(source, budget=0.25)
    asked: dict[str, int] = {}
    taken = [_idle(source, asked) for _ in range(_AGAIN)]
    runs = CatalogRun.objects.filter(stored=True).count()
    connections.close_all()
    return {"runs": runs, "seconds": took, "peak": peak, "asked": asked, "idle": statistics.median(taken)}


def _idle(source: Any, asked: dict[str, int]) -> float:
    """Return the milliseconds in which nothing new is found in the source; `asked` gets the statements on each side."""
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    from agentos.catalog.sync import refresh_source

    began = time.perf_counter()
    refresh_source(source, budget=0.25)
    took = 1000 * (time.perf_counter() - began)
    with ExitStack() as stack:
        sides = {"source": connections[source.alias], "ours": connections["default"]}
        seen = {name: stack.enter_context(CaptureQueriesContext(one)) for name, one in sides.items()}
        refresh_source(source, budget=0.25)
    asked.update({name: len(queries) for name, queries in seen.items()})
    return took


def line(on: str, plan: Plan) -> tuple[str, list[str]]:
    """Measure one database and layout; return the line of the table, and what it misses."""
    with place(on) as where:
        source = where.database("source")
        manifest = filled(source, plan)
        bare = manifest["runs"] / bare_index(source, plan.layout)
        env = environment(where, where.database("own"), source)
        found = json.loads(program(env, str(Path(__file__).resolve()), "--follow").splitlines()[-1])
        assert found["runs"] == manifest["runs"], f"{found['runs']} of {manifest['runs']} runs were found"
        rate, asked, took = found["runs"] / found["seconds"], found["asked"], found["seconds"]
        checks = {
            f"{rate / bare:.2f} of the rate of SQL, at least {SHARE}": rate >= SHARE * bare,
            f"{found['peak']:.0f} MB, at most {MEMORY:.0f}": found["peak"] <= MEMORY,
            f"{asked['source']} statements on the source, at most {IDLE}": asked["source"] <= IDLE,
        }
        missed = [f"- Missed: {where.vendor}, {plan.layout}: {what}." for what, kept in checks.items() if not kept]
        cells = [
            where.vendor, plan.layout, f"{found['runs']:,}", f"{bare:,.0f}", f"{took:.1f}", f"{rate:,.0f}",
            f"{rate / bare:.2f}", f"{found['peak']:.0f}", f"{asked['source']} + {asked['ours']}",
            f"{found['idle']:.1f}", "**missed**" if missed else "kept",
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |", missed


def report(given: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the table, and then what misses the budget."""
    yield HEAD
    yield "|---" * HEAD.count(" | ") + "|---|"
    missed: list[str] = []
    for on in [given.on] if given.on else ["sqlite", "postgresql"]:
        for layout in [given.layout] if given.layout else LAYOUTS:
            plan = Plan(given.sessions, given.runs, given.monster, layout, given.thin)
            measured, misses = line(on, plan)
            print(measured, file=sys.stderr, flush=True)
            missed += misses
            yield measured
    yield ""
    yield from missed


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], help="both unless given")
    parser.add_argument("--layout", choices=LAYOUTS, help="both unless given")
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=2000, help="runs of the one long session")
    parser.add_argument("--thin", action="store_true", help="runs of 1 kB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--follow", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.follow:
        print(json.dumps(followed()))
        return
    if given.write:
        marked(PAGE, "catalog")
    lines = list(report(given))
    print(*lines, sep="\n")
    if given.write:
        write_table(PAGE, "catalog", lines)


if __name__ == "__main__":
    main()
