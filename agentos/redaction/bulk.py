"""Redacting many sessions: the act, as a job carries it out, and what is looked at before it is confirmed.

What is to be taken out is sealed while the job is under way and forgotten when it ends (`jobs/sealing.py`); of texts
the job keeps fingerprints. How often something stands in a session is noted before it is taken out, so that the report
is exact if a process dies between the source and our own tables.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction

from agentos.access.rights import AnyUser
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.db.errors import SourceError
from agentos.db.sources import get_source
from agentos.db.writer_redact import survey
from agentos.jobs.acts import BulkAct, Option, Outcome, Target, Task, Told
from agentos.jobs.models import Job
from agentos.jobs.service import opened
from agentos.jobs.states import Came
from agentos.masking import Detectors
from agentos.masking.config import own_rules
from agentos.masking.detectors import KINDS
from agentos.masking.rules import rule_of
from agentos.moderation.acting import Refused
from agentos.records import Redactor
from agentos.records.needles import Needles
from agentos.redaction import own, scrubbing, service
from agentos.redaction.finding import Detected, Sampling, Several
from agentos.redaction.rules import check_can_redact, why_not_in
from agentos.turns.models import Turn

RULES: Final = "rules"
MOST_TEXTS: Final = 50
_LONGEST: Final = 100_000
NOTHING: Final = "Nothing was found in it."
GONE: Final = "It is not there any more."
# What is looked into before the job is confirmed: seconds, sessions, those of them in which something was found, and
# what is too large to be read while somebody waits.
_SECONDS: Final = 1.5
_LOOKED_INTO: Final = 60
_SHOWN: Final = 8
_TOO_LARGE: Final = 20_000_000
_SAMPLES: Final = 2


def texts_of(options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that are named: one a line, or one in all. Raises `Refused` for one that cannot be redacted."""
    said = options.get("text", "").replace("\r\n", "\n")
    if len(said) > _LONGEST:
        raise Refused(f"The texts have at most {_LONGEST:,} characters together.")
    lines = [said.strip("\n")] if options.get("whole") else [line.strip() for line in said.split("\n")]
    texts = tuple(dict.fromkeys(service.check_text(line) for line in lines if line.strip()))
    if len(texts) > MOST_TEXTS:
        raise Refused(f"At most {MOST_TEXTS} texts are taken out at once.")
    return texts


def kinds_of(options: Mapping[str, str]) -> list[str]:
    """Return the kinds of secrets that are named."""
    return [kind for kind in (*KINDS, RULES) if kind in options.get("kinds", "").split(",")]


def target_of(options: Mapping[str, str]) -> service.Target:
    """Return what is to be taken out, from the options of a job. Raises `Refused` if there is nothing, or too much."""
    texts, kinds = texts_of(options), kinds_of(options)
    if not texts and not kinds:
        raise Refused("Name a text, or choose what detectors find.")
    detectors = Detectors(kinds, [rule_of(rule) for rule in options.get(RULES, "").split()])
    finder = Several([Needles(texts, any_case=options.get("any_case") == "1"), Detected(detectors)])
    named = f"{len(texts)} texts" if len(texts) > 1 else "a text" if texts else ""
    found = f"what is found of {', '.join(kinds)}" if kinds else ""
    return service.Target(Redactor(finder), " and ".join(filter(None, (named, found))), texts=texts)


def asks(options: Mapping[str, str]) -> dict[str, str]:
    """Refuse what cannot be redacted; return what is kept besides: the rules as they are now, and how many texts."""
    rules = own_rules() if RULES in kinds_of(options) else []
    kinds = ",".join(kinds_of(options)) if rules or kinds_of(options) != [RULES] else ""
    found = {**options, "kinds": kinds, RULES: " ".join(rules)}
    number = len(target_of(found).texts)
    return {"kinds": kinds, RULES: found[RULES], "texts": str(number) if number else ""}


def conceals(text: str, options: Mapping[str, str]) -> str:
    """Return a query or a reason without what is to be taken out."""
    return target_of(options).redactor.needles.replaced(text)[0]


def plan(targets: Sequence[Target], task: Task) -> list[Told]:
    """Return how often it stands in each session; nothing of those whose source cannot be read."""
    target = target_of(task.options)
    return [_planned(one.row, target) if one.row is not None else {} for one in targets]


def redact(targets: Sequence[Target], task: Task) -> list[Outcome]:
    """Take it out of sessions, each on record; in a transaction of the job."""
    target = target_of(task.options)
    return [_redacted(one, target, task) for one in targets]


def tidy(task: Task, sources: Sequence[str]) -> list[str]:
    """Take it out of saved lists and jobs, and overwrite what was deleted; return what is left to do."""
    own.look_beside(target_of(task.options).redactor.fresh(), write=True)
    left = [
        f"The file of {name} still holds deleted bytes. Run `manage.py scrub` when it is quiet."
        for name in sources
        if not why_not_in(name) and not scrubbing.scrub_source(get_source(name), full=False, largest=scrubbing.AT_ONCE)
    ]
    if sources and not scrubbing.scrub_own(full=False, largest=scrubbing.AT_ONCE):
        left.append("Our own database still holds deleted bytes. Run `manage.py scrub` when it is quiet.")
    return left


def _planned(row: CatalogSession, target: service.Target) -> Told:
    try:
        return _counted(row, target)
    except (SourceError, KeyError):
        return {}


