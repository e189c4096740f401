"""What a form of the redaction page asks for: a text, or one message, tool call or medium of a run."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, QueryDict

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.masking.config import own_rules
from agentos.masking.detectors import KINDS
from agentos.records import Run
from agentos.records.redaction_targets import of_call, of_medium, of_message, of_text
from agentos.redaction.bulk import RULES, Preview
from agentos.redaction.service import LONGEST, Target, check_text
from sessions_ui.presenters.fetched_run import fetch_run
from sessions_ui.presenters.masking import KIND_WORDS
from sessions_ui.presenters.media import media_of

THINGS = ("message", "call", "medium")
NOT_THERE = "There is no such thing in this run."


@dataclass(frozen=True)
class Asked:
    """What is asked for. `kind`: text, message, call or medium; `number`: its place in its `run`."""

    kind: str = "text"
    text: str = ""
    any_case: bool = False
    run: CatalogRun | None = None
    number: int = 0

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return {"text": "a text", "message": "one message", "call": "one tool call", "medium": "one attachment"}[
            self.kind
        ]


def asked_of(form: QueryDict) -> tuple[str, str, int]:
    """Return which thing a form or URL names: its kind, the run's id and its number; kind "text" for none.

    Raises:
        Http404: it names no place that there could be.
    """
    kind = next((name for name in THINGS if form.get(name)), "text")
    if kind == "text":
        return kind, "", 0
    number, run_id = form.get(kind, ""), unquote_id(form.get("run", ""))
    if not run_id or not (number.isascii() and number.isdecimal()) or len(number) > 6:
        raise Http404(NOT_THERE)
    return kind, run_id, int(number)


def target_of(session: CatalogSession, form: QueryDict) -> tuple[Asked, Target]:
    """Return what is to be redacted in a session.

    Raises:
        Http404: there is no such run, or no such thing in it.
        Refused: the text is too short or too long.
        SourceUnavailable: the source cannot be read.
    """
    kind, run_id, number = asked_of(form)
    if kind == "text":
        text, any_case = check_text(form.get("text", "")), form.get("any_case") == "1"
        asked = Asked("text", text, any_case)
        return asked, Target(of_text(text, any_case=any_case), asked.words, texts=(text,))
    session.shows_secrets = True  # what is to be taken out is known by what is stored; nothing of it is shown
    fetched = fetch_run(session, run_id)
    run = fetched.run
    if not isinstance(run, Run):
        raise Http404(NOT_THERE)
    if kind == "message":  # counted from 1, as in links to messages
        number -= 1
    count = {"message": len(run.messages), "call": len(run.tool_calls), "medium": len(media_of(run))}[kind]
    if not 0 <= number < count:
        raise Http404(NOT_THERE)
    asked = Asked(kind, run=fetched.row, number=asked_of(form)[2])
    if kind == "message":
        redactor = of_message(run.run_id, run.messages[number])
    elif kind == "call":
        redactor = of_call(run.run_id, run.tool_calls[number])
    else:
        redactor = of_medium(media_of(run)[number])
    return asked, Target(redactor, asked.words, run_id=run.run_id or "")


def redaction_form() -> dict[str, Any]:
    """Return what the form needs that asks what is to be taken out of many sessions."""
    rules = own_rules()
    kinds = [(kind, KIND_WORDS[kind][0]) for kind in KINDS]
    return {"kinds": [*kinds, (RULES, f"Your own rules ({len(rules)})")] if rules else kinds, "longest": LONGEST}


def look_as_data(found: Preview) -> dict[str, Any]:
    """Return as JSON what a look into a list found."""
    return {
        "looked_into": found.looked_into, "with_it": found.with_it, "places": found.places, "kept": found.kept,
        "too_large": found.too_large, "not_read": found.not_read,
        "refused": [{"why": why, "sessions": number} for why, number in found.refused],
        "samples": [
            {"source": one.row.source, "session_id": one.row.session_id, "places": one.places, "samples": one.samples}
            for one in found.samples
        ],
    }  # fmt: skip
