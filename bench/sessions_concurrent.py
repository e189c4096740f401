"""Lets many processes continue sessions at once, through our agents and through Agno's, and counts what is stored.

    python bench/sessions_concurrent.py [--writers 8] [--turns 200] [--only AgentOS] [--on sqlite] [--lists]

So many processes continue one session, and as many others each one of its own, on SQLite and on PostgreSQL; with
--lists also in databases of Agno 2's, where runs are a list in the session's row. What is then stored is read with
plain SQL. Prints a Markdown table; the exit status is 1 if our own runtime lost anything.
"""

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sides import AGNO_2, AGNO_3, OURS, postgres, talkers

SHARED, USER, ANSWER, TOKENS = "shared", "alice", "ok", 10
HEAD = (
    "| side | database | runs are | turns | seconds | turns/s | median turn, ms | slowest, ms | failed | lost"
    " | stored twice | own order broken | run_index twice | gaps | tokens missing |"
)


@dataclass(frozen=True)
class Outcome:
    """What came of all turns of one side on one database; all from `failed` on should be nought.

    `failed`: turns of which their writer was told so; `lost`: turns that are not stored though nobody was told;
    `disordered`: turns that are stored behind a later one of the same writer; `doubled`, `gaps`: of run_index;
    `tokens`: by how much session_metrics miss the exact sum.
    """

    turns: int
    seconds: float
    median: float
    slowest: float
    failed: int
    lost: int
    twice: int
    disordered: int
    doubled: int
    gaps: int
    tokens: int
    problems: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every turn is there once, in order, and counted."""
        return not any((self.failed, self.lost, self.twice, self.disordered, self.doubled, self.gaps, self.tokens))

    def row(self, *of: str) -> str:
        """Return the line of the table."""
        speed = (self.turns, f"{self.seconds:.1f}", f"{self.turns / self.seconds:.0f}")
        times = (f"{self.median * 1000:.1f}", f"{self.slowest * 1000:.0f}")
        counts = (self.failed, self.lost, self.twice, self.disordered, self.doubled, self.gaps, self.tokens)
        return f"| {' | '.join(map(str, (*of, *speed, *times, *counts)))} |"


def job(url: str, writer: str, session_id: str, turns: int) -> dict[str, Any]:
    """Return the job of one writer: so many turns, each saying whose it is and its number."""
    messages = [f"{writer} {turn}" for turn in range(turns)]
    return {"url": url, "session_id": session_id, "user_id": USER, "answer": ANSWER, "messages": messages}


def talk(side: str, url: str, writers: int, turns: int, maker: str = "") -> Outcome:
    """Let `writers` processes continue one session, and as many others each its own; return what came of it.

    A first turn in the shared session makes the tables, so that the start is the same for everybody; `maker` says it,
    if it is another side.
    """
    jobs = [job(url, f"shared-{n}", SHARED, turns) for n in range(writers)]
    jobs += [job(url, f"own-{n}", f"own-{n}", turns) for n in range(writers)]
    first = job(url, "first", SHARED, 1)
    with talkers(maker or side) as [maker_of_tables]:
        done = {"first": maker_of_tables.do(first)}
    with talkers(*[side] * len(jobs)) as started:
        began = time.perf_counter()
        for talker, each in zip(started, jobs, strict=True):
            talker.send(each)
        done |= {writer(each): talker.answer() for talker, each in zip(started, jobs, strict=True)}
        seconds = time.perf_counter() - began
    return outcome(url, [first, *jobs], done, seconds)


def writer(of: dict[str, Any]) -> str:
    """Return whose job it is."""
    return str(of["messages"][0].split()[0])


def outcome(url: str, jobs: Sequence[dict[str, Any]], done: dict[str, list[Any]], seconds: float) -> Outcome:
    """Compare what is stored with what was said; `done` is what each writer was told of its turns."""
    runs, totals = stored(url)
    told = {m: turn["problem"] for each in jobs for m, turn in zip(each["messages"], done[writer(each)], strict=True)}
    expected = {(each["session_id"], message) for each in jobs for message in each["messages"]}
    found = Counter((session_id, message) for session_id, _, message in runs)
    times = sorted(turn["turn"] for turns in done.values() for turn in turns)
    missing = expected - found.keys()
    by_session = {each["session_id"]: [run for run in runs if run[0] == each["session_id"]] for each in jobs}
    indexes = {session_id: [index for _, index, _ in of] for session_id, of in by_session.items()}
    wanted_tokens = Counter(session_id for session_id, message in expected if not told[message])
    return Outcome(
        turns=len(expected),
        seconds=seconds,
        median=statistics.median(times),
        slowest=times[-1],
        failed=sum(1 for problem in told.values() if problem),
        lost=sum(1 for _, message in missing if not told[message]),
        twice=sum(count - 1 for count in found.values()) + len(found.keys() - expected),
        disordered=sum(disorder(of) for of in by_session.values()),
        doubled=sum(len(of) - len(set(of)) for of in indexes.values()),
        gaps=sum(len(set(range(max(of, default=-1) + 1)) - set(of)) for of in indexes.values()),
        tokens=sum(abs(TOKENS * count - totals.get(id_, 0)) for id_, count in wanted_tokens.items()),
        problems=tuple(sorted({problem for problem in told.values() if problem}))[:3],
    )


def disorder(runs: Sequence[tuple[str, int, str]]) -> int:
    """Return how many runs of a session come, in its order, behind a later one of the same writer."""
    latest: dict[str, int] = {}
    broken = 0
    for _, _, message in runs:
        name, turn = message.split()
        broken += int(turn) < latest.get(name, -1)
        latest[name] = max(int(turn), latest.get(name, -1))
    return broken


def stored(url: str) -> tuple[list[tuple[str, int, str]], dict[str, int]]:
    """Return session, run_index (or place in the list) and message of each stored run, and each session's tokens."""
    sessions = rows_of(url, "SELECT * FROM {}agno_sessions")
    if any("runs" in session for session in sessions):
        lists = [(session["session_id"], decoded(session["runs"]) or []) for session in sessions]
        runs = [(session_id, place, run) for session_id, of in lists for place, run in enumerate(of)]
    else:
        rows = rows_of(url, "SELECT session_id, run_index, run_data FROM {}agno_runs ORDER BY 2, created_at, run_id")
        runs = [(row["session_id"], row["run_index"], decoded(row["run_data"])) for row in rows]
    data = {session["session_id"]: decoded(session["session_data"]) or {} for session in sessions}
    totals = {id_: (each.get("session_metrics") or {}).get("total_tokens", 0) for id_, each in data.items()}
    return [(session_id, place, run["input"]["input_content"]) for session_id, place, run in runs], totals


