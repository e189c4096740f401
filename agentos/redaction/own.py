"""Our own copies of what is said in a session: turns with their logs and attachments, flags, notes, cases, reasons."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.db import models

from agentos.catalog.keys import index_key
from agentos.jobs.models import Job
from agentos.moderation.models import Case, CaseEvent, Flag, Measure, Note, Opening, Subject, Tag
from agentos.records import MARKER, Redactor
from agentos.saved_views.models import SavedView
from agentos.turns.kept import forget
from agentos.turns.models import ActingReason, KeptRun, Turn, TurnEvent, session_key

_TURNS: Final = "turns sent from here"
_LOGS: Final = "logs of turns"
_REMARKS: Final = "flags, notes and reasons of colleagues"
_LISTS: Final = "saved lists and jobs that ask for it"
_STREAMED: Final = (TurnEvent.Kind.CONTENT, TurnEvent.Kind.REASONING)
# Texts that people wrote about a session, by model.
_WRITTEN: Final[dict[type[models.Model], tuple[str, ...]]] = {
    Case: ("title",), Flag: ("note",), Note: ("text",), Measure: ("reason", "lift_reason"), Opening: ("reason",),
}  # fmt: skip


def look_through(source: str, session_id: str, redactor: Redactor, *, write: bool) -> None:
    """Count what stands in our own tables, or take it out as well; in a transaction of the caller's."""
    key = session_key(source, session_id)
    for turn in _locked(Turn.objects.of_session(source, session_id).defer(None), write):
        _turn(turn, redactor, write)
    for reason in _locked(ActingReason.objects.filter(session_key=key), write):
        _put(reason, {"reason": redactor.said(reason.reason, _REMARKS)}, write)
    if write:  # what is put back after another program has overwritten it would bring it back
        forget(source, session_id)
    subject = Subject.objects.filter(source=source, session_key=index_key(session_id)).first()
    if subject is not None:
        _remarks(subject, redactor, write)


def look_beside(redactor: Redactor, *, write: bool) -> None:
    """Likewise, what belongs to no session: saved lists and jobs that ask for the text. Names and numbers stay apart.

    What is taken out of one run is not looked for here.
    """
    if redactor.run_id is not None or not redactor.needles:
        return
    for view in SavedView.objects.order_by("pk"):
        name = redactor.said(view.name, _LISTS)
        if name != view.name and SavedView.objects.filter(owner=view.owner_id, name=name).exists():
            name = f"{name[:60]} {view.pk}"
        _update(view, {"query": redactor.said(view.query, _LISTS), "name": name}, write)
    for job in Job.objects.order_by("pk").only("chosen", "reason"):
        _update(job, {"chosen": redactor.said(job.chosen, _LISTS), "reason": redactor.said(job.reason, _LISTS)}, write)


def _update(row: Any, found: dict[str, str], write: bool) -> None:
    """Write what has changed without a lock: a job that runs holds the one of its row."""
    changed = {name: value for name, value in found.items() if value != getattr(row, name)}
    if changed and write:
        type(row)._default_manager.filter(pk=row.pk).update(**changed)


def active(source: str, session_id: str) -> bool:
    """Whether something is being answered in the session, or waits to be."""
    return Turn.objects.of_session(source, session_id).active().exists()


def _turn(turn: Turn, redactor: Redactor, write: bool) -> None:
    is_meant = redactor.run_id is not None and turn.aimed_at == redactor.run_id
    said: Callable[[str, str], str] = redactor.of_run if is_meant else redactor.said
    found: dict[str, Any] = {name: said(getattr(turn, name), _TURNS) for name in ("message", "reason", "problem")}
    found["options"] = redactor.of_place(turn.options, _TURNS, in_run=is_meant)
    found["attachments"] = redactor.of_place(turn.attachments, _TURNS, in_run=is_meant)
    _put(turn, found, write)
    events = list(_locked(TurnEvent.objects.filter(turn=turn).order_by("seq"), write))
    for kind in _STREAMED:
        _pieces([event for event in events if event.kind == kind], redactor, is_meant, write)
    for event in events:
        if event.kind not in _STREAMED:
            _put(event, {"payload": redactor.of_place(event.payload, _LOGS, in_run=is_meant)}, write)


def _pieces(events: list[TurnEvent], redactor: Redactor, is_meant: bool, write: bool) -> None:
    """Look through an answer that came in pieces: what is to be taken out may be split between them."""
    texts = [str(event.payload.get("text", "")) for event in events]
    said = redactor.of_run if is_meant else redactor.said
    whole = "".join(texts)
    found = said(whole, _LOGS)
    if found == whole or not write:
        return
    for event in events:
        event.payload = {**event.payload, "text": found if event is events[-1] else ""}
        event.save(update_fields=["payload"])


def _remarks(subject: Subject, redactor: Redactor, write: bool) -> None:
    for model, names in _WRITTEN.items():
        for one in _locked(model._default_manager.filter(subject=subject), write):
            _put(one, {name: redactor.said(getattr(one, name), _REMARKS) for name in names}, write)
    for event in _locked(CaseEvent.objects.filter(case__subject=subject), write):
        _put(event, {name: redactor.said(getattr(event, name), _REMARKS) for name in ("done", "reason")}, write)
    for tag in _locked(Tag.objects.filter(subject=subject), write):
        name = redactor.said(tag.name, _REMARKS)
        if name != tag.name and write:
            Tag.objects.filter(subject=subject, name=name).delete()
            _put(tag, {"name": name}, write)


def _locked(rows: models.QuerySet[Any], write: bool) -> Iterable[Any]:
    return rows.select_for_update() if write else rows


def _put(row: models.Model, found: dict[str, Any], write: bool) -> None:
    changed = {name: value for name, value in found.items() if value != getattr(row, name)}
    if not changed or not write:
        return
    for name, value in changed.items():
        longest = getattr(row._meta.get_field(name), "max_length", None)
        setattr(row, name, _fitting(value, longest) if isinstance(value, str) else value)
    row.save(update_fields=list(changed))


def _fitting(text: str, longest: int | None) -> str:
    """Return a text that fits its column: what is taken out may be shorter than the marker."""
    return text if longest is None or len(text) <= longest else text[: longest - len(MARKER)] + MARKER


def models_concerned() -> Iterator[type[models.Model]]:
    """Yield the models whose tables may hold what was taken out, until their old rows are overwritten."""
    yield from (Turn, TurnEvent, KeptRun, ActingReason, CaseEvent, Tag, SavedView, Job)
    yield from _WRITTEN
