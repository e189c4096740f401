"""Agents, teams and workflows that live in this process, as AGENTOS_AGENTS names them: "module:attribute, …".

They may be ours or Agno's own objects. Both answer by the same `run`; what differs is told apart here.
"""

import base64
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, Literal

from django.conf import settings

from agentos.agents import cancelling
from agentos.agents.component import SessionComponent
from agentos.db.agno import agno_db, is_of
from agentos.db.sql import SqlDb
from agentos.records import Audio, File, Image, Run
from agentos.records.events import RunOutputEvent
from agentos.records.runs import Kind

__all__ = ["Registered", "find", "problems", "registered"]

_OWN_MEDIA: Final[dict[str, Any]] = {
    "images": Image.from_dict, "audio": Audio.from_dict, "files": File.from_dict,
}  # fmt: skip
KINDS: Final[dict[str, Kind]] = {"Agent": "agent", "Team": "team", "Workflow": "workflow"}


@dataclass(frozen=True)
class Registered:
    """A component of this process. `place`: as AGENTOS_AGENTS names it. `vendor`: whose class it is."""

    kind: Kind
    id: str
    name: str | None
    place: str
    vendor: Literal["agentos", "agno"]
    component: Any

    @property
    def model_id(self) -> str:
        """The id of its model; "" for a workflow, or when its class does not say."""
        model = getattr(self.component, "model", None)
        return str(getattr(model, "id", "") or "")

    def run(
        self, message: str, *, db: SqlDb, attachments: Mapping[str, list[dict[str, Any]]], **options: Any
    ) -> Iterator[RunOutputEvent]:
        """Answer in a session of `db`'s source: yield the run's events while it goes on. It is stored when they end.

        `options`: session_id, run_id, user_id, metadata. `attachments`: images, audio and files in Agno's stored form.

        Raises:
            Exception: whatever the component raises.
        """
        options |= _agno_media(attachments) if self.vendor == "agno" else own_media(attachments)
        yield from _events(self.bound(db).run(message, stream=True, stream_events=True, **options))

    def continue_run(self, run: Run, *, db: SqlDb, **options: Any) -> Iterator[RunOutputEvent]:
        """Go on with a paused run of a session of `db`'s source, with the answers that are written into `run`.

        `options`: as those of `run`.

        Raises:
            Exception: whatever the component raises.
        """
        own = self.bound(db)
        if self.vendor == "agno":
            yield from _events(_agno_continuation(own, run, options))
        else:
            yield from own_continuation(own, run, stream=True, stream_events=True, **options)

    def cancel(self, run_id: str) -> None:
        """Ask a run of it to stop, from any thread."""
        if self.vendor == "agno":
            self.component.cancel_run(run_id)
        else:
            cancelling.cancel_run(run_id)

    def bound(self, db: SqlDb) -> Any:
        """Return a copy for one use: it keeps its session in `db`'s source, wherever the original keeps its own."""
        if self.vendor == "agno":
            keep = is_of(getattr(self.component, "db", None), db.source)
            return self.component.deep_copy(update={} if keep else {"db": agno_db(db.source)})
        bound = copy.copy(self.component)
        bound.db = db
        return bound


def own_continuation(component: Any, run: Run, **options: Any) -> Iterator[RunOutputEvent]:
    """Have one of our own agents, teams or workflows go on with a paused run; the answers are in `run`."""
    events: Iterator[RunOutputEvent] = component.continue_run(run, **options)
    return events


def registered() -> tuple[Registered, ...]:
    """Return the components that AGENTOS_AGENTS names; those that cannot be loaded are left out (see `problems`)."""
    return _loaded(settings.AGENTOS_AGENTS)[0]


def problems() -> tuple[str, ...]:
    """Return a sentence for each part of AGENTOS_AGENTS that names no component."""
    return _loaded(settings.AGENTOS_AGENTS)[1]


