"""Measures the page of a session that stops other programs, beside Agno's own server, on the same data in one run.

    python bench/monsters.py [--on sqlite] [--layout list] [--write]

A source gets a typical session and the giants of `giants.py`. Asked are our page of each (signed in, all middleware,
one uvicorn process) and AgentOS's two calls for the same (the session, its runs). Then: how much more memory each
server holds, how long the list of sessions takes while four people open giants (P6), and what Chromium makes of each
view of our page: elements, heap, longest task. Markdown; `--write` puts it into docs/benchmarks.md (P4, P5, P6).
"""

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from giants import BEGAN, GIANTS
from load import Server, Times, ask, fetch
from scale import _RUN, _SESSION, LAYOUTS, ROOT, File, create_tables, set_up
from scale import Server as Filled
from serving import SOURCE, agnos, environment, index, marked, ours, place, program, sign_in, write_table

PAGE: Final = ROOT / "docs" / "benchmarks.md"
VIEWS: Final = ("conversation", "timeline", "log")
MOST_BYTES, MOST_ELEMENTS, MOST_MEMORY = 300_000, 5_000, 64
OF_TWO_CALLS, OF_TYPICAL, OF_TYPICAL_LIST, QUICKER, OTHERS = 0.5, 2.0, 10.0, 50.0, 1.5
Looked = tuple[str, str, dict[str, float]]
_OBSERVER: Final = """
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask", buffered: true });
"""


def fill(url: str, layout: str) -> None:
    """Write the giants into an empty database. Django must be set up."""
    create_tables(url, layout)
    where: Any = File(url) if url.startswith("sqlite") else Filled(url)
    columns = (*_SESSION, "runs") if layout == "list" else _SESSION
    for name, (_, runs) in GIANTS.items():
        kind = "team" if name == "members" else "agent"
        row: dict[str, Any] = dict.fromkeys(columns)
        row |= {"session_id": name, "session_type": kind, f"{kind}_id": "big", "session_data": "{}"}
        row |= {"created_at": BEGAN, "updated_at": BEGAN + len(name)}
        if layout == "list":
            row["runs"] = f"[{', '.join(json.dumps(run) for run in runs())}]"
            row["runs"] = json.dumps(row["runs"]) if url.startswith("sqlite") else row["runs"]
        where.write("agno_sessions", columns, [tuple(row[column] for column in columns)])
        if layout != "list":
            where.write("agno_runs", _RUN, (_row(name, at, run) for at, run in enumerate(runs())))
    where.finish()


def _row(session: str, at: int, run: dict[str, Any]) -> tuple[Any, ...]:
    kind = "team" if "team_id" in run else "agent"
    ids = (run.get("agent_id"), run.get("team_id"), None)
    about = (f"{session}-{run['run_id']}", session, kind, *ids, None, None, run["status"], at)
    return (*about, json.dumps(run | {"run_id": about[0]}), run["created_at"], run["created_at"])


def memory(server: Server) -> float:
    """Return how many MB the process of a server holds."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def opened(mine: Server, theirs: Server, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield for each session how long its page takes, AgentOS's calls, and what either server holds afterwards."""
    for name, (what, _) in GIANTS.items():
        kind = "team" if name == "members" else "agent"
        page, calls = (
            [f"/sessions/{SOURCE}/{name}/"],
            [f"/sessions/{name}?type={kind}", f"/sessions/{name}/runs?type={kind}"],
        )
        before = memory(mine), memory(theirs)
        own, peers = Times(), Times()
        for _ in range(rounds):
            ask(mine, page, own, most=20, seconds=2.0)
            ask(theirs, calls, peers, most=20, seconds=2.0)
        status, body = fetch(mine, page[0])
        assert status == 200, (name, status)
        yield {
            "name": name, "what": what, "ms": own.percentile(0.5), "peer": peers.percentile(0.5),
            "bytes": len(body.encode()), "more": memory(mine) - before[0], "peer_more": memory(theirs) - before[1],
        }  # fmt: skip


