"""Sessions of a size that stops other programs, and a typical one beside them: what `monsters.py` asks for.

Each is a generator of runs as Agno stores them, so that no more than one is in memory.
"""

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

BEGAN: Final = 1_790_000_000
Run = dict[str, Any]


def typical() -> Iterator[Run]:
    """Yield ten runs of about 5 kB, as most sessions have them."""
    yield from (_talk(at, rows=30, points=6) for at in range(10))


def many_runs() -> Iterator[Run]:
    """Yield 2,000 runs, 20 MB in all."""
    yield from (_talk(at, rows=90, points=20) for at in range(2_000))


def many_messages() -> Iterator[Run]:
    """Yield one run of 1,248 messages and 36 MB, with 304 tool calls."""
    messages: list[dict[str, Any]] = [
        {"id": "u", "role": "user", "content": "Go through all of it.", "created_at": BEGAN}
    ]
    tools: list[dict[str, Any]] = []
    while len(messages) < 1_248:
        at = len(messages)
        call = {
            "id": f"c{at}",
            "type": "function",
            "function": {"name": "read_page", "arguments": json.dumps({"page": at})},
        }
        if len(tools) < 304:
            messages.append(
                {"id": f"a{at}", "role": "assistant", "content": "", "tool_calls": [call], "created_at": BEGAN + at}
            )
            result = f"Page {at}. " + "What stands there, and more of it. " * 2_500
            messages.append({"id": f"t{at}", "role": "tool", "tool_call_id": f"c{at}", "content": result})
            tools.append(
                {"tool_call_id": f"c{at}", "tool_name": "read_page", "tool_args": {"page": at}, "result": "kept"}
            )
        else:
            text = f"## Part {at}\n\n" + "- a point that is made here\n" * 400
            messages.append({"id": f"m{at}", "role": "assistant", "content": text, "created_at": BEGAN + at})
    yield _run(0, messages=messages, tools=tools, content="Done.")


def one_huge_run() -> Iterator[Run]:
    """Yield one run of 50 MB: a tool that returned a dump."""
    result = "0123456789 abcdef " * (50_000_000 // 18)
    call = {"id": "c", "type": "function", "function": {"name": "dump", "arguments": "{}"}}
    messages = [
        {"id": "u", "role": "user", "content": "Dump it.", "created_at": BEGAN},
        {"id": "a", "role": "assistant", "tool_calls": [call], "created_at": BEGAN + 1},
        {"id": "t", "role": "tool", "tool_call_id": "c", "content": result},
        {"id": "b", "role": "assistant", "content": "There it is.", "created_at": BEGAN + 2},
    ]
    tools = [{"tool_call_id": "c", "tool_name": "dump", "tool_args": {}, "result": "held in the message"}]
    yield _run(0, messages=messages, tools=tools, content="There it is.")


def many_members() -> Iterator[Run]:
    """Yield a team's run with 10,000 runs inside it, 100 members of 99 each."""
    inner = [
        {
            "run_id": f"w{at}", "team_id": "crew", "team_name": "Crew", "status": "COMPLETED", "content": "Part done",
            "created_at": BEGAN + at,
            "member_responses": [
                {"run_id": f"w{at}-{one}", "agent_id": "hand", "agent_name": "Hand", "content": "Done",
                 "status": "COMPLETED", "created_at": BEGAN + at}
                for one in range(99)
            ],
        }
        for at in range(100)
    ]  # fmt: skip
    messages = [{"id": "u", "role": "user", "content": "All of you.", "created_at": BEGAN}]
    whole = _run(0, messages=messages, content="All done.", member_responses=inner)
    del whole["agent_id"], whole["agent_name"]
    yield whole | {"team_id": "crew", "team_name": "Crew"}


def many_images() -> Iterator[Run]:
    """Yield ten runs with twenty stored images of 60 kB each."""
    for at in range(10):
        images = [
            {"id": f"i{at}-{one}", "content": _png(at * 20 + one), "mime_type": "image/png", "format": "png"}
            for one in range(20)
        ]
        messages = [
            {"id": f"u{at}", "role": "user", "content": "Look at these.", "images": images, "created_at": BEGAN + at},
            {"id": f"a{at}", "role": "assistant", "content": "Seen.", "created_at": BEGAN + at},
        ]
        yield _run(at, messages=messages, content="Seen.")


GIANTS: Final[dict[str, tuple[str, Callable[[], Iterator[Run]]]]] = {
    "typical": ("10 runs", typical),
    "runs": ("2,000 runs, 20 MB", many_runs),
    "messages": ("1,248 messages, 36 MB", many_messages),
    "huge": ("one run of 50 MB", one_huge_run),
    "members": ("10,000 nested runs", many_members),
    "images": ("200 images", many_images),
}
"""Session ids, each with what it is and its runs."""


def _talk(at: int, rows: int, points: int) -> Run:
    result = json.dumps([{"row": row, "value": f"{at}-{row}" * 6} for row in range(rows)])
    answer = f"Answer {at}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" + "- a point to make\n" * points
    call = {"id": f"c{at}", "type": "function", "function": {"name": "lookup", "arguments": '{"n": 1}'}}
    messages = [
        {"id": f"u{at}", "role": "user", "content": f"Question {at}", "created_at": BEGAN + at},
        {"id": f"a{at}", "role": "assistant", "tool_calls": [call], "created_at": BEGAN + at},
        {"id": f"t{at}", "role": "tool", "tool_call_id": f"c{at}", "content": result},
        {"id": f"b{at}", "role": "assistant", "content": answer, "created_at": BEGAN + at},
    ]
    tools = [{"tool_call_id": f"c{at}", "tool_name": "lookup", "tool_args": {"n": 1}, "result": result}]
    return _run(at, messages=messages, tools=tools, content=answer)


def _run(at: int, **values: Any) -> Run:
    return {
        "run_id": f"run-{at:05}", "agent_id": "big", "agent_name": "Big", "status": "COMPLETED", "model": "gpt-5-mini",
        "metrics": {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}, "created_at": BEGAN + at, **values,
    }  # fmt: skip


def _png(seed: int) -> str:
    """Return a picture of 140 × 140 that does not compress, in base64."""
    state, rows = seed + 1, bytearray()
    for _ in range(140):
        rows.append(0)
        for _ in range(140 * 3):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            rows.append(state >> 16 & 255)
    parts = (
        ("IHDR", struct.pack(">IIBBBBB", 140, 140, 8, 2, 0, 0, 0)),
        ("IDAT", zlib.compress(bytes(rows))),
        ("IEND", b""),
    )
    chunks = b"".join(
        struct.pack(">I", len(data)) + name.encode() + data + struct.pack(">I", zlib.crc32(name.encode() + data))
        for name, data in parts
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()
