"""Beginning a session with an agent, team or workflow that is known here."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from agentos.access.models import Grant
from agentos.agents.agent import Agent
from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.llm import OpenAIChat
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, runs_of

pytestmark = pytest.mark.django_db
URL, JSON = "/sessions/start/", {"Accept": "application/json"}


@pytest.fixture(params=["agno-v3.db"])
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file(request.param)}") as sources:
        for session_id in (AGENT, TEAM, WORKFLOW):
            refresh_session(sources[0], session_id)
        yield sources[0]


def component(session_id: str = AGENT) -> str:
    row = CatalogSession.objects.get(session_id=session_id)
    return f"{row.session_type}/{row.component_id}"


def begin(person: Person, **fields: Any) -> Any:
    body = {"component": component(), "source": "lab", "key": uuid.uuid4().hex} | fields
    return person.client.post(URL, body, headers=JSON)


@pytest.mark.parametrize("source", ["agno-v3.db", "agno-v2.db", "agno-v2-to-v3.db"], indirect=True)
@pytest.mark.parametrize("with_id", [AGENT, TEAM, WORKFLOW])
def test_a_session_of_a_known_component(teammate: Person, source: Source, with_id: str) -> None:
    answer = begin(teammate, component=component(with_id), user_id=" bob@example.com ", name="A  new\none")
    assert answer.status_code == 201
    session, model = Reader(source).session(answer.json()["session_id"]), Reader(source).session(with_id)
    assert session is not None and model is not None
    assert (session.session_type, session.component_id) == (model.session_type, model.component_id)
    assert (session.user_id, session.session_name) == ("bob@example.com", "A new one")
    kind = model.session_type
    assert session.raw[f"{kind}_data"] == model.raw[f"{kind}_data"]
    assert teammate.client.get(answer.json()["url"]).status_code == 200
    assert Entry.objects.get(act="session.started").session_id == session.session_id


def test_the_first_message_is_sent_and_answered(teammate: Person, source: Source, fake_model: Any) -> None:
    body = {"component": component(), "source": "lab", "key": uuid.uuid4().hex, "message": "Hello [[say Good day.]]"}
    response = teammate.client.post(URL, body)
    turn = Turn.objects.get()
    assert response.headers["Location"] == f"/sessions/lab/{turn.session_id}/#composer"
    run_turn(turn.pk)
    [run] = runs_of(source, turn.session_id)
    assert (run.content, run.user_id) == ("Good day.", None)


def test_a_double_click_begins_one_session(teammate: Person, source: Source) -> None:
    key = uuid.uuid4().hex
    first, second = (begin(teammate, key=key, message="Hello") for _ in range(2))
    assert first.json() == second.json()
    assert Turn.objects.count() == 1
    assert CatalogSession.objects.exclude(session_id__in=[AGENT, TEAM, WORKFLOW]).count() == 1


def test_the_page_offers_what_is_known_and_keeps_what_was_typed(teammate: Person, source: Source) -> None:
    html = teammate.client.get(URL, {"component": component(TEAM)}).content.decode()
    assert f'<option value="{component(TEAM)}" selected>' in html
    body = {"component": "agent/no-such", "source": "lab", "user_id": "<b>", "message": "kept"}
    refused = teammate.client.post(URL, body)
    assert refused.status_code == 422
    assert 'value="&lt;b&gt;"' in refused.content.decode() and ">kept</textarea>" in refused.content.decode()
    offered = teammate.client.get(URL, headers=JSON).json()
    assert component(WORKFLOW) in {one["component"] for one in offered["components"]}


@pytest.mark.parametrize("fields", [{"key": "x"}, {"name": "x" * 201}, {"user_id": "u" * 1001}, {"component": "agent"}])
def test_what_cannot_be_stored_is_refused(teammate: Person, source: Source, fields: dict[str, str]) -> None:
    before = CatalogSession.objects.count()
    assert begin(teammate, **fields).status_code == 422
    assert CatalogSession.objects.count() == before


# --- who may ----------------------------------------------------------------------------------------------------------
def test_a_bound_user_begins_only_their_own(owner: Person, source: Source) -> None:
    assert begin(owner, user_id="alice@example.com").status_code == 201
    for other in ("bob@example.com", ""):
        refused = begin(owner, user_id=other)
        assert refused.status_code == 403
        assert "only as alice@example.com" in refused.json()["error"]
    assert 'name="user_id" value="alice@example.com"' in owner.client.get(URL).content.decode()


def test_whoever_sees_one_agent_begins_with_that_alone(teammate: Person, source: Source) -> None:
    kind, _, component_id = component().partition("/")
    Grant.objects.create(user=teammate.user, kind=kind, value=component_id)
    assert begin(teammate).status_code == 201
    assert begin(teammate, component=component(TEAM)).status_code == 403
    page = teammate.client.get(URL).content.decode()
    assert f'value="{component()}"' in page and component(TEAM) not in page


def test_nobody_begins_with_what_they_do_not_see(stranger: Person, source: Source) -> None:
    assert begin(stranger, user_id="mallory@example.com").status_code == 422
    assert component() not in stranger.client.get(URL).content.decode()


def test_a_viewer_reads_why_not(viewer: Person, source: Source) -> None:
    assert "Your role does not let you" in viewer.client.get(URL).content.decode()
    assert begin(viewer).status_code == 403


def test_a_read_only_or_unknown_source_begins_nothing(teammate: Person, source: Source) -> None:
    with use_sources(f"lab={source.url}?mode=ro"):
        assert begin(teammate).status_code == 403
        assert "read-only" in teammate.client.get(URL).content.decode()
    assert begin(teammate, source="nowhere").status_code == 503


def test_a_page_of_another_site_begins_nothing(teammate: Person, source: Source, client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(teammate.user)
    assert strict.post(URL, {"component": component(), "source": "lab"}).status_code == 403
    assert client.get(URL).status_code == 302


def test_whoever_was_granted_some_components_is_told_of_no_others(
    teammate: Person, source: Source, register: Any
) -> None:
    register(Agent(id="secret-agent", name="Secret", model=OpenAIChat("m")), Agent(id="own", model=OpenAIChat("m")))
    offered = teammate.client.get(URL, headers=JSON).json()["components"]
    assert {"agent/secret-agent", "agent/own"} <= {one["component"] for one in offered}
    Grant.objects.create(user=teammate.user, kind="agent", value="own")
    offered = teammate.client.get(URL, headers=JSON).json()["components"]
    assert [one["component"] for one in offered] == ["agent/own"]
    assert "secret-agent" not in teammate.client.get(URL).content.decode()
    assert begin(teammate, component="agent/secret-agent", user_id="bob").status_code == 403
