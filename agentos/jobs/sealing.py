"""What an act has to know and nobody may keep, such as a text that is redacted: sealed while its job is not over.

A redaction of many sessions goes on in another process, perhaps tomorrow, so the text has to be somewhere. It is in one
column, emptied when the job ends, and unreadable there, so that no backup, log of statements or dead row of a database
ever holds it: SHAKE-256 of a key and a number that is used once makes as many bytes as the text has, which are added to
it; an HMAC over both says that they are ours.
"""

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

from django.conf import settings

_NONCE: Final = 16
_TAG: Final = 32


class CannotOpen(Exception):
    """What was sealed cannot be read: the program's secret key is another one by now."""


def seal(values: Mapping[str, str]) -> str:
    """Return texts by name as something that only this program's secret key opens; "" for no texts."""
    if not any(values.values()):
        return ""
    text = json.dumps(dict(values)).encode()
    nonce = secrets.token_bytes(_NONCE)
    body = _mixed(text, nonce)
    return b64encode(nonce + body + _tag(nonce + body)).decode()


def unseal(sealed: str) -> dict[str, str]:
    """Return what was sealed. Raises `CannotOpen`."""
    if not sealed:
        return {}
    try:
        raw = b64decode(sealed, validate=True)
    except ValueError:
        raise CannotOpen from None
    body, tag = raw[:-_TAG], raw[-_TAG:]
    if len(raw) < _NONCE + _TAG or not hmac.compare_digest(tag, _tag(body)):
        raise CannotOpen
    found: dict[str, str] = json.loads(_mixed(body[_NONCE:], body[:_NONCE]))
    return found


def fingerprint(text: str) -> str:
    """Return what tells that the same text is named again, "" for none. Nobody tests a guess without the secret key."""
    key = hashlib.sha256(b"redaction" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16] if text else ""


def _mixed(data: bytes, nonce: bytes) -> bytes:
    stream = hashlib.shake_256(_key("stream") + nonce).digest(len(data))
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))


def _tag(data: bytes) -> bytes:
    return hmac.new(_key("tag"), data, hashlib.sha256).digest()


def _key(purpose: str) -> bytes:
    return hashlib.sha256(f"jobs {purpose} ".encode() + settings.SECRET_KEY.encode()).digest()
