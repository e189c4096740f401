"""A model server whose words are times: each says when it was sent, in nanoseconds of the machine's monotonic clock.

    python bench/stamping.py PORT

The last message of a request says how: "wait 0.3, words 100, pace 20" waits a while and sends 20 words a second.
"""

import asyncio
import json
import re
import sys
import time

_HOW = re.compile(rb"wait ([\d.]+), words (\d+), pace ([\d.]+)")


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    """Return one piece of an answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "stamping", "choices": [choice]}
    data = f"data: {json.dumps(chunk)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            wait, words, pace = (float(number) for number in _HOW.findall(body)[-1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            await asyncio.sleep(wait)
            began = time.monotonic()
            for number in range(int(words)):
                await asyncio.sleep(max(0.0, began + number / pace - time.monotonic()))
                writer.write(event({"content": f"t{time.monotonic_ns()} "}))
                await writer.drain()
            done = b"data: [DONE]\n\n"
            writer.write(event({}, "stop") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]), limit=2**24)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
