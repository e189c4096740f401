"""Who may do what. Each rule is a pair: `check_x()` raises `NotAllowed` with a sentence to show, `x()` is a boolean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from agentos.access.rights import RIGHTS, AnyUser, Right, Role, has_right, rights_of
from agentos.db.sources import get_source

NO_ROLE = "Your account has no role yet. Ask an administrator for one."
LACKING = "Your role does not let you {act}. Ask an administrator for one that does{such}."
OUTSIDE = "Your account shows a part of the sessions, which this one is not in."
ANOTHERS = "This session belongs to another user. You can {act} only your own."
COMPONENT_KINDS: Final = ("agent", "team", "workflow")


class NotAllowed(Exception):
    """The user may not do this; `str()` is a plain sentence that says why."""


class SessionRow(Protocol):
    """What the rules need to know of a session; a row of the catalog has it."""

    @property
    def source(self) -> str:
        """Name of the source that holds the session."""

    @property
    def session_id(self) -> str:
        """Its id there."""

    @property
    def user_id(self) -> str | None:
        """Agno's user, as the session names it."""

    @property
    def session_type(self) -> str:
        """Agno's kind of component: agent, team or workflow; "" while it has none."""

    @property
    def component_id(self) -> str | None:
        """The id of the agent, team or workflow."""


Obstacle = Callable[[AnyUser | None, SessionRow], str]
_obstacles: Final[list[Obstacle]] = []


def add_obstacle(obstacle: Obstacle) -> None:
    """Ask from now on as well why nobody may continue a session, whoever they are: "" for no reason.

    The user is None on the command line. Rooms above this one know of such reasons, which this one cannot.
    """
    if obstacle not in _obstacles:
        _obstacles.append(obstacle)


@dataclass(frozen=True)
class Scope:
    """Which sessions a user sees: all (`everything`), none (`nothing`), or those that each of these lets through.

    `agno_user_id`: the Agno user they are bound to. `sources`, `components` (kind and id), `users`: what they were
    granted, each empty for no limit; a session has to be of one of each that is not.
    """

    everything: bool
    agno_user_id: str | None = None
    sources: frozenset[str] = frozenset()
    components: frozenset[tuple[str, str]] = frozenset()
    users: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        """Whether no session is in it, whatever there is."""
        limits = (self.sources, self.components, self.users)
        return not self.everything and self.agno_user_id is None and not any(limits)

    def names_source(self, source: str) -> bool:
        """Whether a session of the source may be in it."""
        return not self.nothing and (not self.sources or source in self.sources)

    def covers(self, user_id: str | None, source: str = "", kind: str = "", component_id: str | None = None) -> bool:
        """Whether a session of the Agno user `user_id` (None: it names nobody) is in it.

        Of what is not said of the session it is taken for granted that the user may not see it.
        """
        if self.everything or self.nothing:
            return self.everything
        return (
            (self.agno_user_id is None or user_id == self.agno_user_id)
            and (not self.users or user_id in self.users)
            and (not self.sources or source in self.sources)
            and (not self.components or (kind, component_id) in self.components)
        )

    def covers_row(self, row: SessionRow) -> bool:
        """Whether a session is in it."""
        return self.covers(row.user_id, row.source, row.session_type, row.component_id)


def scope_of(user: AnyUser) -> Scope:
    """Return which sessions the user sees: without a role none, when bound their own, else what grants leave of all."""
    rights = rights_of(user)
    if Right.READ not in rights.held:
        return Scope(everything=False)

    def granted(kind: str) -> frozenset[str]:
        return frozenset(value for one, value in rights.grants if one == kind)

    return Scope(
        everything=not rights.is_narrowed,
        agno_user_id=rights.agno_user_id,
        sources=granted("source"),
        components=frozenset(grant for grant in rights.grants if grant[0] in COMPONENT_KINDS),
        users=granted("user"),
    )


def check_has(user: AnyUser, right: Right, act: str) -> None:
    """Raise `NotAllowed` unless the user has the right; `act` says in the sentence what it is for."""
    if not has_right(user, right):
        lowest = RIGHTS[right][0]
        such = "" if lowest == Role.VIEWER else f", such as {lowest}"
        raise NotAllowed(LACKING.format(act=act, such=such) if rights_of(user).groups else NO_ROLE)


