"""What moderation puts into the audit log."""

from agentos.audit.acts import Act, register

register(
    Act("flag.put", "change", "flag", "Flagged session"),
    Act("flag.take_back", "change", "flag", "Took back a flag on session"),
    Act("reason.keep", "change", "flag", "Kept the reason “{name}” for flags"),
    Act("rule.keep", "change", "filter", "Kept the rule “{name}”: {query}"),
    Act("rule.drop", "change", "filter", "Deleted the rule “{name}”"),
    Act("case.claim", "change", "inbox", "Claimed case {case}"),
    Act("case.assign", "change", "inbox", "Assigned case {case}"),
    Act("case.give_back", "change", "inbox", "Gave back case {case}"),
    Act("case.escalate", "change", "inbox", "Escalated case {case}"),
    Act("case.resolve", "change", "inbox", "Resolved case {case}: {outcome}"),
    Act("case.reopen", "change", "inbox", "Opened case {case} again"),
    Act("case.due", "change", "inbox", "Moved the due time of case {case}"),
    Act("session.hold", "change", "lock", "Put session on hold"),
    Act("session.hold.lift", "change", "lock", "Released the hold on session"),
    Act("session.hold.opened", "read", "lock", "Opened session on hold"),
    Act("session.hidden", "change", "lock", "Hid session"),
    Act("session.hidden.lift", "change", "lock", "Showed session again"),
    Act("session.archived", "change", "archive", "Archived session"),
    Act("session.archived.lift", "change", "archive", "Took session out of the archive"),
    Act("session.takeover", "change", "operator", "Took over session"),
    Act("session.takeover.lift", "change", "operator", "Handed back session"),
    Act("tag.put", "change", "tag", "Tagged session “{tag}”"),
    Act("tag.take_off", "change", "tag", "Took the tag “{tag}” off session"),
    Act("note.put", "change", "note", "Wrote a note on session"),
    Act("note.take_back", "change", "note", "Took back a note on session"),
    Act("thumb.give", "change", "star", "Gave a thumb: {thumb}"),
    Act("user.suspend", "change", "user", "Suspended user {agno_user_id}"),
    Act("user.lift_suspension", "change", "user", "Lifted the suspension of user {agno_user_id}"),
)