def others(server: Server, listed: str, giants: list[str]) -> tuple[float, float]:
    """Return the p50 in ms of a list, quiet and while four people open giants."""
    quiet, busy = Times(), Times()
    ask(server, [listed], quiet, most=60, seconds=4.0)
    stop = threading.Event()

    def opening() -> None:
        while not stop.is_set():
            ask(server, giants, Times(), most=1)

    people = [threading.Thread(target=opening, daemon=True) for _ in range(4)]
    for one in people:
        one.start()
    ask(server, [listed], busy, most=60, seconds=6.0)
    stop.set()
    for one in people:
        one.join()
    return quiet.percentile(0.5), busy.percentile(0.5)


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a headless Chromium."""
    sys.path.insert(0, str(ROOT))
    from playwright.sync_api import sync_playwright

    from tests.browser.find_chromium import find_chromium

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--js-flags=--expose-gc", "--enable-precise-memory-info"]
        )
        yield chromium
        chromium.close()


def looked_at(chromium: Any, server: Server) -> Iterator[Looked]:
    """Yield what Chromium makes of each view of each session: elements, MB of heap, ms of the longest task."""
    name, _, value = server.headers[0].partition(": ")[2].partition("=")
    for session in GIANTS:
        for view in VIEWS:
            context = chromium.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies([{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}])
            page = context.new_page()
            page.add_init_script(_OBSERVER)
            page.goto(f"http://127.0.0.1:{server.port}/sessions/{SOURCE}/{session}/?view={view}", wait_until="load")
            page.wait_for_timeout(300)
            yield (
                session,
                view,
                page.evaluate(
                    """() => { window.gc && window.gc(); return {
                  elements: document.getElementsByTagName("*").length,
                  heap: performance.memory.usedJSHeapSize / 1e6, longest: window.longest } }"""
                ),
            )
            context.close()


def in_time(found: list[dict[str, Any]], layout: str) -> Iterator[str]:
    """Yield the lines of the table of times, with what became of the budgets."""
    head = (
        "session",
        "p50, ms",
        ": typical",
        "HTML, kB",
        "more memory, MB",
        "AgentOS p50, ms",
        "more memory, MB",
        "theirs : ours",
        "budget",
    )
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    typical = found[0]["ms"]
    for one in found:
        own = (f"{one['ms']:.1f}", f"{one['ms'] / typical:.2f}", f"{one['bytes'] / 1000:.0f}", f"{one['more']:.0f}")
        peers = (f"{one['peer']:.1f}", f"{one['peer_more']:.0f}", f"{one['peer'] / one['ms']:.1f}")
        cells = (one["what"], *own, *peers, verdict(one, typical, layout))
        yield f"| {' | '.join(cells)} |"


def verdict(one: dict[str, Any], typical: float, layout: str) -> str:
    """Return whether a session's page keeps P4, if it is the typical one, or P5."""
    quicker = one["peer"] / one["ms"]
    if one["name"] == "typical":
        return f"P4 {kept(quicker >= OF_TWO_CALLS)}"
    allowed = OF_TYPICAL if layout == "table" else OF_TYPICAL_LIST
    is_kept = one["ms"] <= allowed * typical and one["bytes"] <= MOST_BYTES and one["more"] <= MOST_MEMORY
    return f"P5 {kept(is_kept)}" + (f", {QUICKER:.0f} × {kept(quicker >= QUICKER)}" if one["name"] == "runs" else "")


def kept(is_kept: bool) -> str:
    """Return the word for what became of a budget."""
    return "kept" if is_kept else "**missed**"


def in_chromium(seen: list[Looked]) -> Iterator[str]:
    """Yield the lines of the table of what Chromium made of the pages."""
    yield f"| session | {' | '.join(VIEWS)} |"
    yield "|---" * (len(VIEWS) + 1) + "|"
    for name, (what, _) in GIANTS.items():
        found = [one for session, _, one in seen if session == name]
        figures = (f"{one['elements']:,.0f} / {one['heap']:.1f} / {one['longest']:.0f}" for one in found)
        words = (kept(one["elements"] <= MOST_ELEMENTS) for one in found)
        cells = map(" ".join, zip(figures, words, strict=True))
        yield f"| {what} | {' | '.join(cells)} |"


def report(
    found: list[dict[str, Any]], seen: list[Looked], waits: dict[str, tuple[float, float]], place: str, layout: str
) -> list[str]:
    """Return the lines of all tables."""
    lines = [f"{place}, runs in a {layout}:", "", *in_time(found, layout), ""]
    lines += ["In Chromium (elements / MB of heap / longest task in ms, 0 for none over 50):", "", *in_chromium(seen)]
    for who, (quiet, busy) in waits.items():
        word = f", P6 {kept(busy <= OTHERS * quiet)}" if who == "ours" else ""
        said = f"{quiet:.1f} ms quiet, {busy:.1f} ms while four people open giants ({busy / quiet:.1f} ×{word})"
        lines += ["", f"The list of sessions, {who}: {said}."]
    return lines


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--layout", choices=LAYOUTS, default="table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--visitor", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.visitor:
        set_up()
        print(json.dumps(sign_in()))
        return
    mark = f"monsters {given.on} {given.layout}"
    if given.write:
        marked(PAGE, mark)
    set_up("sqlite:///:memory:")
    with place(given.on) as where, ExitStack() as stack:
        source = where.database("source")
        fill(source, given.layout)
        env = environment(where, where.database("own"), source)
        index(env)
        headers = tuple(json.loads(program(env, "bench/monsters.py", "--visitor")))
        mine = stack.enter_context(ours(env, headers))
        theirs = stack.enter_context(agnos(env, source))
        found = list(opened(mine, theirs, given.rounds))
        pages = [f"/sessions/{SOURCE}/{name}/" for name in GIANTS]
        calls = [f"/sessions/{name}/runs?type=agent" for name in ("runs", "messages", "huge")]
        waits = {
            "ours": others(mine, "/sessions/", pages),
            "AgentOS": others(theirs, "/sessions?limit=20", calls),
        }
        with browser() as chromium:
            seen = list(looked_at(chromium, mine))
        lines = report(found, seen, waits, where.vendor, given.layout)
    print(*lines, sep="\n")
    if given.write:
        write_table(PAGE, mark, lines)


if __name__ == "__main__":
    main()
