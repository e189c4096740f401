"""Writes a SQLite source in the table layout, as large as asked, with sessions of a kind that agents really leave.

    python bench/generate.py /tmp/bench.db --sessions 2000 --runs 10 [--monster 2000]

The same arguments give the same sessions. A run is 4 to 11 kB of JSON, as measured in real databases.
"""

import argparse
import os
import random
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORDS = (
    "invoice flight summary budget customer deploy weather contract night answer table search price error retry plan"
    " März 東京 review café draft margin score north window report"
).split()
TOOLS = ("search_web", "get_weather", "run_sql", "send_mail", "read_file")
AGENTS = tuple(f"agent-{at}" for at in range(24))
NEWEST = 1_790_000_000
DAYS = 90


def sentence(dice: random.Random, words: int) -> str:
    """Return so many words of text."""
    return " ".join(dice.choices(WORDS, k=words)).capitalize() + "."


def message(dice: random.Random, role: str, words: int, **more: Any) -> dict[str, Any]:
    """Return a message as Agno 3 stores it."""
    return {"id": new_id(dice), "content": sentence(dice, words), "role": role, "from_history": False, **more}


def new_id(dice: random.Random) -> str:
    """Return a uuid that the dice decide."""
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def make_run(dice: random.Random, session_id: str, agent_id: str, created_at: int) -> dict[str, Any]:
    """Return an agent run: a question, up to four tool calls with their results, an answer."""
    calls = [(new_id(dice), dice.choice(TOOLS), dice.random() < 0.06) for _ in range(dice.choice((0, 1, 1, 2, 4)))]
    messages = [message(dice, "system", 150), message(dice, "user", 25)]
    for call_id, name, failed in calls:
        request = {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"query": "x"}'}}
        messages.append({**message(dice, "assistant", 0), "content": None, "tool_calls": [request]})
        result = message(dice, "tool", 120, tool_call_id=call_id, tool_name=name, tool_call_error=failed)
        messages.append(result)
    messages.append(message(dice, "assistant", 180))
    spent, said = dice.randrange(500, 9000), dice.randrange(20, 900)
    return {
        "run_id": new_id(dice),
        "agent_id": agent_id,
        "agent_name": agent_id.replace("-", " ").title(),
        "session_id": session_id,
        "input": {"input_content": messages[1]["content"]},
        "content": messages[-1]["content"],
        "content_type": "str",
        "model": "gpt-5-mini",
        "model_provider": "OpenAI",
        "messages": messages,
        "tools": [
            {"tool_call_id": call_id, "tool_name": name, "tool_args": {"query": "x"}, "tool_call_error": failed,
             "result": sentence(dice, 60)}
            for call_id, name, failed in calls
        ],
        "metrics": {"input_tokens": spent, "output_tokens": said, "total_tokens": spent + said, "duration": 1.5},
        "status": "ERROR" if dice.random() < 0.04 else "COMPLETED",
        "created_at": created_at,
    }  # fmt: skip


def sessions(
    dice: random.Random, count: int, runs: int, monster: int
) -> Iterator[tuple[str, str, str | None, int, int]]:
    """Yield id, agent, user, time and number of runs of each session; the numbers have a heavy tail."""
    for at in range(count):
        user = None if dice.random() < 0.1 else f"user{int(dice.paretovariate(0.6)) % 500}@example.com"
        many = monster if monster and at == 0 else max(1, min(int(dice.expovariate(1 / runs)), runs * 12))
        yield new_id(dice), dice.choice(AGENTS), user, NEWEST - dice.randrange(DAYS * 86_400), many


def fill(path: Path, count: int, runs: int, monster: int) -> int:
    """Write the sessions into the tables of `path`; return how many runs that were."""
    from agentos.records import dumps

    dice, written = random.Random(7), 0
    with sqlite3.connect(path) as database:
        for session_id, agent_id, user, created_at, many in sessions(dice, count, runs, monster):
            data = dumps({"name": agent_id, "agent_id": agent_id, "model": {"id": "gpt-5-mini", "provider": "OpenAI"}})
            database.execute(
                "INSERT INTO agno_sessions (session_id, session_type, agent_id, user_id, session_data, agent_data,"
                " summary, metadata, created_at, updated_at) VALUES (?, 'agent', ?, ?, '{}', ?, 'null', 'null', ?, ?)",
                (session_id, agent_id, user, data, created_at, created_at + 60 * many),
            )
            for index in range(many):
                run = make_run(dice, session_id, agent_id, created_at + 60 * index)
                database.execute(
                    "INSERT INTO agno_runs (run_id, session_id, run_type, agent_id, user_id, status, run_index,"
                    " run_data, created_at, updated_at) VALUES (?, ?, 'agent', ?, ?, ?, ?, ?, ?, ?)",
                    (run["run_id"], session_id, agent_id, user, run["status"], index, dumps(run), run["created_at"],
                     run["created_at"]),
                )  # fmt: skip
            written += many
    database.close()
    return written


def create(path: Path, count: int, runs: int, monster: int = 0) -> int:
    """Make the file anew with Agno 3's tables and fill it; return the number of runs. Django must be set up."""
    from agentos.db.connections import connection_for
    from agentos.db.schema import create_tables
    from agentos.db.sources import use_sources

    path.unlink(missing_ok=True)
    path.touch()
    with use_sources(f"bench=sqlite:///{path}") as [source]:
        create_tables(connection_for(source), source, NEWEST)
    return fill(path, count, runs, monster)


def main() -> None:
    """Read the arguments, write the file, say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=10, help="runs of a session, on average")
    parser.add_argument("--monster", type=int, default=0, help="runs of the first session")
    given = parser.parse_args()
    set_up()
    written = create(given.path, given.sessions, given.runs, given.monster)
    print(f"{given.path}: {given.sessions} sessions, {written} runs, {given.path.stat().st_size / 1e6:.0f} MB")


def set_up() -> None:
    """Set Django up from the checkout this file is in."""
    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentos.settings")
    django.setup()


if __name__ == "__main__":
    main()
