"""What turns put into the audit log besides being sent."""

from agentos.audit.acts import Act, register

DECIDED = Act("turn.decided", "change", "next", "Decided on a paused run: {what}")
register(DECIDED)
