"""What turns put into the audit log besides being sent."""

from agentos.audit.acts import Act, register

DECIDED = Act("turn.decided", "change", "next", "Decided on a paused run: {what}")
PUT_BACK = Act("turn.put_back", "change", "copy", "Put back {count} runs that another program had overwritten")
SPOKEN = Act("turn.spoken", "change", "operator", "Wrote in the agent's place")
register(DECIDED, PUT_BACK, SPOKEN)
