"""The small parts of scripts: components, tool calls, counts of tokens, and media in the shapes Agno stores."""

import base64
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Component:
    """An agent, team or workflow of the demo, with the model it uses and, of a team, the members."""

    kind: str
    id: str
    name: str
    model: str = "gpt-5-mini"
    instructions: str = ""
    members: tuple["Component", ...] = ()


@dataclass(frozen=True)
class Call:
    """One tool call, `seconds` long, with what its tool returns or, as an `error`, raises.

    `arguments` replaces the JSON of `args` when the model wrote something that is none. `flags` are fields of the
    tool: that it has to be confirmed first, or needs a person's input; or "unknown", when there is no such tool.
    """

    name: str
    args: Json
    result: str
    error: bool = False
    arguments: str | None = None
    seconds: float = 0.4
    flags: Json = field(default_factory=dict)
    images: tuple[Json, ...] = ()


# Calls the model made at once are grouped in a tuple.
Round = Call | tuple[Call, ...]


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has: four letters each, or one for a letter outside ASCII."""
    return max(1, sum(1 if ord(letter) > 127 else 0.25 for letter in text).__ceil__())


def counts(input_tokens: int, output_tokens: int, **more: int) -> Json:
    """Return token counts without zeros, as Agno stores them."""
    found = {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}
    return {key: value for key, value in {**found, **more}.items() if value}


def png(rows: list[list[tuple[int, int, int]]]) -> bytes:
    """Return a real PNG of the given rows of pixels (red, green, blue), 8 bits each."""
    raw = b"".join(b"\0" + b"".join(bytes(pixel) for pixel in row) for row in rows)
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def bar_chart(values: list[int]) -> bytes:
    """Return a PNG of bars, 120 by 60 pixels, one per value from 0 to 60."""
    width, height = 120, 60
    bar = width // len(values)

    def pixel(x: int, y: int) -> tuple[int, int, int]:
        inside = x % bar > 2 and height - y <= values[min(x // bar, len(values) - 1)]
        return (37, 99, 235) if inside else (241, 245, 249)

    return png([[pixel(x, y) for x in range(width)] for y in range(height)])


def error_dialog() -> bytes:
    """Return a PNG that looks like a dialog from afar: a frame, a red bar, lines of text. 96 by 64 pixels."""

    def pixel(x: int, y: int) -> tuple[int, int, int]:
        if x in (0, 95) or y in (0, 63):
            return (100, 116, 139)
        if y < 14:
            return (220, 38, 38)
        return (71, 85, 105) if y % 8 < 2 and 8 < x < 60 + y % 24 else (255, 255, 255)

    return png([[pixel(x, y) for x in range(96)] for y in range(64)])


def image(image_id: str, data: bytes, **more: Any) -> Json:
    """Return an image with its content in base64."""
    content = base64.b64encode(data).decode()
    return {"id": image_id, "content": content, "format": "png", "mime_type": "image/png", **more}


def text_file(file_id: str, filename: str, text: str, mime_type: str) -> Json:
    """Return a text file: Agno keeps those as plain text."""
    return {"id": file_id, "content": text, "filename": filename, "mime_type": mime_type, "size": len(text.encode())}
