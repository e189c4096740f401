"""Deletes very many sessions by jobs while others browse: progress, a stop half-way, going on, exact reports.

    python bench/bulk_delete.py [--sessions 100000] [--write]

Our catalog is filled by SQL, with a text of each run and a note and a tag over one session in fifty, and Agno's tables
with the same sessions and runs, on PostgreSQL. One uvicorn process makes the pages and carries the jobs out. Somebody
asks for pages all the time: before each job while nothing else happens, as a list of nothing but deleted sessions takes
its own time, and during it. Then what is left in every table is counted and compared with the reports.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lists import shown
from load import Server, Times, ask
from scale import ROOT, Plan, set_up
from serving import SOURCE, Place, environment, marked, ours, place, program, write_table

PAGE: Final = ROOT / "docs" / "benchmarks.md"
SLOWER: Final = 2.0
BEFORE: Final = "nothing happens yet"
PATHS: Final = ("/sessions/", "/sessions/?q=type:team", "/sessions/?sort=-tokens")
_QUIET_SECONDS: Final = 10.0
_TOKEN: Final = "a" * 32
_TEXTS: Final = """
    INSERT INTO catalog_catalogtext (session_id, run_id, parts, body, cut, created_at, words)
    SELECT session_id, id, '[]', content_preview, false, coalesce(created_at, 0),
        to_tsvector('simple', content_preview || ' ' || input_preview) FROM catalog_catalogrun"""


def prepared(where: Place, plan: Plan) -> tuple[dict[str, str], dict[str, Any]]:
    """Fill our catalog and Agno's tables with the same; return the environment, and who asks."""
    own, source = where.database("own"), where.database("source")
    env = environment(where, own, f"sqlite:///{where.folder}/none.db")
    program(env, "bench/scale.py", own, "--catalog-only", *plan.arguments())
    program(env, "bench/peer_rows.py", own, source)
    env = environment(where, own, source)
    return env, json.loads(program(env, "bench/bulk_delete.py", "--prepare"))


def prepare() -> None:
    """Within our server's environment: follow the source, add texts and notes, sign in; print what to ask with."""
    set_up()
    from django.contrib.auth.models import User
    from django.db import connection
    from serving import sign_in

    from agentos.catalog.models import CatalogSession
    from agentos.db.reader import Reader
    from agentos.db.sources import get_source

    headers = sign_in()
    reader, after, marks = Reader(get_source(SOURCE)), None, []
    while stamps := reader.stamps(after, 5_000):
        marks += [(stamp.session_id, stamp.mark) for stamp in stamps]
        after = stamps[-1].session_id
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE marks (session_key text PRIMARY KEY, mark text)")
        with cursor.copy("COPY marks (session_key, mark) FROM STDIN") as copy:
            for row in marks:
                copy.write_row(row)
        cursor.execute("ANALYZE marks")
        cursor.execute(
            "UPDATE catalog_catalogsession AS one SET mark = marks.mark FROM marks"
            " WHERE marks.session_key = one.session_key"
        )
        cursor.execute(_TEXTS)
    user = User.objects.get(username="bench")
    _noted(CatalogSession.objects.order_by("pk"), user)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(json.dumps({"headers": headers}))


def _noted(rows: Any, user: Any) -> None:
    """Put a note and a tag over every fiftieth session."""
    from agentos.catalog import marks
    from agentos.moderation.models import Note, Subject, Tag

    some = list(rows.values_list("session_id", "session_key"))[::50]
    subjects = Subject.objects.bulk_create(
        Subject(source=SOURCE, session_id=session_id, session_key=key) for session_id, key in some
    )
    Note.objects.bulk_create(Note(subject=one, text="a note", by=user, actor="bench") for one in subjects)
    Tag.objects.bulk_create(Tag(subject=one, name="seen", by=user, actor="bench") for one in subjects)
    marks.refresh(SOURCE, [key for _, key in some])


