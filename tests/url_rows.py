"""Who may call which URL: one line for each name in the URL configuration. `test_every_url.py` holds the site to it.

A new URL needs a line here: its name, its methods, and for each method the rule that says what becomes of a request.
Rules are below; most URLs need `SIGNED_IN` (a page that shows what its reader may see), `SEES` (about one session) or
`CONTINUES` (adds to one). What stands in the URL is made up by the names of its parameters: `PLACES` in the test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from agentos.access.roles import Role

# What a request comes to.
OK, SIGN_IN, NOT_FOUND, REFUSED = "ok", "sign in", "not found", "refused"


@dataclass(frozen=True)
class Asker:
    """Who asks: a role, None without one; whether signed in; and which of the test's sessions they may see."""

    name: str
    role: Role | None = None
    is_somebody: bool = True
    sees: frozenset[str] = frozenset()
    bound: bool = False
    is_narrowed: bool = False
    audits: bool = False
    # Names of sources that they were granted, whether there is a session of theirs in it or not.
    told: frozenset[str] = frozenset()

    def has(self, role: Role) -> bool:
        """Whether the role includes `role`."""
        return self.role is not None and self.role.includes(role)


# Who asks, and what the URL is about: the name of one of the test's sessions, "missing", or "" when about none.
Rule = Callable[[Asker, str], str]


def OPEN(asker: Asker, about: str) -> str:  # rules stand in the table as words
    """For everybody, signed in or not."""
    return OK


def SIGNED_IN(asker: Asker, about: str) -> str:
    """For everybody who is signed in; it shows what each may see."""
    return OK if asker.is_somebody else SIGN_IN


def SEES(asker: Asker, about: str) -> str:
    """For whoever sees the session; to others it is not there."""
    if not asker.is_somebody:
        return SIGN_IN
    return OK if about in asker.sees else NOT_FOUND


def CONTINUES(asker: Asker, about: str) -> str:
    """For whoever sees the session and is an operator, or bound to its user."""
    found = SEES(asker, about)
    return REFUSED if found == OK and not asker.bound and not asker.has(Role.OPERATOR) else found


def OPERATES(asker: Asker, about: str) -> str:
    """For operators who see the session, bound or not."""
    found = SEES(asker, about)
    return REFUSED if found == OK and not asker.has(Role.OPERATOR) else found


def FLAGS(asker: Asker, about: str) -> str:
    """For whoever sees the session and is not bound to its user."""
    found = SEES(asker, about)
    return REFUSED if found == OK and asker.bound else found


def ANNOTATES(asker: Asker, about: str) -> str:
    """For operators who see the session and are not bound to its user; as data for all who see it."""
    found = FLAGS(asker, about)
    return f"{OK} or {REFUSED}" if found == REFUSED or (found == OK and not asker.has(Role.OPERATOR)) else found


def MODERATES(asker: Asker, about: str) -> str:
    """For moderators who see the session."""
    found = SEES(asker, about)
    return REFUSED if found == OK and not asker.has(Role.MODERATOR) else found


def ERASES(asker: Asker, about: str) -> str:
    """For administrators who see the session."""
    found = SEES(asker, about)
    return REFUSED if found == OK and not asker.has(Role.ADMIN) else found


def RUNS_IT(asker: Asker, about: str) -> str:
    """For operators who see every session."""
    found = needs(Role.OPERATOR)(asker, about)
    return REFUSED if found == OK and (asker.bound or asker.is_narrowed) else found


def ACTS(asker: Asker, about: str) -> str:
    """For whoever may do something to several sessions: who has a role, and moderates if bound to a user."""
    if not asker.is_somebody:
        return SIGN_IN
    return OK if asker.has(Role.MODERATOR if asker.bound else Role.VIEWER) else REFUSED


def AUDITS(asker: Asker, about: str) -> str:
    """For moderators who see every session, and auditors; to others it is not there."""
    if asker.audits:
        return OK
    found = needs(Role.MODERATOR)(asker, about)
    return NOT_FOUND if found == REFUSED or (found == OK and (asker.bound or asker.is_narrowed)) else found


