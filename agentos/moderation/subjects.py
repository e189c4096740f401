"""The rows that stand for sessions: found, locked, and told to the catalog as marks."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Count, Q

from agentos.catalog import marks
from agentos.catalog.keys import index_key
from agentos.catalog.marks import Marks
from agentos.moderation.models import Flag, Measure, Note, Standing, Star, Subject, Tag, Thumb

_STANDS = {
    Standing.HOLD: "held", Standing.HIDDEN: "hidden", Standing.ARCHIVED: "archived", Standing.TAKEOVER: "taken_over",
    Standing.DELETED: "deleted",
}  # fmt: skip


def find(source: str, session_id: str) -> Subject | None:
    """Return the row of a session, None while nothing was ever put over it."""
    return Subject.objects.filter(source=source, session_key=index_key(session_id)).first()


def locked(source: str, session_id: str) -> Subject:
    """Return the row of a session, made if need be, locked until the transaction ends."""
    key = index_key(session_id)
    Subject.objects.get_or_create(source=source, session_key=key, defaults={"session_id": session_id})
    return Subject.objects.select_for_update().get(source=source, session_key=key)


def tell_catalog(subject: Subject) -> None:
    """Put what now stands over the session on its row in the catalog; the last thing in a transaction."""
    marks.refresh(subject.source, [subject.session_key])


def marks_of(source: str, keys: Collection[str]) -> dict[str, Marks]:
    """Return the marks of sessions by their keys, without those that have none. The catalog's provider.

    One statement where nothing was ever put over any of them, as nearly always; else seven.
    """
    subjects = Subject.objects.filter(source=source, session_key__in=keys)
    known = dict(subjects.values_list("pk", "session_key"))
    if not known:
        return {}
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    counted: Any = (("flags", Flag, Q(is_open=True)), ("notes", Note, Q(removed_at=None)), ("thumbs", Thumb, Q()))
    for name, model, condition in counted:
        for pk, number in _of(model, known).filter(condition).values_list("subject_id").annotate(Count("pk")):
            found[pk][name] = number
    for pk, kind in _of(Measure, known).filter(lifted_at=None).values_list("subject_id", "kind"):
        found[pk][_STANDS[Standing(kind)]] = True
    listed: Any = (("tags", Tag, "name"), ("stars", Star, "user_id"))
    for name, model, column in listed:
        for pk, value in _of(model, known).order_by(column).values_list("subject_id", column):
            found[pk][name] = (*found[pk].get(name, ()), value)
    return {known[pk]: Marks(**of) for pk, of in found.items()}


def _of(model: Any, known: Iterable[int]) -> Any:
    return model.objects.filter(subject__in=list(known))
