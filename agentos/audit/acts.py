"""What can be on record: a small registry of acts, each with its kind, its icon and the sentence that tells it.

Rooms above register their own when they are imported; an act that nobody registered cannot be recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentos.audit.texts import bounded

# What the page groups acts by, with the word for it.
KINDS: Final = {
    "change": "Changes",
    "read": "Reads",
    "export": "Exports",
    "sign-in": "Sign-ins",
    "rights": "Rights",
}
_VALUE_CHARACTERS: Final = 120


@dataclass(frozen=True)
class Act:
    """An act by its name, such as `session.opened`.

    `icon` is one of the pages' icons. `sentence` says what was done; `{name}` in it stands for a detail of the entry.
    """

    name: str
    kind: str
    icon: str
    sentence: str

    def told(self, details: Mapping[str, Any]) -> str:
        """Return the sentence with the details of an entry in it, each on one line and cut; a missing one is "…"."""
        return self.sentence.format_map(_Values(details)) if "{" in self.sentence else self.sentence

    @property
    def label(self) -> str:
        """The sentence with "…" for all details, for people who choose among acts."""
        return self.told({})


class _Values(dict[str, str]):
    def __init__(self, details: Mapping[str, Any]) -> None:
        super().__init__({name: bounded(str(value), _VALUE_CHARACTERS) for name, value in details.items()})

    def __missing__(self, key: str) -> str:
        return "…"


_acts: Final[dict[str, Act]] = {}


def register(*acts: Act) -> None:
    """Make acts known. Raises ValueError for a name that is taken by another act, or a kind there is not."""
    for one in acts:
        if _acts.get(one.name, one) != one:
            raise ValueError(f"The act {one.name} is registered already.")
        if one.kind not in KINDS:
            raise ValueError(f"The act {one.name} is of no kind: {one.kind}.")
        _acts[one.name] = one


def find(name: str) -> Act | None:
    """Return the act of that name; None for one that was recorded by a version which knew more."""
    return _acts.get(name)


def known() -> list[Act]:
    """Return all acts, by kind and name."""
    order = list(KINDS)
    return sorted(_acts.values(), key=lambda one: (order.index(one.kind), one.name))


register(
    Act("session.opened", "read", "eye", "Opened session"),
    Act("session.previewed", "read", "eye", "Previewed session"),
    Act("run.opened", "read", "eye", "Opened run"),
    Act("call.opened", "read", "eye", "Opened tool call"),
    Act("call.downloaded", "read", "download", "Downloaded {part} of tool call"),
    Act("media.opened", "read", "image", "Opened a medium"),
    Act("search", "read", "search", "Searched “{query}”"),
    Act("audit.opened", "read", "eye", "Looked at the audit log"),
    Act("token.used", "read", "key", "Used an API token"),
    Act("session.exported", "export", "download", "Exported session as {format}"),
    Act("sessions.exported", "export", "download", "Exported a list of sessions as {format}"),
    Act("audit.exported", "export", "download", "Exported the audit log as {format}"),
    Act("turn.sent", "change", "next", "Sent a message"),
    Act("turn.retried", "change", "next", "Sent a message again"),
    Act("turn.cancelled", "change", "close", "Stopped an answer"),
    Act("session.imported", "change", "file", "Imported session"),
    Act("view.saved", "change", "star", "Saved view “{name}”"),
    Act("view.shared", "change", "star", "Shared view “{name}”"),
    Act("view.unshared", "change", "star", "Took back view “{name}”"),
    Act("view.deleted", "change", "star", "Deleted view “{name}”"),
    Act("sign_in.ok", "sign-in", "key", "Signed in by {way}"),
    Act("sign_in.failed", "sign-in", "bad", "Failed to sign in"),
    Act("sign_in.paused", "sign-in", "bad", "Was refused: too many tries to sign in"),
    Act("password.changed", "sign-in", "key", "Changed their own password, which signed {count} other browsers out"),
    Act("password.failed", "sign-in", "bad", "Gave a wrong password to change it"),
    Act("sign_out", "sign-in", "key", "Signed out"),
    Act("link.issued", "sign-in", "link", "Issued a sign-in link"),
    Act("link.revoked", "sign-in", "link", "Took back {count} sign-in links"),
    Act("token.issued", "sign-in", "key", "Issued an API token"),
    Act("token.revoked", "sign-in", "key", "Took back {count} API tokens"),
)
