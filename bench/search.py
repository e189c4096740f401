"""Measures searching all that was ever said, beside the bare query to the index of words, and looks for every needle.

    python bench/search.py [--on sqlite] [--layout list] [--sessions 10000] [--thin] [--write]

A source is filled by `scale.py`, and our catalog with its index of words made of it. Then a rare word, two words, a
phrase, a Chinese word and a common word are looked for: by SQL that asks the index for the newest 50 rows and nothing
else; by our search, which ranks, groups and makes snippets; and as pages, over HTTP, signed in. Every needle must be
found in its session, run and message, and nowhere else; otherwise the program ends with 1.
"""

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lists import PAGE, shown
from load import Server, Times, ask, fetch
from needles import Needle, needles_of
from scale import LAYOUTS, Plan, filled, set_up
from serving import environment, index, marked, ours, place, sign_in, write_table

TIMES_BARE, OVER_RARE, OVER_COMMON = 3.0, 50.0, 250.0
ASKED: Final = ("a rare word of a user", "two words", "a phrase", "Chinese")
# Either way the planner may be right: along the time to the first 50 hits, or all hits first, which are then sorted.
BARE: Final = {
    "postgresql": (
        "SELECT id FROM catalog_catalogtext WHERE words @@ %s::tsquery ORDER BY created_at DESC, id DESC LIMIT 50",
        """WITH hits AS MATERIALIZED (SELECT id, created_at FROM catalog_catalogtext WHERE words @@ %s::tsquery)
        SELECT id FROM hits ORDER BY created_at DESC, id DESC LIMIT 50""",
    ),
    "sqlite": ("SELECT rowid FROM catalog_words WHERE catalog_words MATCH %s ORDER BY rowid DESC LIMIT 50",),
}


def query_of(text: str) -> Any:
    """Return a text that somebody typed as a query."""
    from django.http import QueryDict

    from agentos.catalog.query.listing import ListQuery

    return ListQuery.from_url(QueryDict(urlencode({"q": text})))


def found_by(text: str) -> Any:
    """Return what our search finds, for somebody who may see everything."""
    from django.contrib.auth.models import User

    from agentos.catalog.models import CatalogSession
    from agentos.catalog.text.search import search

    return search(CatalogSession.objects.visible_to(User.objects.get(username="bench")), query_of(text))


def bare_ways(text: str) -> list[Callable[[], Any]]:
    """Return the ways in which bare SQL asks the index for the newest 50 rows of each word or phrase."""
    from django.db import connection

    from agentos.catalog.text.index import expression
    from agentos.catalog.text.matching import Lookups, positive

    asked = [expression(Lookups().asked(words)) for words in positive(query_of(text).node)]

    def way(statement: str) -> Callable[[], Any]:
        def run() -> None:
            with connection.cursor() as cursor:
                for one in asked:
                    cursor.execute(statement, [one])
                    cursor.fetchall()

        return run

    return [way(statement) for statement in BARE[connection.vendor]]


def milliseconds(work: Callable[[], Any], times: int) -> float:
    """Return the median milliseconds of some work, after one time that does not count."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def misplaced(needle: Needle) -> str:
    """Return what is wrong with what is found for a needle, "" when it is found where it was put and only there."""
    groups = found_by(needle.query).groups
    sessions = [group.session.session_id for group in groups]
    if sessions != [needle.session_id]:
        return f"found in {sessions or 'no session'} and not in {needle.session_id}"
    hits = [(hit.run.run_id if hit.run else None, hit.place) for hit in groups[0].hits]
    if needle.run_id is None:
        return "" if (None, None) in hits else f"found at {hits}, not in the session's own texts"
    # What a tool returned is shown with its call.
    wanted = {(needle.run_id, needle.message), (needle.run_id, (needle.message or 0) - (needle.where == "tool_result"))}
    return "" if wanted & set(hits) else f"found at {hits} and not at {wanted}"


@cache
def pages() -> tuple[str, ...]:
    """Return the pages that search, as far as there are any."""
    from django.urls import Resolver404, resolve

    found = []
    for path in ("/search/", "/sessions/"):
        try:
            resolve(path)
            found.append(path)
        except Resolver404:
            print(f"There is no page {path}.", file=sys.stderr)
    return tuple(found)


def asking(page: str, text: str) -> str:
    """Return the path of a page that looks for a text."""
    return f"{page}?{urlencode({'q': text})}"


def unlisted(server: Server, needle: Needle) -> str:
    """Return what is wrong with the pages about a needle, "" when each links to its session."""
    from agentos.catalog.keys import quote_id

    for page in pages():
        status, body = fetch(server, asking(page, needle.query))
        if status != 200 or f"/{quote_id(needle.session_id)}/" not in body:
            return f"{page} answers {status} without a link to {needle.session_id}"
    return ""


def table(server: Server, texts: dict[str, str], given: argparse.Namespace) -> Iterator[str]:
    """Measure; yield the lines of a table with p50 in milliseconds and the verdicts."""
    heads = " | ".join(f"{page} | p95" for page in pages())
    yield f"| p50, ms | bare index | our search | search : bare | {heads} | P7 |"
    yield "|---" * (5 + 2 * len(pages())) + "|"
    asked: dict[tuple[str, str], Times] = defaultdict(Times)
    for _ in range(given.rounds):
        for text in texts.values():
            for page in pages():
                ask(server, [asking(page, text)], asked[text, page], most=given.most)
    for name, text in texts.items():
        bare = min(milliseconds(way, given.most) for way in bare_ways(text))
        mine = milliseconds(lambda text=text: found_by(text), given.most)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        over = asked[text, pages()[0]].percentile(0.5) - bare
        allowed = OVER_COMMON if name == "a common word" else OVER_RARE
        kept = mine <= TIMES_BARE * bare or over <= allowed
        cells = [shown(asked[text, page].percentile(part)) for page in pages() for part in (0.5, 0.95)]
        verdict = "kept" if kept else f"**missed** ({shown(over)} ms over)"
        yield f"| {name} | {shown(bare)} | {shown(mine)} | {shown(mine / bare)} | {' | '.join(cells)} | {verdict} |"


def measured(given: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Fill, index, measure; return the lines of the report, and what is wrong with needles."""
    with place(given.on) as where:
        own, source = where.database("own"), where.database("source")
        plan = Plan(given.sessions, given.runs, given.monster, given.layout, given.thin)
        manifest, env = filled(source, plan), environment(where, own, source)
        os.environ.update(env)
        print(f"{plan.sessions} sessions, {manifest['runs']} runs; indexing", file=sys.stderr)
        index(env)
        set_up()
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        headers, needles = sign_in(), needles_of(manifest)
        texts = {one.name: one.query for one in needles if one.name in ASKED}
        texts["a common word"] = manifest["common"]["query"]
        with ours(env, headers) as server:
            wrong = [f"{one.name}: {said}" for one in needles if (said := misplaced(one) or unlisted(server, one))]
            lines = [f"{where.vendor}, runs in a {plan.layout}, {manifest['runs']:,} runs:", ""]
            lines += table(server, texts, given)
        lines += ["", f"{len(needles) - len(wrong)} of {len(needles)} needles were found where they are."]
        connection.close()
        return lines, wrong


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--layout", choices=LAYOUTS, default="table")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=2000, help="runs of the one long session")
    parser.add_argument("--thin", action="store_true", help="runs of 1 kB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=30, help="questions of a kind in a round")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    if given.write:
        marked(PAGE, f"search {given.on}")
    lines, wrong = measured(given)
    print(*lines, *wrong, sep="\n")
    if given.write:
        write_table(PAGE, f"search {given.on}", lines)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
