"""Finding out what remote servers serve, and whether they answer: in the background, so that no page waits for one."""

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, close_old_connections, connections
from django.db.models import Q
from django.utils import timezone

from agentos.records import strip_for_postgres
from agentos.remotes.api import Api
from agentos.remotes.errors import RemoteError
from agentos.remotes.models import RemoteState
from agentos.remotes.remote import Remote, all_remotes

logger = logging.getLogger(__name__)

__all__ = ["FRESH", "look", "look_if_due", "states"]

# What is known of a remote counts as new for so long; then the next page has somebody look again.
FRESH: Final = timedelta(seconds=15)
# Seconds a server may take to say what it serves.
_SECONDS: Final = 5.0
# Components of one kind that are taken in, and characters of their names.
_MOST, _NAME = 1_000, 300
_KINDS: Final = {"agents": "agent", "teams": "team", "workflows": "workflow"}

_lock: Final = threading.Lock()
_looks: Final[set[str]] = set()


def states() -> dict[str, RemoteState]:
    """Return what is known of each configured remote, by its name and in their order; one statement.

    A remote that nobody has looked at yet has a state without `checked_at`.
    """
    remotes = all_remotes()
    if not remotes:
        return {}
    known = {state.name: state for state in RemoteState.objects.filter(name__in=[one.name for one in remotes])}
    return {one.name: _of_now(one, known.get(one.name)) for one in remotes}


def look_if_due() -> None:
    """Have every remote looked at that nobody looked at of late; by threads, unless AGENTOS_FOLLOW says otherwise."""
    remotes = all_remotes()
    if not remotes:
        return
    fresh = timezone.now() - FRESH
    looked = RemoteState.objects.filter(looked_at__gte=fresh, name__in=[one.name for one in remotes])
    known = set(looked.values_list("name", "url"))
    due = [one for one in remotes if (one.name, one.url) not in known and _begin(one)]
    if settings.AGENTOS_FOLLOW == "thread":
        for remote in due:
            threading.Thread(target=_look_aside, args=(remote,), name=f"remote-{remote.name}", daemon=True).start()
    elif due:
        _look_together(due)


def look(remote: Remote) -> RemoteState:
    """Look at a remote now, keep what was found, and return it. Takes seconds at most; never raises RemoteError."""
    _claim(remote)
    return _kept(remote, *_found(remote))


def _look_together(remotes: list[Remote]) -> None:
    """Look at several at once, in this request; what was found is stored by this thread."""
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="remote") as pool:
        found = list(pool.map(_found, remotes))
    for remote, what in zip(remotes, found, strict=True):
        _kept(remote, *what)
        _done(remote)


def _look_aside(remote: Remote) -> None:
    try:
        close_old_connections()
        look(remote)
    except Exception:  # our own database is away, say
        logger.exception("What the server %s serves could not be found out", remote.name)
    finally:
        _done(remote)
        connections.close_all()


def _begin(remote: Remote) -> bool:
    """Whether this process should look: it is not at it already, and no other process was quicker."""
    with _lock:
        if remote.name in _looks:
            return False
        _looks.add(remote.name)
    if _claim(remote):
        return True
    _done(remote)
    return False


def _done(remote: Remote) -> None:
    with _lock:
        _looks.discard(remote.name)


def _claim(remote: Remote) -> bool:
    """Note that somebody looks now; return whether nobody else had noted so of late."""
    now = timezone.now()
    rows = RemoteState.objects.filter(name=remote.name)
    if rows.filter(Q(looked_at=None) | Q(looked_at__lt=now - FRESH) | ~Q(url=remote.url)).update(looked_at=now):
        return True
    if rows.exists():
        return False
    try:
        RemoteState.objects.create(name=remote.name, url=remote.url, looked_at=now)
    except IntegrityError:  # at the same moment
        return False
    return True


def _found(remote: Remote) -> tuple[dict[str, Any], str, float]:
    """Return what the server says of itself, what is wrong with it ("" for nothing), and the milliseconds it took."""
    began = time.monotonic()
    api = Api(remote)
    try:
        said = api.config(_SECONDS)
        took = time.monotonic() - began
    except RemoteError as error:
        return {}, str(error), 0.0
    with contextlib.suppress(RemoteError):  # servers of early releases do not tell their version
        said = said | {"info": api.info(_SECONDS)}
    return said, "", 1000 * took


def _kept(remote: Remote, said: dict[str, Any], problem: str, took: float) -> RemoteState:
    """Store what a look has found. While a server is down, what it served when it last answered is kept."""
    now = timezone.now()
    state = _of_now(remote, RemoteState.objects.filter(name=remote.name).first())
    state.checked_at, state.looked_at, state.problem = now, state.looked_at or now, problem
    if problem:
        state.down_since = state.down_since or now
    else:
        info = said.get("info")
        info = info if isinstance(info, dict) else {}
        state.down_since, state.latency = None, int(took)
        state.os_id, state.version = _text(said.get("os_id")), _text(info.get("agno_version"))
        state.isolates_users = info.get("user_isolation") is True
        state.serves = strip_for_postgres(_components(said))
    state.save()
    return state


def _of_now(remote: Remote, state: RemoteState | None) -> RemoteState:
    """Return the state, or a new one if there is none or it is about another address."""
    if state is not None and state.url == remote.url:
        return state
    return RemoteState(name=remote.name, url=remote.url, looked_at=state.looked_at if state else None)


def _components(said: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for key, kind in _KINDS.items():
        listed = said.get(key)
        for one in listed[:_MOST] if isinstance(listed, list) else ():
            # An id that is cut short would be another's.
            if isinstance(one, dict) and isinstance(one.get("id"), str) and 0 < len(one["id"]) <= _NAME:
                model = one.get("model")
                about = {"name": _text(one.get("name")), "db_id": _text(one.get("db_id"))}
                model_id = _text(model.get("id") or model.get("model")) if isinstance(model, dict) else ""
                found.append({"kind": kind, "id": one["id"], "model": model_id, **about})
    return found


def _text(value: Any) -> str:
    return str(strip_for_postgres(value[:_NAME])) if isinstance(value, str) else ""
