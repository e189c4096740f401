"""What an act has to know and nobody may keep, such as a text that is redacted: sealed while its job is not over.

A redaction of many sessions goes on in another process, perhaps tomorrow, so the text has to be somewhere. It is in one
column, emptied when the job ends, and unreadable there, so that no backup, log of statements or dead row of a database
ever holds it: Fernet, of the package cryptography, with a key made of the program's own.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class CannotOpen(Exception):
    """What was sealed cannot be read: the program's secret key is another one by now."""


def seal(values: Mapping[str, str]) -> str:
    """Return texts by name as something that only this program's secret key opens; "" for no texts."""
    if not any(values.values()):
        return ""
    return _fernet().encrypt(json.dumps(dict(values)).encode()).decode()


def unseal(sealed: str) -> dict[str, str]:
    """Return what was sealed. Raises `CannotOpen`."""
    if not sealed:
        return {}
    from cryptography.fernet import InvalidToken

    try:
        found: dict[str, str] = json.loads(_fernet().decrypt(sealed.encode()))
    except InvalidToken:
        raise CannotOpen from None
    return found


def fingerprint(text: str) -> str:
    """Return what tells that the same text is named again, "" for none. Nobody tests a guess without the secret key."""
    key = hashlib.sha256(b"redaction" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16] if text else ""


def _fernet() -> "Fernet":
    """Return what seals and opens; its library takes its time to load, and few processes seal anything."""
    from cryptography.fernet import Fernet

    return Fernet(urlsafe_b64encode(hashlib.sha256(b"jobs seal " + settings.SECRET_KEY.encode()).digest()))
