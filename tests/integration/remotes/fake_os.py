"""A server that looks like AgentOS and behaves as badly as a test asks it to. Real ones are in tests/interop."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

AGENT_ID = "assistant"


class Line:
    """The stream of one answer: what a script writes to."""

    def __init__(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        self.form, self._handler = form, handler
        self.run_id = form.get("run_id", "")
        self.index = -1
        self.gone = threading.Event()

    def bytes(self, data: bytes) -> None:
        """Send these bytes as they are."""
        try:
            self._handler.wfile.write(data)
            self._handler.wfile.flush()
        except OSError:
            self.gone.set()

    def event(self, name: str, *, number: bool = True, **values: Any) -> None:
        """Send an event of the run, numbered unless told not to."""
        if number:
            self.index += 1
            values = {"event_index": self.index, **values}
        self.frame(name, run_id=values.pop("run_id", self.run_id), **values)

    def frame(self, name: str, **values: Any) -> None:
        """Send an event with nothing but what is given."""
        self.bytes(f"event: {name}\ndata: {json.dumps({'event': name, **values})}\n\n".encode())

    def words(self, *words: str) -> None:
        """Send pieces of the answer."""
        for word in words:
            self.event("RunContent", content=word)


Script = Callable[[Line], None]


class FakeOs:
    """`runs` and `resumes` are the scripts of the next requests, in order; `log` what was asked, with headers."""

    def __init__(self) -> None:
        self.config: Any = {"os_id": "fake-os", "agents": [{"id": AGENT_ID, "name": "Fake", "model": {"id": "fake-1"}}]}
        self.runs: list[Script] = []
        self.resumes: list[Script] = []
        self.refuses: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.knows = True
        self.log: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.cancelled = threading.Event()
        self.files: list[tuple[str, bytes, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._get(self)

            def do_POST(self) -> None:
                outer._post(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Let nobody connect any more."""
        self.server.shutdown()
        self.server.server_close()

    def paths(self) -> list[str]:
        """What was posted to, the end of each path."""
        return [path.rpartition("/")[2] for method, path, *_ in self.log if method == "POST"]

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        self.log.append(("GET", handler.path, dict(handler.headers), {}))
        if self._refuse(handler, path):
            return
        if path.startswith("/sessions/"):
            self._json(handler, 200 if self.knows else 404, {})
        elif path == "/config":
            self._json(handler, 200, self.config)
        else:
            self._json(handler, 200, {"agno_version": "9.9.9"})

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        form = self._form(handler)
        self.log.append(("POST", path, dict(handler.headers), form))
        if self._refuse(handler, path):
            return
        if path.endswith("/cancel"):
            self.cancelled.set()
            self._json(handler, 200, {})
            return
        scripts = self.resumes if path.endswith("/resume") else self.runs
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        with suppress(OSError):
            scripts.pop(0)(Line(handler, form))

    def _refuse(self, handler: BaseHTTPRequestHandler, path: str) -> bool:
        found = next((answer for part, answer in self.refuses.items() if part in path), None)
        if found is None:
            return False
        status, headers, body = found
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        return True

    def _form(self, handler: BaseHTTPRequestHandler) -> dict[str, str]:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        kind = handler.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return dict(parse_qsl(body.decode()))
        form = {}
        for part in message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload():
            data: Any = part.get_payload(decode=True)  # type: ignore[union-attr]  # a part of a form is a Message
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]  # a part of a form is a Message
            if filename := part.get_filename():  # type: ignore[union-attr]  # a part of a form is a Message
                self.files.append((str(filename), data, part.get_content_type()))  # type: ignore[union-attr]  # a part of a form is a Message
            else:
                form[str(name)] = data.decode()
        return form

    def _json(self, handler: BaseHTTPRequestHandler, status: int, value: Any) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
