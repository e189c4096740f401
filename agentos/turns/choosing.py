"""Who can answer in a session, and who does: registered here, else served by a remote server, else rebuilt from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from agentos.agents import registry
from agentos.db.sql import SqlDb
from agentos.llm.demo import DEMO_MODEL_ID
from agentos.records import Session
from agentos.remotes import discovery
from agentos.remotes.errors import RemoteError
from agentos.remotes.models import RemoteState
from agentos.remotes.remote import Remote, all_remotes
from agentos.turns.answerers import Answerer, RebuiltAnswerer, RegisteredAnswerer
from agentos.turns.answering import DEFAULT_MODEL, limits_of
from agentos.turns.errors import BadRequest, CannotAnswer
from agentos.turns.going_on import arrived
from agentos.turns.intake import Intake
from agentos.turns.models import Turn
from agentos.turns.remote_answerer import RemoteAnswerer
from agentos.turns.speaking import OPERATOR, Human
from agentos.turns.states import Status
from agentos.turns.turn_db import TurnDb

__all__ = ["AUTOMATIC", "REBUILT", "REMOTE", "Candidate", "answerer", "candidates", "check_choice", "has_program"]

# As `Turn.answerer` has them. A remote's is REMOTE and its name.
AUTOMATIC, REGISTERED, REBUILT, REMOTE = "", "registered", "rebuilt", "remote:"
# What is known of remotes is old enough to be looked at once more before a turn relies on it.
_OLD: Final = timedelta(minutes=2)
# Earlier tries of a message whose runs are looked for.
_TRIES: Final = 5

HERE: Final = "It answers itself, with its tools: it is registered here as {place}."
THERE: Final = "It answers itself, with its tools: the server {name} runs it."
OWN_USER: Final = "That server runs everything as the user of its key."
WORKFLOW_FILES: Final = "That server takes no files for a workflow."
OWN_MODELS: Final = "of its own"
NO_CHOICE: Final = "Nobody answers here under the name {value!r}. Choose once more from the page as it is now."
GONE: Final = "Who was chosen to answer, {value}, is not configured any more, or does not serve this session's {kind}."
OTHER_DATABASE: Final = (
    "The server {name} does not know this session: the source {source} is not the database it writes to. "
    "Choose someone else to answer."
)


@dataclass(frozen=True)
class Candidate:
    """One who could answer. `value`: as `Turn.answerer` has it. `place`: where it runs, in a few words.

    `limits` say in sentences what it cannot do, or how it answers; `problem` why it does not answer at the moment.
    """

    value: str
    place: str
    model_id: str
    limits: tuple[str, ...]
    problem: str = ""


def candidates(source: str, kind: str, component_id: str | None, model_id: str | None) -> list[Candidate]:
    """Return who could answer in a session, the one who does unless another is chosen first; one statement at most.

    `model_id`: the session's own model, if it names one.
    """
    return [
        *_registered(kind, component_id),
        *(_remote(remote, state, kind, component_id) for remote, state in _serving(source, kind, component_id)),
        _rebuilt(kind, model_id),
    ]


def check_choice(value: str, choices: list[Candidate]) -> None:
    """Refuse a choice that is none.

    Raises:
        BadRequest: with a sentence.
    """
    if value != AUTOMATIC and value not in [choice.value for choice in choices]:
        raise BadRequest(NO_CHOICE.format(value=value[:60]))


def answerer(turn: Turn, session: Session, db: TurnDb, intake: Intake) -> Answerer:
    """Return who answers this turn; `db` keeps what comes of it. May wait some seconds for remote servers.

    Raises:
        CannotAnswer: who was chosen does not answer here, or a remote that should cannot.
        SourceUnavailable: the source cannot be read.
    """
    if turn.kind == OPERATOR:
        return Human(turn, session, db)
    kind, component_id = _component(session, turn.options.get("component"))
    chosen = turn.answerer or _who_began(turn)
    if chosen in (AUTOMATIC, REGISTERED) and (found := registry.find(kind, component_id)):
        return RegisteredAnswerer(found, db)
    if chosen == AUTOMATIC or chosen.startswith(REMOTE):
        name = chosen.removeprefix(REMOTE)
        _renew(turn.source, name)
        serving = list(_serving(turn.source, kind, component_id, name))
        if serving:
            return _first_that_knows(serving, (kind, component_id or ""), session, db, intake, _earlier(turn))
    if chosen in (AUTOMATIC, REBUILT):
        of_run = {"session_type": kind, f"{kind}_id": component_id, f"{kind}_data": None}
        same = (kind, component_id) == (session.session_type, session.component_id)
        return RebuiltAnswerer(session if same else Session.from_dict(session.raw | of_run), db, intake, arrived(turn))
    raise CannotAnswer(GONE.format(value=chosen.removeprefix(REMOTE), kind=kind))


def has_program(source: str, kind: str, component_id: str | None) -> bool:
    """Whether somebody answers who has its own tools, members and steps, unless another is chosen."""
    return candidates(source, kind, component_id, None)[0].value != REBUILT


def _component(session: Session, of_run: dict[str, Any] | None) -> tuple[str, str | None]:
    """Return kind and id of whom the session belongs to, or of the run to go on with: others may run in it, too."""
    if of_run is None:
        return session.session_type or "agent", session.component_id
    return str(of_run.get("kind")), of_run.get("id")


def _who_began(turn: Turn) -> str:
    """Return who was chosen when the run was begun that this turn goes on with; AUTOMATIC for nobody."""
    if "run_id" not in turn.options:
        return AUTOMATIC
    turns = Turn.objects.of_session(turn.source, turn.session_id).filter(run_id=turn.aimed_at).exclude(pk=turn.pk)
    first = turns.values_list("answerer", flat=True).first()
    return first or AUTOMATIC


def _earlier(turn: Turn) -> tuple[str, ...]:
    """Return the runs that were begun for the same message before, the last first; what was stopped is over."""
    ids: list[str] = []
    before = turn.retry_of
    while before is not None and before.status != Status.CANCELLED and len(ids) < _TRIES:
        ids.append(before.run_id or before.aimed_at)
        before = before.retry_of
    return tuple(ids)


def _first_that_knows(
    serving: list[tuple[Remote, RemoteState]],
    component: tuple[str, str],
    session: Session,
    db: SqlDb,
    intake: Intake,
    earlier: tuple[str, ...],
) -> RemoteAnswerer:
    """Return the first remote whose database holds the session.

    Nobody takes its place when there is none: who waits for the real agent is not served an imitation unawares.

    Raises:
        CannotAnswer: there is none, or none can be asked.
    """
    why = ""
    for remote, state in serving:
        serves = state.component(*component)
        if serves is None:
            continue
        who = RemoteAnswerer(remote, serves, session, db, intake, earlier)
        try:
            if who.knows_session():
                return who
        except RemoteError as error:
            why = why or str(error)
        else:
            why = why or OTHER_DATABASE.format(name=remote.name, source=db.source.name)
    raise CannotAnswer(why)


def _allowed(source: str, name: str = "") -> list[Remote]:
    """Return the remotes that may answer in sessions of the source; of this name, if one is given."""
    return [one for one in all_remotes() if one.serves_source(source) and name in ("", one.name)]


def _renew(source: str, name: str) -> None:
    """Look anew at remotes of which little or nothing is known: where no page is open, nobody else does."""
    remotes = _allowed(source, name)
    states, old = discovery.states() if remotes else {}, timezone.now() - _OLD
    for remote in remotes:
        checked_at = states[remote.name].checked_at
        if checked_at is None or checked_at < old:
            discovery.look(remote)


def _serving(source: str, kind: str, component_id: str | None, name: str = "") -> Iterator[tuple[Remote, RemoteState]]:
    """Yield the remotes that serve it, also those that do not answer just now; of this name, if one is given."""
    remotes = _allowed(source, name)
    states = discovery.states() if remotes else {}
    for remote in remotes:
        if component_id and states[remote.name].component(kind, component_id):
            yield remote, states[remote.name]


def _registered(kind: str, component_id: str | None) -> Iterator[Candidate]:
    if found := registry.find(kind, component_id):
        yield Candidate(REGISTERED, "here", found.model_id or OWN_MODELS, (HERE.format(place=found.place),))


def _remote(remote: Remote, state: RemoteState, kind: str, component_id: str | None) -> Candidate:
    serves = state.component(kind, component_id or "") or {}
    limits = [THERE.format(name=remote.name)]
    limits += [WORKFLOW_FILES] if kind == "workflow" else []
    limits += [OWN_USER] if state.isolates_users else []
    model_id = serves.get("model") or OWN_MODELS
    return Candidate(f"{REMOTE}{remote.name}", f"on {remote.name}", model_id, tuple(limits), state.problem)


def _rebuilt(kind: str, model_id: str | None) -> Candidate:
    model = (model_id or DEFAULT_MODEL) if settings.OPENAI_API_KEY else DEMO_MODEL_ID
    return Candidate(REBUILT, "its model alone", model, tuple(limits_of(kind)))
