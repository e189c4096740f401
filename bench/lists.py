"""Measures the list of sessions beside Agno's own server and bare SQL, on the same data in one run.

    python bench/lists.py [--on sqlite] [--layout list] [--sessions 10000] [--write]
    python bench/lists.py --catalog-only --sessions 200000 1000000

A source is filled by `scale.py` and our catalog made of it. Asked are our pages as somebody sees them who is signed in
(HTML of 50 rows with facets and histogram, one uvicorn process, all middleware), Agno's AgentOS (JSON of 20 rows, one
uvicorn process of its own), and a bare Django view of 50 constant rows; by 1, 8 and 32 clients that ask again as soon
as they are answered. All sides take turns within each round. Then Markdown tables with the budgets P1, P2 and P4.

With `--catalog-only` our catalog is filled by SQL, without a source; pages over the first number of sessions are then
compared with those over the others (P3). `--beside` gives Agno's tables the same sessions and runs, which AgentOS then
lists. `--write` puts the tables into docs/benchmarks.md.
"""

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from load import Server, Times, ask
from scale import LAYOUTS, ROOT, Plan, filled
from serving import Place, agnos, bare, environment, index, marked, ours, place, program, write_table

PAGE: Final = ROOT / "docs" / "benchmarks.md"
CLIENTS: Final = (1, 8, 32)
QUICKER, BUSIER, ABOVE_BARE, STATEMENTS = 4.0, 5.0, 4.0, 12
SPREAD, QUICKER_DEEP, OF_TWO_CALLS = 1.25, 20.0, 2.0
HEAD: Final = "| what | clients | p50, ms | p95, ms | req/s | AgentOS p50 | p95 | req/s | theirs : ours | budget |"

Key = tuple[str, str, int]  # side, case, clients


@dataclass
class Stage:
    """A catalog to be asked: its size, environment, manifest, and what `asked.py` says of it."""

    sessions: int
    env: dict[str, str]
    manifest: dict[str, Any]
    asked: dict[str, Any]
    source: str = ""
    sides: list[Server] = field(default_factory=list)


def prepared(where: Place, plan: Plan, *, catalog_only: bool, beside: bool) -> Stage:
    """Fill a source and the catalog, or the catalog alone; `beside`: and then Agno's tables from it."""
    own, source = where.database(f"own{plan.sessions}"), f"sqlite:///{where.folder}/none{plan.sessions}.db"
    if catalog_only:
        env = environment(where, own, source)
        manifest = json.loads(program(env, "bench/scale.py", own, "--catalog-only", *plan.arguments()))
        source = where.database(f"peer{plan.sessions}") if beside else ""
        if beside:
            program(env, "bench/peer_rows.py", own, source)
            say("Agno's tables are filled")
    else:
        source = where.database(f"source{plan.sessions}")
        manifest, env = filled(source, plan), environment(where, own, source)
        say(f"{plan.sessions} sessions, {manifest['runs']} runs, {manifest['run_bytes'] / 1e6:.0f} MB; indexing")
        index(env)
    told = where.folder / f"manifest{plan.sessions}.json"
    told.write_text(json.dumps(manifest))
    asked = json.loads(program(env, "bench/asked.py", str(told)))
    return Stage(plan.sessions, env, manifest, asked, source)


def sides_of(stages: list[Stage], stack: ExitStack) -> None:
    """Start the servers of all stages; the first one's is called "ours", others by their size."""
    for number, stage in enumerate(stages):
        name = f"{stage.sessions:,} sessions" if number else "ours"
        stage.sides.append(stack.enter_context(ours(stage.env, stage.asked["headers"], name)))
    stages[0].sides.append(stack.enter_context(bare(stages[0].env)))
    if stages[0].source:
        stages[0].sides.append(stack.enter_context(agnos(stages[0].env, stages[0].source)))