class Browsing:
    """Somebody who asks for pages, one after the other, as long as the block lasts."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.times = Times()
        self._goes_on = True
        self._thread = Thread(target=self._ask)

    def __enter__(self) -> Times:
        """Begin; return the times, which grow."""
        self._thread.start()
        return self.times

    def __exit__(self, *_: object) -> None:
        """End."""
        self._goes_on = False
        self._thread.join()

    def _ask(self) -> None:
        while self._goes_on:
            for path in PATHS:
                ask(self.server, [path], self.times, most=5, seconds=1.0)


class Jobs:
    """Jobs as a program asks for them over HTTP."""

    def __init__(self, server: Server) -> None:
        import httpx2

        headers = dict(one.split(": ", 1) for one in server.headers) | {"X-CSRFToken": _TOKEN}
        headers["Cookie"] += f"; csrftoken={_TOKEN}"
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=300)
        self._client.headers["Accept"] = "application/json"

    def post(self, path: str, **form: str) -> dict[str, Any]:
        """Send a form, as the page does."""
        answer = self._client.post(path, data=form)
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()["job"]
        return found

    def get(self, job: dict[str, Any]) -> dict[str, Any]:
        """Look at a job."""
        found: dict[str, Any] = self._client.get(f"/jobs/{job['id']}/").json()["job"]
        return found

    def until(self, job: dict[str, Any], done: int) -> dict[str, Any]:
        """Look at a job each half second until so many sessions have come to an end, or it is over."""
        while True:
            now = self.get(job)
            if now["total"] - now["left"] >= done or now["status"] not in ("queued", "running"):
                return now
            time.sleep(0.5)


def calm(server: Server) -> Times:
    """Ask for pages while nothing else happens."""
    times = Times()
    for path in PATHS:
        ask(server, [path], Times(), most=3)
        ask(server, [path], times, most=10_000, seconds=_QUIET_SECONDS / len(PATHS))
    return times


def deleted(server: Server, sessions: int) -> Iterator[tuple[str, float, Times, dict[str, Any]]]:
    """Delete all by a job that is stopped half-way and goes on, then for good; yield what each part took."""
    jobs = Jobs(server)
    for act, query in (("delete", ""), ("erase", "is:deleted type:workflow")):
        yield f"{act}: {BEFORE}", _QUIET_SECONDS, calm(server), {"done": 0, "left": 0, "total": 0, "status": ""}
        began = time.perf_counter()
        job = jobs.post("/jobs/new/", act=act, all="1", q=query)
        yield f"{act}: the list is frozen", time.perf_counter() - began, Times(), job
        with Browsing(server) as times:
            began = time.perf_counter()
            jobs.post(f"/jobs/{job['id']}/", act="start", reason="for a benchmark", typed=str(job["total"]))
            if act == "delete":
                jobs.until(job, sessions // 2)
                jobs.post(f"/jobs/{job['id']}/", act="stop")
                half = jobs.until(job, sessions)
                yield "delete: stopped half-way", time.perf_counter() - began, Times(), half
                jobs.post(f"/jobs/{job['id']}/", act="resume")
            over = jobs.until(job, job["total"])
            took = time.perf_counter() - began
        yield f"{act}: over", took, times, over


def left(env: dict[str, str]) -> dict[str, int]:
    """Return the rows that are left in the tables that hold something of sessions."""
    found: dict[str, int] = json.loads(program(env, "bench/bulk_delete.py", "--count"))
    return found


def count() -> None:
    """Within our server's environment: print the rows of tables that hold something of sessions."""
    set_up()
    from django.db import connection

    from agentos.audit.models import Entry
    from agentos.db.connections import connection_for
    from agentos.db.sources import get_source

    ours_ = ("catalog_catalogsession", "catalog_catalogrun", "catalog_catalogterm", "catalog_catalogtext",
             "moderation_subject", "moderation_note", "moderation_tag", "moderation_measure")  # fmt: skip
    found = {}
    theirs = connection_for(get_source(SOURCE))
    for using, tables in ((connection, ours_), (theirs, ("ai.agno_sessions", "ai.agno_runs"))):
        with using.cursor() as cursor:
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM {table}")
                found[table] = cursor.fetchone()[0]
    for act in ("session.deleted", "session.erased"):
        found[f"audit {act}"] = Entry.objects.filter(act=act).count()
    print(json.dumps(found))


def report(parts: list[Any], before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Return what was found as lines of Markdown."""
    sessions, runs = before["ai.agno_sessions"], before["ai.agno_runs"]
    lines = [
        f"PostgreSQL, {sessions:,} sessions, {runs:,} runs.",
        "",
        "| part | seconds | sessions/s | done | left | others' p50, ms | p95, ms | × | p95 × |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    slow = []
    quiet = 1.0, 1.0
    for name, took, times, job in parts:
        p50, p95 = times.percentile(0.5), times.percentile(0.95)
        quiet = (p50, p95) if name.endswith(BEFORE) else quiet
        over = job["total"] - job["left"]
        rate = f"{over / took:,.0f}" if over else ""
        of = [shown(p50), shown(p95), shown(p50 / quiet[0]), shown(p95 / quiet[1])] if times.each else ["", "", "", ""]
        lines.append(f"| {name} | {took:.1f} | {rate} | {job['done']:,} | {job['left']:,} | {' | '.join(of)} |")
        slow += [p50 / quiet[0]] if times.each else []
    last = parts[-1][3]
    told = {name: last["sums"].get(name, 0) for name in ("sessions", "runs", "notes")}
    gone = {name: before[name] - after[name] for name in before}
    exact = (
        gone["ai.agno_sessions"] == gone["catalog_catalogsession"] == told["sessions"] == last["done"]
        and gone["ai.agno_runs"] == gone["catalog_catalogrun"] == told["runs"]
        and gone["moderation_note"] == told["notes"]
        and after["audit session.deleted"] == sessions
        and after["audit session.erased"] == last["done"]
    )
    kept = max(slow) <= SLOWER
    lines += [
        "",
        f"Reported to be gone for good: {told['sessions']:,} sessions, {told['runs']:,} runs, {told['notes']:,} notes;"
        f" gone from the tables: {gone['ai.agno_sessions']:,}, {gone['ai.agno_runs']:,}, {gone['moderation_note']:,}."
        f" On record: {after['audit session.deleted']:,} deleted, {after['audit session.erased']:,} for good."
        f" The report is {'exact' if exact else '**not exact**'}.",
        f"Others wait {max(slow):.1f} × as long, at most {SLOWER:g}: {'kept' if kept else '**missed**'}.",
    ]
    return lines


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1, help="runs of a session, on average")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.prepare or given.count:
        (prepare if given.prepare else count)()
        return
    if given.write:
        marked(PAGE, "bulk delete")
    with place("postgresql") as where:
        env, asked = prepared(where, Plan(given.sessions, given.runs, 0, "table", True))
        before = left(env)
        with ours(env, asked["headers"]) as server:
            parts = []
            for part in deleted(server, given.sessions):
                print(part[0], f"{part[1]:.1f} s", part[3]["status"], file=sys.stderr, flush=True)
                parts.append(part)
        lines = report(parts, before, left(env))
    print(*lines, sep="\n")
    if given.write:
        write_table(PAGE, "bulk delete", lines)


if __name__ == "__main__":
    main()
