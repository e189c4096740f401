"""What went wrong with a remote AgentOS server, in a sentence that says what to do about it."""

import json
from typing import TYPE_CHECKING, Any, Final

from agentos.llm.base import ModelError
from agentos.llm.connection import Interrupted

if TYPE_CHECKING:
    from agentos.remotes.remote import Remote

__all__ = ["RemoteError", "explain", "refused"]

# Characters of a server's own words that are shown.
_QUOTED: Final = 300


class RemoteError(Exception):
    """A remote cannot be used; `str()` is a sentence for people, without key and address.

    `status`: the HTTP status it answered with, None when it did not answer. `unreachable`: nothing was begun there.
    """

    def __init__(self, sentence: str, status: int | None = None, *, unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.unreachable = unreachable


def explain(remote: "Remote", error: Exception) -> RemoteError:
    """Return a fault of the connection as a sentence."""
    import httpx2

    name = remote.name
    if isinstance(error, RemoteError):
        return error
    if isinstance(error, httpx2.ConnectTimeout):
        return RemoteError(f"The server {name} does not take a connection.", unreachable=True)
    if isinstance(error, httpx2.ConnectError):
        if "CERTIFICATE" in str(error).upper():
            return RemoteError(f"The certificate of the server {name} is not to be trusted.", unreachable=True)
        return RemoteError(f"The server {name} cannot be reached. See that it runs.", unreachable=True)
    if isinstance(error, httpx2.TimeoutException):
        return RemoteError(f"The server {name} is silent.")
    if isinstance(error, httpx2.SSEError):
        return RemoteError(f"The server {name} sent something that is no stream of events.")
    if isinstance(error, Interrupted):
        return RemoteError(f"The server {name} is too slow.")
    if isinstance(error, ModelError):
        return RemoteError(f"The server {name} sent far more than an answer, so it is not listened to any more.")
    if isinstance(error, httpx2.HTTPError):
        return RemoteError(f"The connection to the server {name} broke.")
    return RemoteError(f"The server {name} answered with something that cannot be read.")


def refused(remote: "Remote", status: int, body: bytes, what: str) -> RemoteError:
    """Return an answer of another status than 2xx as a sentence. `what`: what was asked for, "the agent support"."""
    name, said = remote.name, _quote(remote, body)
    if status == 401:  # without the server's words: they may repeat the key
        key = f"Check {remote.key_setting}." if remote.has_key else f"Set {remote.key_setting}."
        sentence = f"The server {name} {'refuses the key' if remote.has_key else 'asks for a key'}. {key}"
    elif status == 403:
        sentence = f"The key for the server {name} does not allow this{said}. Give it the scope, or use another key."
    elif status == 404:
        sentence = f"The server {name} does not know {what}{said}."
    elif status in (413, 422):
        sentence = f"The server {name} does not take what was sent ({status}){said}."
    elif status == 429:
        sentence = f"The server {name} takes no more requests now (429){said}. Wait a minute, then send it again."
    elif 300 <= status < 400:
        sentence = f"The server {name} sends requests on to another address. Write that one into AGENTOS_REMOTES."
    elif status >= 500:
        sentence = f"The server {name} failed ({status}){said}. Send the message again, or later."
    else:
        sentence = f"The server {name} refused the request ({status}){said}."
    return RemoteError(sentence, status)


def _quote(remote: "Remote", body: bytes) -> str:
    """Return the server's words for the middle of a sentence, cut short and without our key; "" when there are none."""
    try:
        said: Any = json.loads(body)
    except ValueError:
        return ""  # a page of a proxy, say
    said = said.get("detail", said.get("error")) if isinstance(said, dict) else None
    if isinstance(said, list):  # FastAPI tells of each field that is wrong
        said = "; ".join(str(item.get("msg", "")) for item in said[:5] if isinstance(item, dict))
    if not isinstance(said, str):
        return ""
    words = " ".join(said.split())
    try:
        words = words.replace(remote.key() or "\n", "***")
    except RemoteError:
        return ""
    words = "".join(char for char in words if char.isprintable())[:_QUOTED].rstrip(".")
    return f": “{words}”" if words else ""
