"""Measures what our server adds to a model's answer on its way to the browser, beside others.

    python bench/streams.py [--on sqlite] [--write]

The model (`stamping.py`) sends words that say when they were sent. First one answer after the other, in turns by all
sides: the bare openai client, AgentOS, and our server (the turn is posted, its events are read as a browser reads
them). Then 200 open streams on one process: of 8 answers, which many people read, and of 200 answers, with one reader
each; how much memory the process holds, and how long the list of sessions takes meanwhile. Markdown; `--write` puts it
into docs/benchmarks.md (P10).
"""

import argparse
import asyncio
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from load import Server, Times, ask
from monsters import kept, memory
from scale import ROOT, set_up
from serving import SOURCE, _running, agnos, environment, free_port, index, marked, ours, place, program, write_table

PAGE: Final = ROOT / "docs" / "benchmarks.md"
FIRST, EACH, MEGABYTES, MEANWHILE = 30.0, 150.0, 1.0, 2.0
OPEN: Final = 200
ANSWERS: Final = 8  # AGENTOS_TURN_THREADS, unless it is set
ONE: Final = "wait 0.3, words 60, pace 20"
SHARED: Final = "wait 0.3, words 300, pace 20"
OWN: Final = "wait 0.3, words 75, pace 5"
_WORD: Final = re.compile(rb"t(\d{12,})")


@dataclass
class Heard:
    """What readers of answers met: seconds from question to first word, and from each word's sending to its arrival."""

    first: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    words: int = 0

    def take(self, asked: float, seen: set[bytes], data: bytes) -> None:
        """Take in a piece of a stream that arrived just now."""
        now = time.monotonic()
        new = set(_WORD.findall(data)) - seen
        if new and not seen:
            self.first.append(now - asked)
        seen |= new
        self.words += len(new)
        self.late += [now - int(word) / 1e9 for word in new]


def p(part: float, values: Sequence[float]) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


# --- each side answers once ---------------------------------------------------------------------------------------
async def request(server: Server, method: str, path: str, form: dict[str, str]) -> Any:
    """Send a request on a connection of its own; return its reader, behind the head, and its writer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    body = urlencode(form).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *server.headers]
    if form:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    if head.split()[1] not in (b"200", b"201"):
        raise RuntimeError(f"{path}: {head!r} {await reader.read(2000)!r}")
    return reader, writer


async def follow(server: Server, method: str, path: str, form: dict[str, str], asked: float, heard: Heard) -> None:
    """Read a stream to its end."""
    reader, writer = await request(server, method, path, form)
    seen: set[bytes] = set()
    while line := await reader.readline():
        heard.take(asked, seen, line)
    writer.close()


async def say(server: Server, session: str, how: str) -> str:
    """Post a message to our server; return the path of its turn's events."""
    form = {"message": how, "key": os.urandom(8).hex()}
    reader, writer = await request(server, "POST", f"/sessions/{SOURCE}/{session}/turns/", form)
    body = await reader.read()
    writer.close()
    found: str = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])["turn"]["events"]
    return found


async def from_us(server: Server, session: str, how: str, heard: Heard) -> None:
    """Ask our server, and read what it answers."""
    asked = time.monotonic()
    await follow(server, "GET", await say(server, session, how), {}, asked, heard)


async def from_agentos(server: Server, session: str, how: str, heard: Heard) -> None:
    """Ask AgentOS, and read what it answers."""
    form = {"message": how, "stream": "true", "session_id": f"peer {session}"}
    await follow(server, "POST", "/agents/agent-0/runs", form, time.monotonic(), heard)


def from_model(client: Any, how: str, heard: Heard) -> None:
    """Ask the model by the bare client."""
    asked, seen = time.monotonic(), set[bytes]()
    messages = [{"role": "user", "content": how}]
    for chunk in client.chat.completions.create(model="stamping", messages=messages, stream=True):
        heard.take(asked, seen, (chunk.choices[0].delta.content or "").encode())


def one_by_one(client: Any, theirs: Server, mine: Server, rounds: int) -> dict[str, Heard]:
    """Ask all sides in turns, one answer at a time."""
    found = {"openai client": Heard(), "AgentOS": Heard(), "ours": Heard()}
    for number in range(-1, rounds):
        into = found if number >= 0 else {side: Heard() for side in found}  # the first is to warm up
        from_model(client, ONE, into["openai client"])
        asyncio.run(from_agentos(theirs, "one", ONE, into["AgentOS"]))
        asyncio.run(from_us(mine, "one", ONE, into["ours"]))
    return found


# --- many at once -------------------------------------------------------------------------------------------------
@dataclass
class Many:
    """200 streams: what their readers met, what the process held more (MB a stream), and the list's p50 (ms)."""

    heard: Heard
    memory: float
    quiet: float
    busy: float


async def shared(server: Server, heard: Heard) -> None:
    """Have few answers read by many."""
    asked = time.monotonic()
    paths = await asyncio.gather(*[say(server, f"s{number}", SHARED) for number in range(ANSWERS)])
    readers = [follow(server, "GET", paths[at % ANSWERS], {}, asked, heard) for at in range(OPEN)]
    await asyncio.gather(*readers)


async def own(server: Server, heard: Heard) -> None:
    """Have as many answers as readers."""
    await asyncio.gather(*[from_us(server, f"s{number}", OWN, heard) for number in range(OPEN)])