def STARTS(asker: Asker, about: str) -> str:
    """For operators who see everything, and for whoever is bound to Alice, as whom a session is begun."""
    if not asker.is_somebody:
        return SIGN_IN
    may = asker.sees == {"mine"} if asker.bound else asker.has(Role.OPERATOR) and not asker.is_narrowed
    return OK if may else REFUSED


def RETAINS(asker: Asker, about: str) -> str:
    """For administrators who see everything: a rule looks at every session."""
    found = needs(Role.ADMIN)(asker, about)
    return REFUSED if found == OK and (asker.bound or asker.is_narrowed) else found


def PRICES(asker: Asker, about: str) -> str:
    """For administrators who see everything: every cost that is computed follows from it."""
    found = needs(Role.ADMIN)(asker, about)
    return REFUSED if found == OK and (asker.bound or asker.is_narrowed) else found


def PEOPLE(asker: Asker, about: str) -> str:
    """For administrators who see every session; to others it is not there."""
    found = only(Role.ADMIN)(asker, about)
    return NOT_FOUND if found == OK and (asker.bound or asker.is_narrowed) else found


def NOT_SET_UP(asker: Asker, about: str) -> str:
    """For nobody: what it belongs to is not set up in the test."""
    return NOT_FOUND


def NOBODYS(asker: Asker, about: str) -> str:
    """About something of somebody who is not in the test, and does not share it."""
    return NOT_FOUND if asker.is_somebody else SIGN_IN


def needs(role: Role) -> Rule:
    """For a role; others are told that it takes one."""

    def rule(asker: Asker, about: str) -> str:
        if not asker.is_somebody:
            return SIGN_IN
        return OK if asker.has(role) else REFUSED

    return rule


def only(role: Role) -> Rule:
    """For a role; to others it is not there."""

    def rule(asker: Asker, about: str) -> str:
        found = needs(role)(asker, about)
        return NOT_FOUND if found == REFUSED else found

    return rule


def names_nothing(rule: Rule) -> Rule:
    """As `rule`; but the form names something that is not there."""

    def missing(asker: Asker, about: str) -> str:
        found = rule(asker, about)
        return NOT_FOUND if found == OK else found

    return missing


@dataclass(frozen=True)
class Row:
    """The methods of a URL, each with its rule; query strings a GET is asked with besides; the form that is posted."""

    methods: dict[str, Rule]
    queries: tuple[str, ...] = ()
    form: dict[str, str] = field(default_factory=dict)


def get(rule: Rule, *queries: str, post: Rule | None = None, form: dict[str, str] | None = None) -> Row:
    """A URL to read, and to post to where `post` is given."""
    return Row({"GET": rule} | ({"POST": post} if post else {}), queries, form or {})


def post(rule: Rule) -> Row:
    """A URL that is only posted to."""
    return Row({"POST": rule})


