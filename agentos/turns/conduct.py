"""How people act in sessions of others: by their role, with a reason that is kept, at a bounded pace."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentos.access.rights import rights_of
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.prepared import Prepared
from agentos.turns.errors import ReasonMissing, TooMany
from agentos.turns.models import ActingReason, Turn, session_key

__all__ = ["MOST", "SHORTEST", "Acting", "acting_as", "acting_for", "conduct", "keep_reason", "said_reason"]

# Characters of a reason.
SHORTEST: Final = 5
MOST: Final = 500
# The Agno user of a session.
_OWNER: Final = Prepared(
    lambda source, key: CatalogSession.objects.filter(source=source, session_key=key).values_list("user_id")
)
MISSING: Final = (
    "You are acting in the session of {who}. Say why, in at least {shortest} characters: it is kept with what you send."
)
PACE: Final = "You have sent {count} messages within {span}, and no more are taken. Wait {wait}, then send it again."


@dataclass(frozen=True)
class Acting:
    """In whose session somebody acts, the reason they gave for it, "" before that, and whether one is asked for."""

    owner: str
    reason: str
    required: bool


def acting_as(user: User, row: CatalogSession) -> Acting | None:
    """Return in whose session the user would act; None in their own, or nobody's."""
    owner = acting_for(user, row.user_id)
    if not owner:
        return None
    return Acting(owner, reason_of(user, row.source, row.session_id), bool(settings.AGENTOS_ACTING_REASON))


def acting_for(user: User | None, owner: str | None) -> str:
    """Return in whose session the user acts; "" in their own, in nobody's, and for the command line."""
    if user is None or not owner or rights_of(user).agno_user_id == owner:
        return ""
    return owner


def reason_of(user: User, source_name: str, session_id: str) -> str:
    """Return why the user acts in this session, as they have said; "" before that."""
    given = ActingReason.objects.filter(user=user, session_key=session_key(source_name, session_id))
    return given.values_list("reason", flat=True).first() or ""


def conduct(turn: Turn, reason: str) -> None:
    """Write into a new turn for whom its sender acts and why; what was said once for a session counts from then on.

    Raises:
        ReasonMissing: nothing was said yet.
        TooMany: the sender has sent as much as one may.
    """
    if turn.user is None:
        return
    check_pace(turn.user)
    owner = next((user_id for (user_id,) in _OWNER.rows(turn.source, index_key(turn.session_id))), None)
    turn.acting_for = acting_for(turn.user, owner)
    if not turn.acting_for:
        return
    turn.reason = said_reason(turn.user, owner, (turn.source, turn.session_id), reason)


def said_reason(user: User, owner: str | None, session: tuple[str, str], given: str) -> str:
    """Return why the user acts in a session (source, id) of `owner`: as given now, else as said before; "" for none.

    Raises:
        ReasonMissing: it has to be said, and was not.
    """
    acting = acting_for(user, owner)
    if not acting:
        return ""
    said = " ".join(given.split())[:MOST]
    reason = said if len(said) >= SHORTEST else reason_of(user, *session)
    if not reason and settings.AGENTOS_ACTING_REASON:
        raise ReasonMissing(MISSING.format(who=acting, shortest=SHORTEST))
    return reason


def keep_reason(turn: Turn) -> None:
    """Keep the reason of a turn for those that its sender sends in this session later."""
    if not turn.reason or turn.user is None:
        return
    with transaction.atomic():
        ActingReason.objects.update_or_create(
            user=turn.user, session_key=turn.session_key, defaults={"reason": turn.reason}
        )


def check_pace(user: User) -> None:
    """Refuse a user who has sent as many turns as one may within a minute or an hour.

    Raises:
        TooMany: the sentence says how long to wait.
    """
    now = timezone.now()
    for limit, span, words in (
        (settings.AGENTOS_TURNS_PER_MINUTE, timedelta(minutes=1), "a minute"),
        (settings.AGENTOS_TURNS_PER_HOUR, timedelta(hours=1), "an hour"),
    ):
        if not limit:
            continue
        sent = Turn.objects.filter(user=user, created_at__gt=now - span).order_by("-created_at")
        oldest = sent.values_list("created_at", flat=True)[limit - 1 : limit]
        for moment in oldest:
            raise TooMany(PACE.format(count=limit, span=words, wait=_seconds(moment + span - now)))


def _seconds(wait: timedelta) -> str:
    seconds = max(1, round(wait.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