def check_reads(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may read sessions at all, which everything that is about one needs."""
    check_has(user, Right.READ, "read sessions")


def check_sees(user: AnyUser, row: SessionRow | None, act: str = "change") -> None:
    """Raise `NotAllowed` unless the session, if one is given, is in what the user sees; `act` as in `check_has`."""
    scope = scope_of(user)
    if row is not None and not scope.covers_row(row):
        raise NotAllowed(OUTSIDE if scope.agno_user_id is None else ANOTHERS.format(act=act))


def check_sees_all(user: AnyUser, sentence: str) -> None:
    """Raise `NotAllowed` with the sentence if the user may see only a part of the sessions."""
    if rights_of(user).is_narrowed:
        raise NotAllowed(sentence)


def check_is_open(user: AnyUser | None, row: SessionRow) -> None:
    """Raise `NotAllowed` if something keeps everybody from adding to the session. `user` None: the command line."""
    sentence = next(filter(None, (obstacle(user, row) for obstacle in _obstacles)), "")
    if sentence:
        raise NotAllowed(sentence)


def check_can_continue(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may add a turn to the session.

    An operator may continue every session they see; a bound user of any role their own ones; nobody one on hold.
    """
    _check_may(user, row, "continue", "continued")


def can_continue(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_continue` lets the user through."""
    return _passes(check_can_continue, user, row)


def check_can_speak(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may answer in the agent's place; nobody bound to its user may."""
    check_reads(user)
    check_sees(user, row, "answer in")
    if rights_of(user).agno_user_id is not None:
        raise NotAllowed("In the agent's place answers somebody else than the session's user.")
    check_has(user, Right.SPEAK, "answer in the agent's place")
    _check_takes(user, row, "continued")


def can_speak(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_speak` lets the user through."""
    return _passes(check_can_speak, user, row)


def check_can_name(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may give the session a name or a summary: whoever may continue it may."""
    _check_may(user, row, "change", "changed")


def can_name(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_name` lets the user through."""
    return _passes(check_can_name, user, row)


def check_can_change_state(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may write the session's state by hand: an operator, in sessions they see.

    What a program keeps there is not for its users to set, so a bound user needs the role as well.
    """
    _check_may(user, row, "change", "changed")
    check_has(user, Right.CHANGE_STATE, "change the state of a session, which is the program's own")


def can_change_state(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_change_state` lets the user through."""
    return _passes(check_can_change_state, user, row)


def check_can_fork(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may copy the session into one of its own: whoever may continue it may."""
    _check_may(user, row, "fork", "forked")


def can_fork(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_fork` lets the user through."""
    return _passes(check_can_fork, user, row)


def check_can_start(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may begin a session in this source, of this Agno user (None: of nobody).

    An operator begins sessions for anybody; a bound user of any role, whom no other session is shown to, their own.
    """
    _check_may(user, row, "begin", "begun", other="You can begin sessions only as {}.")


def can_start(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_start` lets the user through."""
    return _passes(check_can_start, user, row)


def _check_may(user: AnyUser, row: SessionRow, act: str, done: str, other: str = "") -> None:
    """Refuse who may not write to a session; `act` and `done` name it in sentences, `other` says that it is not theirs.

    Raises:
        NotAllowed: with a sentence that says why.
    """
    check_reads(user)
    scope = scope_of(user)
    if other and scope.agno_user_id is not None and not scope.covers_row(row):
        raise NotAllowed(other.format(scope.agno_user_id))
    check_sees(user, row, act)
    if scope.agno_user_id is None:
        check_has(user, Right.CONTINUE, f"{act} sessions")
    _check_takes(user, row, done)


def _check_takes(user: AnyUser, row: SessionRow, done: str) -> None:
    """Refuse what would be written into a source that is read-only or gone, or a session that is closed to all."""
    try:
        source = get_source(row.source)
    except KeyError:
        raise NotAllowed(f"The source {row.source} is not configured any more.") from None
    if source.read_only:
        raise NotAllowed(f"The source {row.source} is opened read-only, so its sessions cannot be {done}.")
    check_is_open(user, row)


def check_can_approve(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may decide where a call needs an approval, which nobody gives themselves."""
    if rights_of(user).agno_user_id is not None:
        raise NotAllowed("This needs an approval by somebody else than the session's user: an operator.")
    check_has(user, Right.APPROVE, "decide on a call that needs an approval")


def can_approve(user: AnyUser) -> bool:
    """Whether `check_can_approve` lets the user through."""
    return _passes_alone(check_can_approve, user)


def _passes(check: Callable[[AnyUser, SessionRow], None], user: AnyUser, row: SessionRow) -> bool:
    try:
        check(user, row)
    except NotAllowed:
        return False
    return True


def check_can_choose_answerer(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may say who answers in a session that they may continue: an operator may.

    Whoever is bound to one Agno user is such a user of the agents: which servers there are is not their concern.
    """
    check_has(user, Right.CHOOSE_ANSWERER, "choose who answers")
    check_sees_all(user, "Who answers is chosen by people who see every session. Leave it as it is.")


def can_choose_answerer(user: AnyUser) -> bool:
    """Whether `check_can_choose_answerer` lets the user through."""
    return _passes_alone(check_can_choose_answerer, user)


def check_can_see_settings(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may see how this program is set up, and how what it depends on is."""
    check_has(user, Right.SEE_SETTINGS, "see how this program is set up")
    check_sees_all(user, "How this program is set up is shown to people who see every session.")


def can_see_settings(user: AnyUser) -> bool:
    """Whether `check_can_see_settings` lets the user through."""
    return _passes_alone(check_can_see_settings, user)


def _passes_alone(check: Callable[[AnyUser], None], user: AnyUser) -> bool:
    try:
        check(user)
    except NotAllowed:
        return False
    return True


def can_see_addresses(user: AnyUser) -> bool:
    """Whether the user may see where databases and servers are: an administrator may."""
    return has_right(user, Right.SEE_ADDRESSES)