def questions(stages: list[Stage]) -> Iterator[tuple[str, Server, list[str]]]:
    """Yield each question, case by case, all sides behind one another: the case, who is asked, the paths."""
    for number, case in enumerate(stages[0].asked["cases"]):
        for stage in stages:
            for side in stage.sides:
                mine = stage.asked["cases"][number]
                if side.name == "AgentOS":
                    paths = case["peer"]
                elif side.name == "bare template":
                    paths = ["/bare/"] if case["name"] == "page 1" else None
                else:
                    paths = mine["ours"]
                if paths:
                    yield case["name"], side, paths


def measure(stages: list[Stage], rounds: int, most: int, seconds: float) -> dict[Key, Times]:
    """Ask all questions in rounds; return the times by side, case and number of clients."""
    times: dict[Key, Times] = defaultdict(Times)
    for _, side, paths in questions(stages):
        ask(side, paths, Times(), most=3, seconds=seconds)  # the first answers of a server take longer
    for number in range(rounds):
        for clients in CLIENTS:
            for case, side, paths in questions(stages):
                ask(side, paths, times[side.name, case, clients], at_once=clients, most=most, seconds=seconds)
        say(f"round {number + 1} of {rounds}")
    return times


def table(stage: Stage, times: dict[Key, Times], missed: dict[str, list[str]]) -> Iterator[str]:
    """Yield the lines of the table of ours and Agno's; what misses a budget is added to `missed`."""
    yield HEAD
    yield "|---" * HEAD.count(" | ") + "|---|"
    for case in stage.asked["cases"]:
        for clients in CLIENTS:
            mine, theirs = (times.get((side, case["name"], clients), Times()) for side in ("ours", "AgentOS"))
            kept = list(verdicts(case, clients, times))
            for is_kept, figure, limit in kept:
                if not is_kept:
                    missed[f"{case['name']}: {{}} {limit}"].append(f"{figure} ({clients})")
            ratio = theirs.percentile(0.5) / mine.percentile(0.5)
            word = "" if not kept else "kept" if all(is_kept for is_kept, *_ in kept) else "**missed**"
            cells = [
                case["name"],
                str(clients),
                *figures(mine),
                *figures(theirs),
                shown(ratio),
                f"{case['budget']} {word}",
            ]
            yield f"| {' | '.join(cells)} |"


def figures(times: Times) -> list[str]:
    """Return what a table says of some answers."""
    failed = f" ({times.errors} failed)" if times.errors else ""
    return [shown(times.percentile(0.5)), shown(times.percentile(0.95)), shown(times.rate) + failed]


def shown(number: float) -> str:
    """Return a figure with as many places as say something; a dash when there is none."""
    return (
        "–"
        if math.isnan(number)
        else f"{number:.0f}"
        if number >= 100
        else f"{number:.1f}"
        if number >= 1
        else f"{number:.2f}"
    )


def verdicts(case: dict[str, Any], clients: int, times: dict[Key, Times]) -> Iterator[tuple[bool, str, str]]:
    """Yield whether each limit of a line's budget is kept, the figure, and the limit in words."""
    mine, theirs = (times.get((side, case["name"], clients), Times()) for side in ("ours", "AgentOS"))
    p50, has_peer = mine.percentile(0.5), bool(theirs.each)
    quicker, busier = theirs.percentile(0.5) / p50, mine.rate / theirs.rate
    if case["budget"] == "P1":
        above = p50 / times["bare template", case["name"], clients].percentile(0.5)
        yield above <= ABOVE_BARE, f"{above:.1f}", f"× the p50 of a bare view, at most {ABOVE_BARE:g}"
        if has_peer:
            yield quicker >= QUICKER, f"{quicker:.2f}", f"× as quick as AgentOS, at least {QUICKER:g}"
            yield busier >= BUSIER, f"{busier:.2f}", f"× its req/s, at least {BUSIER:g}"
    if case["budget"] == "P2":
        slower = p50 / times["ours", "page 1", clients].percentile(0.5)
        yield slower <= SPREAD, f"{slower:.2f}", f"× page 1's p50, at most {SPREAD}"
        if has_peer:
            yield quicker >= QUICKER_DEEP, f"{quicker:.2f}", f"× as quick as AgentOS, at least {QUICKER_DEEP:g}"
    if case["budget"] == "P4" and has_peer:
        yield 1 / quicker <= OF_TWO_CALLS, f"{1 / quicker:.2f}", f"× the p50 of its two calls, at most {OF_TWO_CALLS:g}"


