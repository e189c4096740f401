"""Every URL and method × every role and scope × own, another's, missing. The table is `tests/url_rows.py`."""

import itertools
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from agentos.access.models import Grant, SignInLink
from agentos.access.roles import Right, Role, give_role
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source
from agentos.db.writer import Writer
from agentos.records import Session, parse_run
from agentos.saved_views.models import SavedView
from agentos.turns.models import Turn, TurnEvent, session_key
from sessions_ui.streaming.export import ExportCut
from tests.conftest import Person, person
from tests.integration.test_media_page import b64, png
from tests.url_rows import NOT_FOUND, OK, REFUSED, ROWS, SIGN_IN, Asker, Rule

pytestmark = pytest.mark.django_db

MISSING = "missing"


@dataclass(frozen=True)
class Place:
    """One session of the test. Every text of it holds `zq` and a word of its own."""

    slug: str
    source: str
    user: str
    component: str
    kind: str = "agent"

    @property
    def words(self) -> frozenset[str]:
        """What no page may say to whoever does not see the session or another one with it."""
        own = {f"zq{self.slug}{what}" for what in ("id", "text", "tool", "model", "result")}
        return frozenset(own | {f"zq{self.user}", f"zq{self.component}", self.source})


SESSIONS = {
    one.slug: one
    for one in (
        Place("mine", "zqlab", "alice", "billing"),
        Place("theirs", "zqlab", "bob", "billing"),
        Place("crew", "zqlab", "carol", "travel", "team"),
        Place("far", "zqaway", "dave", "desk"),
    )
}
ALL = frozenset(SESSIONS)


def alike(role: str, sees: frozenset[str] = ALL, bound: str | None = None) -> tuple[Asker, Callable[[str], Client]]:
    """Somebody with a role, bound to a user of the test if one is named."""
    name = f"{role} bound to {bound}" if bound else role
    asker = Asker(name, Role(role), sees=sees, bound=bound is not None)
    return asker, lambda name: person(name, role, f"zq{bound}" if bound else None).client


def granted(
    name: str, sees: frozenset[str], *grants: str, role: str = "operator"
) -> tuple[Asker, Callable[[str], Client]]:
    """Somebody whose scope is narrowed by grants, each a kind, a colon and a value."""

    def make(username: str) -> Client:
        found = person(username, role)
        for kind, _, value in (grant.partition(":") for grant in grants):
            Grant.objects.create(user=found.user, kind=kind, value=value)
        return found.client

    told = frozenset(value for kind, _, value in (grant.partition(":") for grant in grants) if kind == "source")
    return Asker(name, Role(role), sees=sees, is_narrowed=True, told=told), make


def deactivated(name: str) -> Client:
    found = person(name, "admin")
    User.objects.filter(pk=found.user.pk).update(is_active=False)
    return found.client


def demoted(name: str) -> Client:
    found = person(name, "admin")
    found.user.groups.clear()
    return found.client


def promoted(name: str) -> Client:
    found = person(name, "viewer")
    give_role(found.user, Role.OPERATOR)
    return found.client


def auditor(name: str) -> Client:
    """A company's own role: it reads the audit log and no session."""
    found = person(name, "viewer")
    group = Group.objects.create(name="auditor")
    group.permissions.add(Permission.objects.get(codename=Right.READ_AUDIT))
    give_role(found.user, "auditor")
    return found.client


ASKERS: dict[str, tuple[Asker, Callable[[str], Client]]] = {
    asker.name: (asker, make)
    for asker, make in (
        (Asker("nobody", is_somebody=False), lambda name: Client()),
        (Asker("deactivated", is_somebody=False), deactivated),
        (Asker("demoted"), demoted),
        (Asker("auditor", audits=True), auditor),
        *(alike(role) for role in Role),
        alike("viewer", frozenset({"mine"}), "alice"),
        alike("operator", frozenset({"mine"}), "alice"),
        alike("admin", frozenset({"mine"}), "alice"),
        alike("operator", frozenset(), "mallory"),
        granted("support", frozenset({"mine", "theirs"}), "agent:zqbilling"),
        granted("crew lead", frozenset({"crew"}), "team:zqtravel", "source:zqlab"),
        granted("two kinds", frozenset({"mine", "theirs", "crew"}), "team:zqtravel", "agent:zqbilling"),
        granted("wrong kind", frozenset(), "agent:zqtravel"),
        granted("of a source", frozenset({"far"}), "source:zqaway"),
        granted("of two users", frozenset({"theirs", "far"}), "user:zqbob", "user:zqdave"),
        granted("of a user elsewhere", frozenset(), "user:zqdave", "source:zqlab"),
        granted("admin of a part", frozenset({"mine", "theirs"}), "agent:zqbilling", role="admin"),
    )
}


