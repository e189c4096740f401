"""The HTTP API of AgentOS (format §8), as far as answering in sessions needs it. Everything it sends is untrusted."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from agentos.llm.base import ModelError
from agentos.llm.connection import Connection, Interrupted, certificates
from agentos.remotes.errors import RemoteError, explain, refused
from agentos.remotes.remote import Remote

if TYPE_CHECKING:
    import httpx2

__all__ = ["Api", "Upload"]

# Bytes of an answer that is no stream, and of one event: a run's last event holds all its text and media.
_MOST: Final = 8 * 1024 * 1024
MOST_EVENT: Final = 16 * 1024 * 1024
# Seconds to connect, and to wait for an answer that needs no model.
_CONNECT, _ANSWER = 5.0, 10.0
# A request that is no stream may take so many times the seconds that it may be silent.
_SLOW: Final = 2.0
# How much of a refusal is read.
_REFUSAL: Final = 64 * 1024
_PATHS: Final = {"agent": "agents", "team": "teams", "workflow": "workflows"}

# A file to send along: name, bytes, MIME type.
Upload = tuple[str, bytes, str]


@dataclass(frozen=True)
class Api:
    """One server's API. Each call is one request; redirects are not followed, certificates are checked.

    All raise RemoteError, with a sentence, when the server cannot be used or refuses.
    """

    remote: Remote

    def config(self, seconds: float = _ANSWER) -> dict[str, Any]:
        """Return what the server says of itself: `os_id`, `agents`, `teams`, `workflows` …"""
        return self._json("/config", seconds)

    def info(self, seconds: float = _ANSWER) -> dict[str, Any]:
        """Return its versions, and how it lets people in: `agno_version`, `user_isolation` …"""
        return self._json("/info", seconds)

    def knows_session(self, kind: str, session_id: str, user_id: str | None, db_id: str | None) -> bool:
        """Whether the session is in the database that the server writes to."""
        query = {"type": kind, "user_id": user_id, "db_id": db_id}
        try:
            self._json(f"/sessions/{quote(session_id, safe='')}", _ANSWER, query)
        except RemoteError as error:
            if error.status == 404:
                return False
            raise
        return True

    def cancel(self, kind: str, component_id: str, run_id: str, session_id: str) -> None:
        """Ask a run to stop. The wish is remembered if it is not there yet."""
        path = f"{runs_path(kind, component_id)}/{quote(run_id, safe='')}/cancel"
        with self._open("POST", path, _ANSWER, what="the run", params={"session_id": session_id}) as response:
            response.read()

    @contextmanager
    def stream(
        self,
        path: str,
        fields: Mapping[str, str],
        connection: Connection,
        *,
        silence: float,
        what: str,
        uploads: list[Upload] | None = None,
    ) -> "Iterator[httpx2.EventSource]":
        """Post a form and give the stream of events it is answered with; `connection` can end it from elsewhere.

        `silence`: seconds without a byte after which it counts as broken.
        """
        import httpx2

        headers = {"Accept": "text/event-stream"}
        files = [("files", upload) for upload in uploads or ()]
        form: dict[str, Any] = {"data": dict(fields), "headers": headers} | ({"files": files} if files else {})
        with self._open("POST", path, silence, connection, what=what, **form) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise RemoteError(_NO_STREAM.format(self.remote.name), response.status_code)
            yield httpx2.EventSource(response, max_event_size=MOST_EVENT)

    def _json(self, path: str, seconds: float, query: Mapping[str, str | None] | None = None) -> dict[str, Any]:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        body = bytearray()
        with self._open("GET", path, seconds, what="what was asked for", params=params) as response:
            for part in response.iter_raw():
                body += part
                if len(body) > _MOST:
                    raise RemoteError(f"The server {self.remote.name} sent more than can be taken in.")
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise RemoteError(f"What answers at the address of {self.remote.name} is no AgentOS server.")
        return value

    @contextmanager
    def _open(
        self, method: str, path: str, seconds: float, connection: Connection | None = None, *, what: str, **options: Any
    ) -> "Iterator[httpx2.Response]":
        """Give the response of one request, its body unread, if it is one that was asked for."""
        import httpx2

        own = connection or Connection()
        # A server that sends a byte now and then is never silent.
        alarm = threading.Timer(_SLOW * seconds, own.close)
        alarm.daemon = True
        try:
            if connection is None:
                alarm.start()
            headers = {"Accept-Encoding": "identity", **options.pop("headers", {})}
            if key := self.remote.key():
                headers["Authorization"] = f"Bearer {key}"
            timeout = httpx2.Timeout(seconds, connect=min(seconds, _CONNECT))
            client = httpx2.Client(timeout=timeout, verify=certificates(), event_hooks=own.hooks())
            with client, client.stream(method, f"{self.remote.url}{path}", headers=headers, **options) as response:
                if not response.is_success:
                    raise refused(self.remote, response.status_code, _beginning(response), what)
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise RemoteError(_COMPRESSED.format(self.remote.name), response.status_code)
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, Interrupted, ModelError) as error:
            if connection is not None and isinstance(error, Interrupted):
                raise
            raise explain(self.remote, error) from error
        finally:
            alarm.cancel()


_COMPRESSED: Final = "The server {} compresses its answer unasked."
_NO_STREAM: Final = "The server {} answered with something that is no stream of events."


def runs_path(kind: str, component_id: str) -> str:
    """Return the path of a component's runs."""
    return f"/{_PATHS[kind]}/{quote(component_id, safe='')}/runs"


def _beginning(response: "httpx2.Response") -> bytes:
    body = b""
    for part in response.iter_raw():
        body += part
        if len(body) >= _REFUSAL:
            break
    return body[:_REFUSAL]