def rows_of(url: str, sql: str) -> list[dict[str, Any]]:
    """Return rows by column; {} in the SQL is the schema."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return fetched(connection.execute(sql.format("")))
    import psycopg

    with psycopg.connect(url) as server:
        return fetched(server.execute(sql.format("ai.").encode()))


def fetched(cursor: Any) -> list[dict[str, Any]]:
    """Return what a cursor has found."""
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def decoded(value: Any) -> Any:
    """Return JSON that may be text, once or, in Agno 2's files, twice."""
    while isinstance(value, str):
        value = json.loads(value)
    return value


def main() -> None:
    """Read the arguments, let all sides talk, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=8, help="processes at one session, and as many at others")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--only", choices=[OURS, AGNO_3, AGNO_2])
    parser.add_argument("--on", choices=["sqlite", "postgresql"])
    parser.add_argument("--lists", action="store_true", help="also where runs are a list (Agno 2)")
    given = parser.parse_args()
    print(HEAD, "|---" * HEAD.count(" | ") + "|---|", sep="\n", flush=True)
    exact = True
    kinds = [("table", "", AGNO_3)] + ([("list", AGNO_2, AGNO_2)] if given.lists else [])
    sides = [(kind, maker, side) for kind, maker, agno in kinds for side in (OURS, agno) if given.only in (None, side)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for database in [given.on] if given.on else ["sqlite", "postgresql"]:
            server = stack.enter_context(postgres()) if database == "postgresql" else None
            for kind, maker, side in sides:
                url = server.database() if server else f"sqlite:///{folder}/{side.split()[0]}-{kind}.db"
                came = talk(side, url, given.writers, given.turns, maker)
                print(came.row(side, database, kind), flush=True)
                exact = exact and (came.is_exact or side != OURS)
                for problem in came.problems:
                    print(f"{side}, {database}, {kind}: {problem[:300]}", file=sys.stderr)
    sys.exit(0 if exact else 1)


if __name__ == "__main__":
    main()
