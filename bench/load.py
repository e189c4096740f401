"""A client that asks a server as fast as it answers, on kept connections, and says how long each answer took."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

_PATIENCE: Final = 60.0


@dataclass
class Times:
    """Answers to one question: seconds each took, seconds for all, how many were not answered with 200."""

    each: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    errors: int = 0

    def percentile(self, part: float) -> float:
        """Return the milliseconds in which a part (0 to 1) of the answers came; NaN without any."""
        ordered = sorted(self.each)
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")

    @property
    def rate(self) -> float:
        """Answers a second: the median of the rounds."""
        return statistics.median(self.rates) if self.rates else float("nan")


@dataclass(frozen=True)
class Server:
    """A server on this machine, with the headers that each of its requests needs and the id of its process."""

    name: str
    port: int
    headers: tuple[str, ...] = ()
    pid: int = 0

    def request(self, path: str) -> bytes:
        """Return the bytes of a GET request."""
        lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *self.headers, "", "")
        return "\r\n".join(lines).encode()


class _Connection:
    """One kept connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str) -> tuple[int, bytes]:
        """Return status and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.server.port, limit=2**20)
        reader, writer = self._streams
        writer.write(self.server.request(path))
        status = int((await reader.readline()).split()[1])
        headers: dict[str, str] = {}
        while line := (await reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await self._chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "") == "close":
            self.close()
        return status, body

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body

    def close(self) -> None:
        """Let go of it; the next request makes another."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _round(server: Server, paths: Sequence[str], at_once: int, most: int, seconds: float, times: Times) -> None:
    numbers, answered = count(), 0
    began = time.perf_counter()

    async def one_after_the_other() -> None:
        nonlocal answered
        connection = _Connection(server)
        while next(numbers) < most and time.perf_counter() - began < seconds:
            asked = time.perf_counter()
            try:
                async with asyncio.timeout(_PATIENCE):
                    found = [(await connection.ask(path))[0] for path in paths]
            except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
                found = [0]
                connection.close()
            if all(status == 200 for status in found):
                times.each.append(time.perf_counter() - asked)
                answered += 1
            else:
                times.errors += 1
        connection.close()

    await asyncio.gather(*[one_after_the_other() for _ in range(at_once)])
    times.rates.append(answered / (time.perf_counter() - began))


def ask(
    server: Server, paths: Sequence[str], times: Times, *, at_once: int = 1, most: int = 60, seconds: float = 3.0
) -> None:
    """Ask for `paths`, one behind the other as one question, by `at_once` clients; add what came of it to `times`.

    No new question is asked after `most` of them, or after `seconds`.
    """
    asyncio.run(_round(server, paths, at_once, most, seconds, times))


def fetch(server: Server, path: str) -> tuple[int, str]:
    """Return status and body of one answer."""

    async def one() -> tuple[int, bytes]:
        connection = _Connection(server)
        try:
            return await asyncio.wait_for(connection.ask(path), _PATIENCE)
        finally:
            connection.close()

    status, body = asyncio.run(one())
    return status, body.decode(errors="replace")
