"""The small parts runs are made of: components, tool calls, messages, metrics and media, in the shapes Agno stores."""

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Component:
    """An agent, team or workflow of the demo, with the model it uses."""

    kind: str
    id: str
    name: str
    model: str = "gpt-5-mini"
    instructions: str = ""

    @property
    def ids(self) -> Json:
        """The keys that say in a run whose run it is."""
        return {f"{self.kind}_id": self.id, f"{self.kind}_name": self.name}

    @property
    def data(self) -> Json:
        """What Agno keeps of it in the session row."""
        if self.kind == "workflow":
            return {"workflow_id": self.id, "name": self.name}
        model = {"id": self.model, "name": "OpenAIChat", "provider": "OpenAI"}
        return {"name": self.name, f"{self.kind}_id": self.id, "model": model}


@dataclass(frozen=True)
class Call:
    """One tool call. `arguments` replaces the JSON of `args` when the model wrote something that is none.

    `unrecorded`: Agno keeps no execution of a call to an unknown tool or with unreadable arguments.
    """

    name: str
    args: Json
    result: str
    error: bool = False
    arguments: str | None = None
    seconds: float = 0.4
    flags: Json = field(default_factory=dict)

    @property
    def unrecorded(self) -> bool:
        """Whether the call never reached a tool."""
        return self.arguments is not None or bool(self.flags.get("unknown"))


# Calls the model made at once are grouped in a tuple.
Round = Call | tuple[Call, ...]

_EXECUTION_KEYS = (
    "requires_confirmation confirmed confirmation_note requires_user_input user_input_schema user_feedback_schema "
    "answered external_execution_required external_execution_silent approval_type approval_id parent_tool_call_id"
)


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has: four letters each, or one for a letter outside ASCII."""
    return max(1, sum(1 if ord(letter) > 127 else 0.25 for letter in text).__ceil__())


def counts(input_tokens: int, output_tokens: int, **more: int) -> Json:
    """Return token counts without zeros, as Agno stores them."""
    found = {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}
    return {key: value for key, value in {**found, **more}.items() if value}


def run_metrics(component: Component, parts: list[Json], seconds: float) -> Json:
    """Return a run's metrics: the sums of its model requests, and the same by model."""
    total: Json = {}
    for part in parts:
        for key, value in part.items():
            if key.endswith("_tokens"):
                total[key] = total.get(key, 0) + value
    details = {"model": [{**total, "id": component.model, "provider": "OpenAI Chat"}]}
    first = round(min(0.6, seconds / 3), 3)
    return {**total, "time_to_first_token": first, "duration": round(seconds, 3), "details": details}


def message(message_id: str, role: str, created_at: int, content: Any = None, **more: Any) -> Json:
    """Return a message; without content when it only calls tools."""
    text = {} if content is None else {"content": content}
    flags = {"from_history": False, "stop_after_tool_call": False}
    return {"id": message_id, "role": role, **text, **flags, **more, "created_at": created_at}


def tool_call(call_id: str, call: Call) -> Json:
    """Return the request for a call, as it stands in the assistant's message."""
    arguments = json.dumps(call.args, ensure_ascii=False) if call.arguments is None else call.arguments
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def tool_execution(call_id: str, call: Call, created_at: int) -> Json:
    """Return what is kept of a call that was carried out, or waits to be."""
    waiting = bool(call.flags.get("waiting"))
    times = {"start_time": created_at + 0.01, "end_time": created_at + 0.01 + call.seconds, "duration": call.seconds}
    return {
        "tool_call_id": call_id,
        "tool_name": call.name,
        "tool_args": call.args,
        "tool_call_error": None if waiting else call.error,
        "result": None if waiting else call.result,
        "metrics": None if waiting else times,
        "child_run_id": None,
        "stop_after_tool_call": False,
        "created_at": created_at,
        **dict.fromkeys(_EXECUTION_KEYS.split()),
        **{key: value for key, value in call.flags.items() if key not in ("waiting", "unknown")},
    }


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