def find(kind: str | None, component_id: str | None) -> Registered | None:
    """Return the component of this kind and id, if it is registered."""
    return next((one for one in registered() if (one.kind, one.id) == (kind, component_id)), None)


@lru_cache(maxsize=8)
def _loaded(text: str) -> tuple[tuple[Registered, ...], tuple[str, ...]]:
    found: dict[tuple[str, str], Registered] = {}
    wrong: list[str] = []
    for place in filter(None, (part.strip() for part in text.split(","))):
        try:
            for one in _components(place):
                if (one.kind, one.id) in found:
                    wrong.append(f"AGENTOS_AGENTS: the {one.kind} {one.id!r} of {place} is registered already.")
                else:
                    found[one.kind, one.id] = one
        except Exception as error:  # a module of somebody else's may raise anything while it is imported
            said = str(error).strip().splitlines()[:1] or [type(error).__name__]
            wrong.append(f"AGENTOS_AGENTS: {place} cannot be loaded: {said[0]}")
    return tuple(found.values()), tuple(wrong)


def _components(place: str) -> Iterator[Registered]:
    """Yield what a place holds: a component, or a list of them.

    Raises:
        ValueError: it is no place, or something there is no component.
    """
    module, _, attribute = place.partition(":")
    if not attribute:
        raise ValueError("write module:attribute.")
    value = getattr(import_module(module), attribute)
    for component in value if isinstance(value, list | tuple) else (value,):
        yield _registered(component, place)


def _registered(component: Any, place: str) -> Registered:
    if isinstance(component, SessionComponent):
        return Registered(component.kind, component.component_id, component.name, place, "agentos", component)
    kinds = [KINDS[base.__name__] for base in type(component).__mro__ if _is_agnos(base)]
    if not kinds:
        raise ValueError(f"a {type(component).__name__} is no agent, team or workflow.")
    component.set_id()  # Agno makes it of the name, but only once it runs
    return Registered(kinds[0], str(component.id), component.name, place, "agno", component)


def _is_agnos(base: type) -> bool:
    return base.__module__.split(".")[0] == "agno" and base.__name__ in KINDS


def _events(items: Iterator[Any]) -> Iterator[RunOutputEvent]:
    for event in items:
        yield event if isinstance(event, RunOutputEvent) else RunOutputEvent.from_dict(event.to_dict())


def _agno_continuation(component: Any, run: Run, options: dict[str, Any]) -> Any:
    """Have one of Agno's go on: agents and teams take the requirements, workflows the run."""
    streams: dict[str, Any] = {"stream": True, "stream_events": True}
    if run.kind == "workflow":
        given = import_module("agno.run.workflow").WorkflowRunOutput.from_dict(run.to_dict())
        return component.continue_run(given, session_id=options["session_id"], **streams)
    requirement = import_module("agno.run.requirement").RunRequirement
    answers = [requirement.from_dict(item.to_dict()) for item in run.requirements]
    return component.continue_run(requirements=answers, **streams, **options)


def own_media(attachments: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return attachments in Agno's stored form as the arguments that our own components take."""
    return {key: [make(one) for one in attachments.get(key, ())] for key, make in _OWN_MEDIA.items()}


def _agno_media(attachments: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[Any] | None]:
    """Return the same as objects of Agno's."""
    media = import_module("agno.media")
    makers = {"images": media.Image, "audio": media.Audio, "files": media.File}
    return {key: [_agno_medium(make, one) for one in attachments.get(key, ())] or None for key, make in makers.items()}


def _agno_medium(make: Any, stored: Mapping[str, Any]) -> Any:
    """Return a medium as an object of Agno's: it takes bytes where it stores base64, or text of a text file."""
    kept = {key: stored[key] for key in ("id", "mime_type", "format", "filename", "url") if stored.get(key)}
    content = stored.get("content")
    if isinstance(content, str):
        is_text = make.__name__ == "File" and str(stored.get("mime_type")).startswith("text/")
        kept["content"] = content.encode() if is_text else base64.b64decode(content)
    return make(**kept)