def names(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[tuple[str, list[str]]]:
    """The name and the parameters of every URL of the site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            assert pattern.name, f"The URL {pattern.pattern} has no name."
            yield pattern.name, list(pattern.pattern.converters)


PARAMETERS = dict(names())


@pytest.fixture
def site(sources: Any, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The sessions of the test in two sources, with a turn each; what stands in URLs about each of them."""
    sources(f"zqlab=sqlite:///{tmp_path / 'lab.db'}, zqaway=sqlite:///{tmp_path / 'away.db'}")
    view = SavedView.objects.create(owner=User.objects.create_user("somebody else"), name="zqview", query="")
    others = {"view_id": view.pk, "user_id": view.owner_id}
    places = {place.slug: {**stored(place), **others} for place in SESSIONS.values()}
    for name in ("zqlab", "zqaway"):
        refresh_source(get_source(name), budget=None)
    missing = {"source": "zqlab", "qid": "no-such", "qrun_id": "no-such", "turn_id": uuid.uuid4(), "view_id": 999}
    return {**places, MISSING: places["mine"] | missing}


def stored(place: Place) -> dict[str, Any]:
    """Write one session with a run that has a tool call, a medium and a reply; return the values of URL parameters."""
    word = f"zq{place.slug}"
    run_id, session_id = f"run-{word}id", f"{word}id"
    owner = {f"{place.kind}_id": f"zq{place.component}"}
    call = {
        "tool_call_id": "c1",
        "tool_name": f"{word}tool",
        "tool_args": {"a": f"{word}text"},
        "result": f"{word}result",
    }
    run = {
        "run_id": run_id, "session_id": session_id, "status": "COMPLETED", "created_at": 1_790_000_000, **owner,
        "user_id": f"zq{place.user}", "model": f"{word}model", "model_provider": "OpenAI", "tools": [call],
        "input": {"input_content": f"needle {word}text"}, "content": f"needle {word}text",
        "messages": [
            {"role": "user", "content": f"needle {word}text"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": f"{word}tool", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "tool_name": f"{word}tool", "content": f"{word}result"},
            {"role": "assistant", "content": f"needle {word}text"},
        ],
        "images": [{"id": "m", "mime_type": "image/png", "content": b64(png())}],
    }  # fmt: skip
    session = {
        "session_id": session_id, "session_type": place.kind, "user_id": f"zq{place.user}", **owner,
        "created_at": 1_790_000_000, "metadata": {"tags": [f"{word}text"]},
        f"{place.kind}_data": {"name": f"zq{place.component}", **owner, "model": {"id": f"{word}model"}},
        "session_data": {"session_name": f"needle {word}text", "session_state": {"k": f"{word}text"}},
    }  # fmt: skip
    writer = Writer(get_source(place.source))
    writer.create_session(Session.from_dict(session))
    writer.append_run(session_id, parse_run(run), expect_user_id=f"zq{place.user}")  # type: ignore[arg-type]  # no BadRun
    turn = Turn.objects.create(
        source=place.source, session_id=session_id, session_key=session_key(place.source, session_id), status="failed",
        actor="somebody", message=f"needle {word}text", idempotency_key=uuid.uuid4().hex, run_id=run_id, attachments={},
        last_seq=1,
    )  # fmt: skip
    TurnEvent.objects.create(turn=turn, seq=1, kind="content", payload={"text": f"needle {word}text"})
    return {
        "source": place.source, "qid": quote_id(session_id), "qrun_id": quote_id(run_id), "number": 0,
        "part": "result", "act": "hide", "case_id": 999, "job_id": uuid.uuid4(),
        "turn_id": turn.pk, "token": "no-such-token",
    }  # fmt: skip


def test_every_url_has_a_row() -> None:
    assert set(ROWS) == set(PARAMETERS), "A URL without a line in tests/url_rows.py, or a line without a URL."


@pytest.mark.parametrize("who", ASKERS)
@pytest.mark.parametrize("name", ROWS)
def test_who_may(site: dict[str, dict[str, Any]], name: str, who: str) -> None:
    """Each method comes to what its rule says, and no answer says a word of what its reader may not see."""
    asker, make = ASKERS[who]
    client = make("somebody")
    abouts = [*SESSIONS, MISSING] if about_a_session(name) else [""]
    missing: dict[str, Any] = {}
    for about in reversed(abouts):  # what is missing first, to compare with
        at = address(name, site, about or "mine")
        for key, answer, rule in answers(client, name, at):
            expected = rule(asker, about)
            assert outcome(answer) in expected.split(" or "), (
                f"{key} {at} by {who}: {answer.status_code}, not {expected}"
            )
            body = body_of(answer)
            said = sorted(word for word in hidden(asker, name) if word in body)
            assert not said, f"{key} {at} tells {who} {said}"
            if about == MISSING:
                missing[key] = like(body, at)
            elif expected == NOT_FOUND and MISSING in abouts:
                assert like(body, at) == missing[key], f"{key} {at}: forbidden and missing differ for {who}"
    if not any(rule(asker, about) == OK for about in abouts for rule in ROWS[name].methods.values()):
        assert_nothing_changed()


def tells_its_words(site: dict[str, dict[str, Any]], client: Client, name: str) -> bool:
    told = "".join(body_of(answer) for key, answer, _ in answers(client, name, address(name, site, "mine")))
    return any(word in told for word in SESSIONS["mine"].words)


@pytest.mark.parametrize("name", [name for name in ROWS if {"qid", "turn_id"} & set(PARAMETERS[name])])
def test_the_words_that_are_looked_for_are_there_to_be_found(
    site: dict[str, dict[str, Any]], admin: Person, name: str
) -> None:
    if "GET" in ROWS[name].methods and name != "medium":
        assert tells_its_words(site, admin.client, name)


@pytest.mark.parametrize("name", ROWS)
def test_other_methods_do_nothing(site: dict[str, dict[str, Any]], admin: Person, name: str) -> None:
    at = address(name, site, "mine")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(ROWS[name].methods):
        assert admin.client.generic(method, at).status_code == 405, f"{method} {at}"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "POST" in row.methods])
