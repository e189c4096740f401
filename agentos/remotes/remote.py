"""A remote: one AgentOS server by name, as AGENTOS_REMOTES gives it, and where its key is."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.conf import settings

from agentos.remotes.errors import RemoteError

__all__ = ["Remote", "all_remotes", "parse_remotes", "problem"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_EXAMPLE: Final = "prod=https://agents.example.com"


@dataclass(frozen=True)
class Remote:
    """One AgentOS server. `url` ends without a slash and holds no secret.

    `sources`: names of the sources in whose sessions it may answer; empty for all.
    """

    name: str
    url: str
    sources: tuple[str, ...] = ()

    @property
    def key_setting(self) -> str:
        """The environment variable that holds its key."""
        return f"AGENTOS_REMOTE_{self.name.upper().replace('-', '_')}_KEY"

    @property
    def has_key(self) -> bool:
        """Whether a key, or a file with one, is configured."""
        keys = settings.AGENTOS_REMOTE_KEYS
        return bool(keys.get(self.key_setting) or keys.get(f"{self.key_setting}_FILE"))

    @property
    def sends_key_in_clear(self) -> bool:
        """Whether its key crosses a network unencrypted."""
        parts = urlsplit(self.url)
        return self.has_key and parts.scheme == "http" and not _is_here(parts.hostname or "")

    def key(self) -> str:
        """Return its key or token, "" for none. A file is read each time, so that a token in it may be renewed.

        Raises:
            RemoteError: the file cannot be read, or a line break is in the key.
        """
        keys = settings.AGENTOS_REMOTE_KEYS
        key: str = keys.get(self.key_setting, "")
        if path := keys.get(f"{self.key_setting}_FILE"):
            try:
                key = Path(path).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise RemoteError(f"The file that {self.key_setting}_FILE names cannot be read.") from error
        key = key.strip()
        if not key.isascii() or not key.isprintable():
            raise RemoteError(f"{self.key_setting} holds more than one key: a line break, or letters no key has.")
        return key

    def serves_source(self, name: str) -> bool:
        """Whether it may answer in sessions of this source."""
        return not self.sources or name in self.sources


def parse_remotes(text: str) -> list[Remote]:
    """Read "name=url, name=url". `?source=name` behind a URL, also several times, names the sources it is for.

    Raises:
        RemoteError: with a sentence that says which entry is wrong and how; it holds no URL, which may hold a key.
    """
    remotes: dict[str, Remote] = {}
    for number, entry in enumerate(filter(None, (part.strip() for part in re.split(r"[,\n]", text))), 1):
        remote = _parse_entry(entry, number)
        if remote.key_setting in remotes:
            raise RemoteError(f"Two remotes are called {remote.name}, or so nearly that their keys would be one.")
        remotes[remote.key_setting] = remote
    return list(remotes.values())


def all_remotes() -> list[Remote]:
    """Return the configured remotes, in order; none when the setting cannot be read (see `problem`)."""
    return list(_configured(settings.AGENTOS_REMOTES)[0])


def problem() -> str:
    """Return what is wrong with AGENTOS_REMOTES in a sentence, "" when nothing is."""
    return _configured(settings.AGENTOS_REMOTES)[1]


@lru_cache(maxsize=8)
def _configured(text: str) -> tuple[tuple[Remote, ...], str]:
    try:
        return tuple(parse_remotes(text)), ""
    except RemoteError as error:
        return (), f"AGENTOS_REMOTES: {error}"


def _parse_entry(entry: str, number: int) -> Remote:
    name, equals, url = (part.strip() for part in entry.partition("="))
    if not equals or not _NAME.fullmatch(name):
        raise RemoteError(f"Remote {number} needs a name of a-z, 0-9, - and _ before its URL; write {_EXAMPLE}.")
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in ("http", "https"):
        raise RemoteError(f"Remote {name}: the URL cannot be understood; write for example {_EXAMPLE}.")
    if parts.username is not None or parts.password is not None:
        raise RemoteError(f"Remote {name}: a key has no place in the URL; put it into AGENTOS_REMOTE_…_KEY.")
    return Remote(name, f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", _sources(name, parts))


def _sources(name: str, parts: SplitResult) -> tuple[str, ...]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if parts.fragment or any(key != "source" or not value for key, value in pairs):
        raise RemoteError(f"Remote {name}: behind the URL may stand ?source=name, and nothing else.")
    return tuple(value for _, value in pairs)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
