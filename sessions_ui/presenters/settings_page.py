"""How this program is set up, and how what it depends on is: from what is known already, asking nobody."""

import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any, Final
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from agentos.agents import registry
from agentos.agents.registry import Registered
from agentos.catalog.models import SourceState
from agentos.db.sources import Source, SourceError, all_sources
from agentos.remotes import discovery
from agentos.remotes.models import RemoteState
from agentos.remotes.remote import Remote, all_remotes, problem
from agentos.turns.models import KeptRun, Turn
from agentos.turns.states import Status

_KINDS: Final = ("agent", "team", "workflow")


@dataclass(frozen=True)
class RemoteLine:
    """A remote and what is known of it. `address` is empty for those who may not see it."""

    remote: Remote
    state: RemoteState
    address: str

    @property
    def key(self) -> str:
        """Whether there is a key, in words; the key itself is nowhere."""
        if not self.remote.has_key:
            return "not set"
        return "set, sent unencrypted" if self.remote.sends_key_in_clear else "set"

    @property
    def served(self) -> list[tuple[str, list[str]]]:
        """What it serves: names, or ids, by kind."""
        by_kind = [
            (kind, [one["name"] or one["id"] for one in self.state.serves if one["kind"] == kind]) for kind in _KINDS
        ]
        return [(kind, names) for kind, names in by_kind if names]

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        state = self.state
        return {
            "name": self.remote.name,
            "address": self.address or None,
            "sources": list(self.remote.sources),
            "key": self.key,
            "answers": None if state.checked_at is None else not state.problem,
            "problem": state.problem or None,
            "down_since": _iso(state.down_since),
            "checked_at": _iso(state.checked_at),
            "latency_ms": state.latency,
            "agno_version": state.version or None,
            "os_id": state.os_id or None,
            "isolates_users": state.isolates_users,
            "serves": [{key: one[key] for key in ("kind", "id", "name", "model")} for one in state.serves],
        }


@dataclass(frozen=True)
class SourceLine:
    """A source and what its last pass found."""

    source: Source
    state: SourceState | None
    place: str

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        state = self.state
        return {
            "name": self.source.name,
            "place": self.place or None,
            "read_only": self.source.read_only,
            "layout": state.layout if state else None,
            "sessions": state.session_count if state else None,
            "problem": (state.problem or None) if state else None,
            "failing_since": _iso(state.failing_since) if state else None,
            "checked_at": _iso(state.checked_at) if state else None,
        }


@dataclass(frozen=True)
class Turns:
    """Who carries turns out, and how that goes. `heard_at`: the last sign of life of anybody who did.

    `put_back`: runs that other programs had written over within the last week.
    """

    mode: str
    threads: int
    queued: int
    running: int
    waiting_since: datetime | None
    heard_at: datetime | None
    put_back: int

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return self.__dict__ | {"waiting_since": _iso(self.waiting_since), "heard_at": _iso(self.heard_at)}


@dataclass(frozen=True)
class Report:
    """All of it. `problems`: what is wrong with the settings themselves, in sentences."""

    registered: tuple[Registered, ...]
    remotes: list[RemoteLine]
    sources: list[SourceLine]
    turns: Turns
    has_key: bool
    model_server: str
    versions: list[tuple[str, str]]
    problems: list[str]

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "registered": [
                {"kind": one.kind, "id": one.id, "name": one.name, "place": one.place, "model": one.model_id or None}
                for one in self.registered
            ],
            "remotes": [line.as_data() for line in self.remotes],
            "model": {"key_set": self.has_key, "server": self.model_server},
            "sources": [line.as_data() for line in self.sources],
            "turns": self.turns.as_data(),
            "versions": dict(self.versions),
            "problems": self.problems,
        }


def report(*, addresses: bool) -> Report:
    """Return the report; four statements at most. `addresses`: with where databases and servers are."""
    states = discovery.states()
    sources, wrong = _sources(addresses=addresses)
    return Report(
        registered=registry.registered(),
        remotes=[RemoteLine(one, states[one.name], one.url if addresses else "") for one in all_remotes()],
        sources=sources,
        turns=_turns(),
        has_key=bool(settings.OPENAI_API_KEY),
        model_server=_model_server(addresses=addresses),
        versions=_versions(),
        problems=[*registry.problems(), *filter(None, (problem(), wrong))],
    )


def _sources(*, addresses: bool) -> tuple[list[SourceLine], str]:
    try:
        sources = all_sources()
    except SourceError as error:
        return [], f"AGENTOS_SOURCES: {error}"
    states = {state.source: state for state in SourceState.objects.defer("totals")}
    return [SourceLine(one, states.get(one.name), one.place if addresses else "") for one in sources], ""


def _turns() -> Turns:
    queued = Q(status=Status.QUEUED)
    active = Turn.objects.active().aggregate(
        queued=Count("pk", filter=queued),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        waiting_since=Min("created_at", filter=queued),
    )
    # Along an index: the last turns, not all there were.
    last = Turn.objects.order_by("-created_at").values("pk")[:20]
    heard = Turn.objects.filter(pk__in=list(last.values_list("pk", flat=True))).aggregate(at=Max("heartbeat_at"))["at"]
    put_back = KeptRun.objects.filter(put_back_at__gt=timezone.now() - timedelta(days=7)).count()
    mode, threads = settings.AGENTOS_TURNS, settings.AGENTOS_TURN_THREADS
    return Turns(mode=mode, threads=threads, heard_at=heard, put_back=put_back, **active)


def _model_server(*, addresses: bool) -> str:
    if not settings.OPENAI_BASE_URL:
        return "OpenAI"
    parts = urlsplit(settings.OPENAI_BASE_URL)
    # Without what stands before an @: it may be a password.
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if addresses else "another than OpenAI's"


def _versions() -> list[tuple[str, str]]:
    known = [
        ("AgentOS Sessions", _installed("agentos-sessions") or "from a checkout"),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Own database", connection.display_name),
    ]
    agno = _installed("agno")
    return [*known, ("Agno, in this process", agno)] if agno else known


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