def sizes(stages: list[Stage], times: dict[Key, Times]) -> Iterator[str]:
    """Yield the lines of the table that compares catalogs of several sizes (P3), at one client."""
    names = ["ours", *(stage.sides[0].name for stage in stages[1:])]
    heads = [f"{stage.sessions:,} sessions, {stage.manifest['runs']:,} runs" for stage in stages]
    yield f"| p50, ms | {' | '.join(heads)} | largest : smallest | P3 |"
    yield "|---" * (len(stages) + 3) + "|"
    for case in stages[0].asked["cases"]:
        found = [times[name, case["name"], 1].percentile(0.5) for name in names]
        ratio = found[-1] / found[0]
        cells = [case["name"], *map(shown, found), f"{ratio:.2f}", "kept" if ratio <= SPREAD else "**missed**"]
        yield f"| {' | '.join(cells)} |"


def report(stages: list[Stage], times: dict[Key, Times], where: Place, layout: str) -> list[str]:
    """Return everything that was found, as lines of Markdown."""
    first, missed = stages[0], defaultdict[str, list[str]](list)
    taken = first.asked["statements"]
    lines = [f"{where.vendor}, runs in a {layout}, {first.sessions:,} sessions, {first.manifest['runs']:,} runs:", ""]
    lines += [*table(first, times, missed), ""]
    if len(stages) > 1:
        lines += [*sizes(stages, times), ""]
    alone = times["bare template", "page 1", 1]
    figure = f"p50 {shown(alone.percentile(0.5))} ms, {shown(alone.rate)} req/s"
    lines.append(f"A bare Django view of 50 rows: {figure}. Page 1 takes {taken} statements.")
    lines.append(
        "Bare SQL: " + ", ".join(f"{name} {shown(took)} ms" for name, took in first.asked["floor"].items()) + "."
    )
    if taken > STATEMENTS:
        missed[f"page 1: {{}} statements, at most {STATEMENTS}"].append(str(taken))
    said = [f"- Missed: {sentence.format(', '.join(found))}." for sentence, found in missed.items()]
    return lines + (["", "In brackets the number of clients:", "", *said] if said else [])


def say(sentence: str) -> None:
    """Tell whoever waits."""
    print(sentence, file=sys.stderr, flush=True)


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--layout", choices=LAYOUTS, default="table")
    parser.add_argument("--sessions", type=int, nargs="+", default=[200_000])
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=2000, help="runs of the one long session")
    parser.add_argument("--thin", action="store_true", help="runs of 1 kB")
    parser.add_argument("--catalog-only", action="store_true", help="no source: our catalog by SQL, our pages alone")
    parser.add_argument("--beside", action="store_true", help="with --catalog-only: Agno's tables get the same")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=100, help="questions of a case in a round")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a case in a round, at most")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    given = parser.parse_args()
    if len(given.sessions) > 1 and not given.catalog_only:
        parser.error("several sizes are compared with --catalog-only")
    mark = "sizes" if given.catalog_only and not given.beside else f"lists {given.on} {given.layout}"
    if given.write:
        marked(PAGE, mark)
    with place(given.on) as where, ExitStack() as stack:
        plans = [Plan(many, given.runs, given.monster, given.layout, given.thin) for many in given.sessions]
        stages = [
            prepared(where, plan, catalog_only=given.catalog_only, beside=given.beside and not at)
            for at, plan in enumerate(plans)
        ]
        sides_of(stages, stack)
        lines = report(stages, measure(stages, given.rounds, given.most, given.seconds), where, given.layout)
    print(*lines, sep="\n")
    if given.write:
        write_table(PAGE, mark, lines)


if __name__ == "__main__":
    main()