async def own_of_agentos(server: Server, heard: Heard) -> None:
    """Have as many answers as readers, of AgentOS."""
    await asyncio.gather(*[from_agentos(server, f"s{number}", OWN, heard) for number in range(OPEN)])


def many(server: Server, work: Callable[[Server, Heard], Coroutine[Any, Any, None]], page: str) -> Many:
    """Hold 200 streams open and look at the list of sessions meanwhile."""
    quiet, busy, heard = Times(), Times(), Heard()
    ask(server, [page], Times(), most=20)
    ask(server, [page], quiet, most=400, seconds=6)
    before, peak = memory(server), 0.0
    streams = threading.Thread(target=lambda: asyncio.run(work(server, heard)))
    streams.start()
    time.sleep(3)  # until all are open
    asking = threading.Thread(target=lambda: ask(server, [page], busy, most=400, seconds=8))
    asking.start()
    while streams.is_alive():
        peak = max(peak, memory(server))
        streams.join(0.25)
    asking.join()
    return Many(heard, max(0.0, peak - before) / OPEN, quiet.percentile(0.5), busy.percentile(0.5))


# --- what is told -------------------------------------------------------------------------------------------------
def told_one(found: dict[str, Heard]) -> Iterator[str]:
    """Yield the lines of the table of single answers."""
    yield "| one answer at a time | first word, p50 ms | added | p95 | each word, p50 ms | added | p95 | P10 |"
    yield "|---" * 8 + "|"
    base = found["openai client"]
    for side, heard in found.items():
        first, each = p(0.5, heard.first), p(0.5, heard.late)
        added = first - p(0.5, base.first), each - p(0.5, base.late)
        word = kept(added[0] <= FIRST and added[1] <= EACH) if side == "ours" else ""
        cells = [f"{first:.0f}", f"{added[0]:.1f}", f"{p(0.95, heard.first):.0f}"]
        cells += [f"{each:.1f}", f"{added[1]:.1f}", f"{p(0.95, heard.late):.1f}", word]
        yield f"| {side} | {' | '.join(cells)} |"


def told_many(found: dict[str, Many]) -> Iterator[str]:
    """Yield the lines of the table of many streams."""
    head = "words | each word, p50 ms | p95 | MB a stream | list quiet, p50 ms | meanwhile | × | P10"
    yield f"| 200 open streams | {head} |"
    yield "|---" * 9 + "|"
    for what, one in found.items():
        times = one.busy / one.quiet
        word = kept(one.memory <= MEGABYTES and times <= MEANWHILE) if what.startswith("ours") else ""
        late = f"{p(0.5, one.heard.late):.0f} | {p(0.95, one.heard.late):.0f}"
        cells = (f"{one.heard.words:,}", late, f"{one.memory:.2f}", f"{one.quiet:.1f}", f"{one.busy:.1f}")
        yield f"| {what} | {' | '.join(cells)} | {times:.1f} | {word} |"


def visitor() -> str:
    """Make sessions, an administrator and a token, which is returned. Our own database must be there."""
    set_up()
    from django.contrib.auth.models import User

    from agentos.access.models import ApiToken
    from agentos.db.sources import get_source
    from agentos.db.writer import Writer
    from agentos.records import Session

    writer = Writer(get_source(SOURCE))
    for name in ["one", *(f"s{number}" for number in range(OPEN))]:
        writer.create_session(
            Session.from_dict({"session_id": name, "session_type": "agent", "agent_id": "agent-0", "user_id": "u"})
        )
    return ApiToken.objects.all().issue(User.objects.create_superuser("bench"))


def measured(on: str, rounds: int) -> list[str]:
    """Measure all sides; return the lines of all tables."""
    from openai import OpenAI

    port = free_port()
    with place(on) as where, ExitStack() as stack:
        model = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        stack.enter_context(_running([str(ROOT / "bench" / "stamping.py"), str(port)], port, dict(os.environ)))
        env = environment(where, where.database("own"), where.database("source")) | model
        env |= {"AGENTOS_TURNS_PER_MINUTE": "0", "AGENTOS_TURNS_PER_HOUR": "0", "AGENTOS_ACTING_REASON": "false"}
        program(env, "manage.py", "migrate", "--verbosity=0")
        token = program(env, "bench/streams.py", "--visitor").strip()
        headers = (f"Authorization: Bearer {token}", "Accept: application/json")
        index(env)
        source = env["AGENTOS_SOURCES"].partition("=")[2]
        with agnos(env, source) as theirs:
            with ours(env, headers) as mine:
                one = one_by_one(OpenAI(base_url=model["OPENAI_BASE_URL"], api_key="none"), theirs, mine, rounds)
                found = {f"ours, {ANSWERS} answers": many(mine, shared, "/sessions/")}
            with ours(env | {"AGENTOS_TURN_THREADS": str(OPEN)}, headers) as mine:
                found[f"ours, {OPEN} answers"] = many(mine, own, "/sessions/")
            with suppress(RuntimeError):
                found[f"AgentOS, {OPEN} answers"] = many(theirs, own_of_agentos, "/sessions?limit=20")
        return [f"{where.vendor}:", "", *told_one(one), "", *told_many(found)]


def main() -> None:
    """Read the arguments, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--visitor", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.visitor:
        print(visitor())
        return
    if given.write:
        marked(PAGE, f"streams {given.on}")
    lines = measured(given.on, given.rounds)
    print(*lines, sep="\n")
    if given.write:
        write_table(PAGE, f"streams {given.on}", lines)


if __name__ == "__main__":
    main()
