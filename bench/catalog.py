"""Measures how fast the catalog is filled from a source, what that costs in memory, and how fast lists read it.

    python bench/catalog.py [--sessions 2000] [--runs 10] [--monster 2000]

Everything is made in a temporary folder: a generated source and a database of our own (SQLite, or DATABASE_URL's,
which must be empty). The source is measured in a process of its own, so its peak memory is the catalog's alone.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from generate import create, set_up

# ru_maxrss is in bytes on macOS, in kilobytes elsewhere.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Fill, look again, list; print a line for each."""
    from django.core.management import call_command

    from agentos.catalog.models import CatalogRun, CatalogSession
    from agentos.catalog.sync import refresh_source
    from agentos.db.sources import use_sources

    source_file = folder / "source.db"
    if (pid := os.fork()) == 0:
        print(f"source: {create(source_file, given.sessions, given.runs, given.monster)} runs", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    print(f"source: {source_file.stat().st_size / 1e6:.0f} MB")
    call_command("migrate", verbosity=0)
    with use_sources(f"bench=sqlite:///{source_file}") as [source]:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        report = refresh_source(source)
        took = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        runs = CatalogRun.objects.count()
        print(f"fill:   {report.changed} sessions, {runs} runs in {took:.1f} s = {runs / took:.0f} runs/s")
        print(f"memory: {peak * _RSS_UNIT / 1e6:.0f} MB at most, {(peak - before) * _RSS_UNIT / 1e6:.0f} MB of it here")
        source_file.touch()
        print(f"again:  {timed(lambda: refresh_source(source), 1):.0f} ms to find that nothing changed")
        print(f"idle:   {timed(lambda: refresh_source(source)):.2f} ms while nobody writes")
    assert CatalogSession.objects.count() == given.sessions
    lists(CatalogSession.objects.all())


def lists(rows: Any) -> None:
    """Time the questions a list page asks."""
    from agentos.catalog.facets import counts
    from agentos.catalog.query.listing import ListQuery
    from agentos.catalog.query.tree import Words

    deep = None
    for _ in range(20):
        deep = rows.page("-updated", deep).next or deep
    for sort in ("-updated", "-tokens", "-cost", "title", "user"):
        print(f"list:   {timed(partial(rows.page, sort)):.1f} ms first page by {sort}")
    print(f"list:   {timed(lambda: rows.page('-updated', deep)):.1f} ms page 20 by -updated")
    print(f"list:   {timed(lambda: rows.filtered(ListQuery((Words('café'),))).page()):.1f} ms with a word")
    print(f"list:   {timed(lambda: counts(rows, ListQuery())):.1f} ms counts beside it")


def timed(work: Callable[[], Any], times: int = 9) -> float:
    """Return the median milliseconds of `work`."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=0, help="runs of the first session")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AGENTOS_DATA_DIR"] = folder
        set_up()
        measure(given, Path(folder))


if __name__ == "__main__":
    main()
