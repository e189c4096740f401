"""The connection to a server that streams, which another thread can close while it is being read."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from agentos.llm.base import MAX_ANSWER, ModelError

if TYPE_CHECKING:
    import ssl

    import httpx2

# Bytes on the wire: what frames an answer may be many times the answer, but not without end.
_MAX_BODY: Final = 16 * MAX_ANSWER


class Interrupted(Exception):
    """The connection was closed on our side; nobody waits for what it would have brought."""


class Connection:
    """Knows the sockets of one request, so that `close()` from any thread ends a read that waits for them.

    Closing a file descriptor does not wake a thread that reads from it; shutting the socket down does.
    """

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []

    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """Return the event hooks an httpx client needs to report to this object."""
        return {"request": [self._on_request], "response": [_bound_body]}

    def close(self) -> None:
        """End the request, wherever it is."""
        self._closed.set()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> bool:
        """Pause, but not beyond `close()`; return whether that was called."""
        return self._closed.wait(seconds)

    def put(self, arrivals: "queue.Queue[Any]", item: Any, *, quietly: bool = False) -> None:
        """Wait until `arrivals` takes the item.

        Raises:
            Interrupted: the connection was closed meanwhile (unless `quietly`).
        """
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                arrivals.put(item, timeout=0.5)
                return
        if not quietly:
            raise Interrupted

    def _on_request(self, request: "httpx2.Request") -> None:
        if self._closed.is_set():
            raise Interrupted
        request.extensions["trace"] = self._on_trace

    def _on_trace(self, event: str, info: dict[str, Any]) -> None:
        """Remember each socket as it is made; also for a retry, which must not begin once all is closed."""
        if event == "connection.connect_tcp.started" and self._closed.is_set():
            raise Interrupted
        if event in (
            "connection.connect_tcp.complete",
            "proxy_tunnel.start_tls.complete",
            "connection.start_tls.complete",
        ):
            sock = info["return_value"].get_extra_info("socket")
            if isinstance(sock, socket.socket):
                self._sockets.append(sock)


@cache
def certificates() -> "ssl.SSLContext":
    """Return what servers are checked by, read once: reading it takes longer than most other things here."""
    import httpx2

    return httpx2.create_ssl_context()


def _bound_body(response: "httpx2.Response") -> None:
    """Replace the response's stream by one that ends with an error when it does not end by itself."""
    import httpx2

    inner = response.stream
    if not isinstance(inner, httpx2.SyncByteStream):
        return
    stream: httpx2.SyncByteStream = inner

    class BoundedStream(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for part in stream:
                size += len(part)
                if size > _MAX_BODY:
                    raise ModelError("The model server sent far more than an answer. Check OPENAI_BASE_URL.")
                yield part

        def close(self) -> None:
            stream.close()

    response.stream = BoundedStream()
