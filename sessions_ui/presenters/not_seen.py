"""Which answers of people the agent has certainly not read yet, as far as the stored runs of a window say."""

from collections.abc import Iterable, Mapping, Sequence

from agentos.catalog.models import CatalogRun
from agentos.records import BadRun, ByPerson, Run


def not_seen(
    rows: Sequence[CatalogRun],
    stored: Mapping[int, Run | BadRun],
    people: Mapping[str, ByPerson],
    *,
    is_newest: bool,
) -> frozenset[int]:
    """Return the ordinals of the answers by people that no later run of the agent was sent.

    `rows`: the top-level runs of a window in order, `is_newest` whether none come behind it. Certain is it of an answer
    that nothing was asked behind; or where all later runs hold the history that they were sent, and it is not there.
    A later run without such copies may have been sent it: then nothing is said.
    """
    unseen: set[int] = set()
    waiting: dict[int, Run] = {}
    for row in rows:
        run = stored.get(row.ordinal)
        if isinstance(run, Run) and people.get(run.run_id or "", ByPerson()).answered:
            waiting[row.ordinal] = run
        else:
            waiting = {ordinal: said for ordinal, said in waiting.items() if _has_missed(run, said)}
    if is_newest:
        unseen.update(waiting)
    return frozenset(unseen)


def _has_missed(later: Run | BadRun | None, said: Run) -> bool:
    """Whether a later run holds what it was sent of earlier ones, and not this answer."""
    if not isinstance(later, Run) or later.kind == "workflow":
        return False
    copies = [message for message in later.messages if message.from_history]
    return bool(copies) and not _is_among((message.text for message in copies), said.content_text)


def _is_among(texts: Iterable[str], text: str) -> bool:
    return any(text in one for one in texts)
