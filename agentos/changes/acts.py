"""What of these changes is on record, by name."""

from typing import Final

from agentos.audit.acts import Act, register

RENAMED: Final = "session.renamed"
NAMED: Final = "session.named"
SUMMED_UP: Final = "session.summed_up"
STATE_CHANGED: Final = "session.state_changed"
FORKED: Final = "session.forked"
STARTED: Final = "session.started"
REGENERATED: Final = "run.regenerated"

register(
    Act(RENAMED, "change", "edit", "Renamed session to “{name}”"),
    Act(NAMED, "change", "edit", "Had a name found: “{name}”"),
    Act(SUMMED_UP, "change", "edit", "Had the session summed up"),
    Act(STATE_CHANGED, "change", "edit", "Changed the session’s state"),
    Act(FORKED, "change", "fork", "Forked session to {session_id}, with {runs} runs"),
    Act(REGENERATED, "change", "next", "Had an answer made anew"),
    Act(STARTED, "change", "next", "Began a session with {component}"),
)
