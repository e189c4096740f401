"""What redacting puts into the audit log: never the text, but a keyed fingerprint by which the same one is known."""

from typing import Final

from agentos.audit.acts import Act, register

REDACTED: Final = "session.redacted"
SCRUBBED: Final = "database.scrubbed"

register(
    Act(REDACTED, "change", "lock", "Redacted {what}, {count} times, in session"),
    Act(SCRUBBED, "change", "lock", "Overwrote what was deleted in {database}"),
)