def test_every_post_needs_a_csrf_token(site: dict[str, dict[str, Any]], admin: Person, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin.user)
    for headers in ({}, {"HX-Request": "true", "Origin": "https://evil.example"}):
        answer = client.post(address(name, site, "mine"), {"message": "x"}, headers=headers)
        assert answer.status_code == 403, f"{name} takes a form of another site"
        assert "csrf" in body_of(answer).lower() or b"cross-site" in answer.content.lower()


def about_a_session(name: str) -> bool:
    return bool({"qid", "turn_id"} & set(PARAMETERS[name]))


def address(name: str, site: dict[str, dict[str, Any]], about: str) -> str:
    return reverse(name, kwargs={parameter: site[about][parameter] for parameter in PARAMETERS[name]})


def answers(client: Client, name: str, at: str) -> Iterator[tuple[str, Any, Rule]]:
    """Ask with every method, as a browser and for data, and with the queries of the row."""
    row = ROWS[name]
    if "GET" in row.methods:
        for query, accept in itertools.product(("", *row.queries), ("text/html", "application/json")):
            if "format=" not in query or accept == "text/html":
                yield f"GET {query} {accept}", client.get(at + query, headers={"Accept": accept}), row.methods["GET"]
    for method in sorted(set(row.methods) - {"GET"}):
        yield method, client.post(at, row.form) if method == "POST" else client.generic(method, at), row.methods[method]


def outcome(answer: Any) -> str:
    location = answer.headers.get("Location", "")
    if answer.status_code == 401 or (answer.status_code == 302 and location.startswith("/sign-in/?")):
        return SIGN_IN
    if answer.request["REQUEST_METHOD"] == "GET" and answer.status_code not in (403, 404):
        asks_too_little = answer.status_code == 400 and not answer.request["QUERY_STRING"]
        return OK if answer.status_code in (200, 302, 410) or asks_too_little else "fault"
    return {403: REFUSED, 404: NOT_FOUND}.get(answer.status_code, OK if answer.status_code < 500 else "fault")


def body_of(answer: Any) -> str:
    async def whole() -> bytes:
        parts = []
        with suppress(ExportCut):  # as it is for whoever has no role
            async for part in answer:
                parts.append(part)
        return b"".join(parts)

    if answer.streaming and answer.is_async:
        return async_to_sync(whole)().decode(errors="replace")
    body: bytes = answer.getvalue() if answer.streaming else answer.content
    return body.decode(errors="replace")


def hidden(asker: Asker, name: str) -> frozenset[str]:
    """The words of sessions that the asker does not see, but those of sessions they see, were granted, or typed.

    Ids, texts, tools, models, users, components, and the name of the source.
    """
    seen = frozenset().union(*(SESSIONS[slug].words for slug in asker.sees))
    every = frozenset().union(*(place.words for place in SESSIONS.values()))
    return every - seen - asker.told - {*ROWS[name].form.values()}


def like(body: str, at: str) -> str:
    """The body without what differs from one request to the next: tokens, the address, what was done before."""
    return re.sub(r'[A-Za-z0-9]{64}|\s+<ul class="messages".*?</ul>', "", body, flags=re.DOTALL).replace(at, "")


def assert_nothing_changed() -> None:
    assert Turn.objects.count() == len(SESSIONS)
    assert CatalogSession.objects.count() == len(SESSIONS)
    assert SavedView.objects.count() == 1
    assert not SignInLink.objects.exists()
