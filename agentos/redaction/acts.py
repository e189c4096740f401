"""What redacting puts into the audit log: never the text, but a keyed fingerprint by which the same one is known."""

import hashlib
import hmac
from typing import Final

from django.conf import settings

from agentos.audit.acts import Act, register

REDACTED: Final = "session.redacted"
SCRUBBED: Final = "database.scrubbed"

register(
    Act(REDACTED, "change", "lock", "Redacted {what}, {count} times, in session"),
    Act(SCRUBBED, "change", "lock", "Overwrote what was deleted in {database}"),
)


def fingerprint(text: str) -> str:
    """Return what tells that the same text was redacted again. Without the secret key nobody can test a guess."""
    key = hashlib.sha256(b"redaction" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]