def _counted(row: CatalogSession, target: service.Target) -> Told:
    places, kept = service.found_in(row, target)
    return {"places": places, "kept": kept} if kept else {"places": places}


def _redacted(one: Target, target: service.Target, task: Task) -> Outcome:
    if one.row is None:
        return Outcome(Came.REFUSED, GONE, one.told)
    try:
        told = one.told if "places" in one.told else _counted(one.row, target)
        if not told["places"]:
            return Outcome(Came.UNCHANGED, NOTHING + _stays(told), told)
        with transaction.atomic():
            count = service.take_out(one.row, target, task.actor, task.reason)
    except Refused as error:
        return Outcome(Came.REFUSED, str(error))
    except (SourceError, KeyError) as error:
        return Outcome(Came.FAILED, str(error))
    told = {**told, "places": max(count, told["places"])}
    return Outcome(Came.DONE, f"Redacted {_times(told['places'])}.{_stays(told)}", told)


def _stays(told: Told) -> str:
    kept = told.get("kept", 0)
    return f" It stands in {kept} id{'s' * (kept != 1)} or name{'s' * (kept != 1)}, which stay." if kept else ""


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


# --- what is looked at before it is confirmed -------------------------------------------------------------------
@dataclass(frozen=True)
class Sample:
    """A session in which something was found: how often, and a few places, unless it is on hold and not opened."""

    row: CatalogSession
    places: int
    samples: list[str]


@dataclass
class Preview:
    """What a look into the first sessions of a list found, within a second or two; nothing is changed by it.

    `looked_into`: how many sessions; `with_it`: in how many of them it stands, `places`: how often. `refused`: what
    would be refused now of the whole list, in sentences, with how many sessions. `texts`: what was named.
    """

    texts: tuple[str, ...] = ()
    looked_into: int = 0
    with_it: int = 0
    places: int = 0
    kept: int = 0
    too_large: int = 0
    not_read: int = 0
    samples: list[Sample] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)


def preview(job: Job, user: AnyUser) -> Preview:
    """Look into the first sessions of a list that is not confirmed yet, and for what would be refused in all of it.

    Raises:
        Refused: what was named cannot be read any more.
    """
    target = target_of(opened(job))
    found = Preview(texts=target.texts, refused=_obstacles(job))
    ended = time.monotonic() + _SECONDS
    for row in _first(job, user):
        if time.monotonic() > ended or found.with_it >= _SHOWN:
            break
        if why_not_in(row.source):
            continue
        if row.stored_bytes > _TOO_LARGE:
            found.too_large += 1
        else:
            _look_into(row, target, found)
    return found


def _look_into(row: CatalogSession, target: service.Target, found: Preview) -> None:
    sampling = Sampling(target.redactor.needles, _SAMPLES)
    try:
        seen = survey(get_source(row.source), row.session_id, Redactor(sampling))
    except SourceError:
        found.not_read += 1
        return
    found.looked_into += 1
    found.kept += seen.kept
    if places := seen.taken.total():
        found.with_it, found.places = found.with_it + 1, found.places + places
        is_shown = not row.marks.get("held")  # what was said in a session on hold is opened with a reason, not here
        found.samples.append(Sample(row, places, sampling.samples if is_shown else []))


def _first(job: Job, user: AnyUser) -> list[CatalogSession]:
    items = list(job.items.order_by("number").values_list("source", "session_key")[:_LOOKED_INTO])
    keys = [key for _, key in items]
    rows = {
        (row.source, row.session_key): row
        for row in CatalogSession.objects.visible_to(user).filter(session_key__in=keys)
    }
    return [rows[item] for item in items if item in rows]


def _obstacles(job: Job) -> list[tuple[str, int]]:
    """Return why sessions of the list would be refused now, and how many each."""
    found = []
    for name in job.items.order_by("source").values_list("source", flat=True).distinct():
        if why := why_not_in(name):
            found.append((why, job.items.filter(source=name).count()))
    talking: dict[str, set[str]] = {}
    for name, session_id in Turn.objects.active().values_list("source", "session_id"):
        talking.setdefault(name, set()).add(index_key(session_id))
    number = sum(job.items.filter(source=name, session_key__in=keys).count() for name, keys in talking.items())
    return [*found, ("Something is being answered in them.", number)] if number else found


REDACT: Final = BulkAct(
    "redact",
    "Redact…",
    "Redact in",
    check_can_redact,
    redact,
    (
        "“[redacted]” takes its place, in the source and in all that we hold: turns, notes, flags, the search index.",
        "Each session is looked through when its turn comes, one in which nothing is found stays as it is.",
        "Agno's evaluations, knowledge and vector databases, daily metrics and rules of ours are not looked at.",
        "What is named here is forgotten when the job ends. The audit log keeps who, why, where how often.",
        "It cannot be undone.",
    ),
    options=(
        Option("text", "Fingerprint of the texts", longest=_LONGEST + 1, is_secret=True),
        Option("texts", "Texts"),
        Option("whole", "All lines are one text"),
        Option("any_case", "In any case"),
        Option("kinds", "What detectors find"),
        Option(RULES, "Rules", longest=_LONGEST),
    ),
    plan=plan,
    asks=asks,
    conceals=conceals,
    tidy=tidy,
    is_grave=True,
    at_once=5,
    rest=1.5,
)  # fmt: skip
