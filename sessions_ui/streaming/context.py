"""What the chat pane needs to know about a session, without reading its source."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from agentos.access.rules import NotAllowed, can_choose_answerer, can_speak, check_can_continue
from agentos.catalog.models import CatalogSession
from agentos.moderation.rules import can_annotate
from agentos.remotes.discovery import look_if_due
from agentos.turns import attachments
from agentos.turns.choosing import Candidate, candidates
from agentos.turns.conduct import Acting, acting_as
from agentos.turns.kinds import MAX_MESSAGE
from agentos.turns.models import Turn
from agentos.turns.service import sweep_orphans
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters.decisions import Decisions
from sessions_ui.streaming.live import LiveTurn

# How many of a session's turns are shown as they go on; more wait unseen.
_SHOWN: Final = 10
# Quick prompts that are offered.
_QUICK: Final = 8


@dataclass(frozen=True)
class Mode:
    """A way to write into a session: `value` as the form has it, its name, and what it does, in a sentence."""

    value: str
    name: str
    tells: str


ASK: Final = Mode("user", "As user", "The agent answers it.")
SPEAK: Final = Mode(
    "operator", "As operator", "It stands in the agent's place: the user reads it, and so will the agent."
)
NOTE: Final = Mode("note", "Note", "For colleagues alone: neither the agent nor the session's user sees it.")


@dataclass(frozen=True)
class Composer:
    """The form with which a session is continued, or why it is not there."""

    row: CatalogSession
    reason: str  # why this user may not continue; empty when they may
    key: str  # the idempotency key of this very rendering
    answering: str
    choices: list[Candidate]  # who may be chosen to answer; empty when there is no choice
    chosen: str
    first: Candidate  # who answers when nobody is chosen
    acting: Acting | None = None  # in whose session one acts
    draft: str = ""
    problem: str = ""
    max_length: int = MAX_MESSAGE
    modes: list[Mode] = field(default_factory=list)  # how one may write, empty where there is one way alone
    mode: str = ASK.value
    quick: list[str] = field(default_factory=lambda: list(settings.AGENTOS_QUICK_PROMPTS[:_QUICK]))
    accept: str = attachments.ACCEPT
    most_files: int = attachments.MOST
    largest_file: int = attachments.LARGEST
    files_together: int = attachments.TOGETHER


def composer_context(
    request: HttpRequest, row: CatalogSession, *, draft: str = "", problem: str = "", chosen: str = ""
) -> dict[str, Any]:
    """Return the context of `composer.html`: the form, the turns that are under way, and one whose answer was lost.

    `draft`, `chosen`, `problem`: what to show again, and why, when a form was refused.
    """
    turns = _turns(row)
    if any(turn.is_active for turn in turns) and sweep_orphans():
        turns = _turns(row)
    composer, decisions = _composer(request, row, draft, problem, chosen), Decisions(request, row)
    return {
        "composer": composer,
        "may_send": not composer.reason,
        "acting": composer.acting,
        "live_turns": [LiveTurn.at(turn, turn.last_seq) for turn in turns if turn.is_active][:_SHOWN],
        "lost_turn": lost_turn(turns),
        "decisions": decisions,
        # Once a form was refused for want of it, it asks itself.
        "asked_above": bool(composer.acting) and not problem and decisions.asks_why,
    }


def _turns(row: CatalogSession) -> list[Turn]:
    return list(Turn.objects.of_session(row.source, row.session_id).active_or_last()[: _SHOWN + 1])


def lost_turn(turns: list[Turn]) -> LiveTurn | None:
    """Return the last of these turns if it is over and is not in the session: only here can its text be read."""
    last = turns[-1] if turns else None
    if last is None or last.is_active or last.run_id or last.status == "cancelled":
        return None
    return LiveTurn.at(last, last.last_seq)


def _modes(request: HttpRequest, row: CatalogSession) -> tuple[list[Mode], str]:
    """Return how the user may write into the session, and why not as its user."""
    reason = ""
    try:
        check_can_continue(request.user, row)
    except NotAllowed as error:
        reason = str(error)
    speaks = can_speak(request.user, row)
    modes = [*([] if reason else [ASK]), *([SPEAK] if speaks else [])]
    return (modes + ([NOTE] if can_annotate(request.user, row) else []) if modes else []), reason


def _composer(request: HttpRequest, row: CatalogSession, draft: str, problem: str, chosen: str) -> Composer:
    modes, reason = _modes(request, row)
    reason = "" if modes else reason
    choices = candidates_for(row)
    first = choices[0]
    return Composer(
        row=row,
        reason=reason,
        key=uuid.uuid4().hex,
        answering=row.component_name or row.component_id or f"The {row.session_type or 'agent'}",
        choices=choices if len(choices) > 1 and can_choose_answerer(request.user) else [],
        chosen=chosen,
        first=first,
        acting=acting_as(signed_in_user(request), row) if not reason else None,
        draft=draft,
        problem=problem,
        modes=modes if modes != [ASK] else [],
        mode=_mode(request.POST.get("as", "") if problem else "", modes),
    )


def _mode(asked: str, modes: list[Mode]) -> str:
    values = [mode.value for mode in modes]
    return asked if asked in values else next(iter(values), ASK.value)


def candidates_for(row: CatalogSession) -> list[Candidate]:
    """Return who could answer in the session, first the one who does; remotes are looked at in the background."""
    look_if_due()
    return candidates(row.source, row.session_type or "agent", row.component_id, row.model)