ROWS: Final[dict[str, Row]] = {
    "home": get(SIGNED_IN),
    "overview": get(SIGNED_IN, "?q=needle", "?span=1y"),
    "health_list": get(SIGNED_IN, "?q=needle"),
    "sessions": get(SIGNED_IN, "?q=needle", "?sort=user", "?q=has:image"),
    "sessions_complete": get(SIGNED_IN, "?q=user:", "?q=agent:", "?q=tool:", "?q=model:", "?q=source:"),
    "sessions_export": get(needs(Role.VIEWER), "?format=csv", "?format=jsonl&q=needle", post=needs(Role.VIEWER)),
    "sessions_new": get(SIGNED_IN, "?since=0"),
    "sessions_selection": post(SIGNED_IN),
    "session_start": get(SIGNED_IN, post=STARTS, form={"source": "zqlab", "user_id": "zqalice"}),
    "session": get(SEES, "?view=timeline", "?view=log", "?tab=raw", "?find=needle", "?error=next"),
    "run": get(SEES, "?show=received", "?show=prompt"),
    "tool_call": get(SEES),
    "tool_text": get(SEES),
    "medium": get(SEES),
    "session_rename": post(CONTINUES),
    "session_auto_name": post(CONTINUES),
    "session_summarise": post(CONTINUES),
    "session_state": get(OPERATES, post=OPERATES),
    "session_fork": post(CONTINUES),
    "flag": get(FLAGS, post=FLAGS),
    "remarks": get(ANNOTATES, post=SEES),
    "open_on_hold": post(MODERATES),
    "redact": get(MODERATES, post=MODERATES, form={"text": "zqneedle"}),
    "session_erase": get(ERASES, post=ERASES),
    "secrets": get(MODERATES, post=MODERATES),
    "moderate": get(MODERATES, post=MODERATES),
    "jobs": get(SIGNED_IN),
    "job_new": post(ACTS),
    "job": get(NOBODYS, post=NOBODYS),
    "review": get(needs(Role.MODERATOR)),
    "review_next": post(needs(Role.MODERATOR)),
    "review_reasons": get(needs(Role.MODERATOR), post=needs(Role.MODERATOR)),
    "compare": get(SIGNED_IN, post=SIGNED_IN),
    "review_rules": get(needs(Role.MODERATOR), post=names_nothing(needs(Role.MODERATOR))),
    "review_suspended": get(needs(Role.MODERATOR), post=names_nothing(needs(Role.MODERATOR))),
    "case": get(NOBODYS, post=NOBODYS),
    "session_regenerate": post(CONTINUES),
    "session_branch": get(CONTINUES, post=CONTINUES),
    "waiting": get(SEES),
    "decision": post(CONTINUES),
    "turn_create": post(CONTINUES),
    "preview": get(SEES),
    "session_export": get(SEES, "?format=json", "?format=markdown", "?format=html", "?format=jsonl"),
    "import": get(needs(Role.OPERATOR), post=needs(Role.OPERATOR)),
    "views": get(SIGNED_IN, post=needs(Role.VIEWER)),
    "view": get(NOBODYS, post=NOBODYS),
    "users": get(SIGNED_IN, "?q=needle", "?find=zq"),
    "agents": get(SIGNED_IN, "?q=needle", "?find=zq"),
    "tools": get(SIGNED_IN, "?q=needle", "?find=zq"),
    "models": get(SIGNED_IN, "?q=needle", "?find=zq"),
    "masking": get(RETAINS, post=names_nothing(RETAINS)),
    "prices": get(
        needs(Role.VIEWER),
        "?format=csv",
        "?edit=1",
        "?model=zq",
        post=PRICES,
        form={"act": "save", "model": "any", "input": "1", "cached_inside": "yes"},
    ),
    "retention": get(RETAINS, post=names_nothing(RETAINS)),
    "search": get(SIGNED_IN, "?q=needle", "?q=needle&by=hit", "?q=zq*"),
    "jump": get(SIGNED_IN, "?q=needle", "?q=zq"),
    "turn": get(SEES),
    "turn_events": get(SEES),
    "turn_cancel": post(CONTINUES),
    "turn_retry": post(CONTINUES),
    "settings": get(RUNS_IT),
    "people": get(PEOPLE, "?show=all", "?find=some", post=PEOPLE),
    "person": get(PEOPLE, post=PEOPLE),
    "roles": get(PEOPLE, "?edit=viewer", post=PEOPLE),
    "audit": get(AUDITS, "?q=needle", "?kind=read"),
    "audit_export": get(AUDITS, "?format=csv", "?format=jsonl"),
    "oidc_start": post(NOT_SET_UP),
    "oidc_callback": get(NOT_SET_UP),
    "password": get(SIGNED_IN, post=SIGNED_IN),
    "sign_in": get(OPEN, post=OPEN),
    "sign_in_link": get(OPEN, post=OPEN),
    "sign_out": post(OPEN),
    "livez": get(OPEN),
    "readyz": get(OPEN),
}
