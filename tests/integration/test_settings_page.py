"""How the program is set up, as a page and as data: what is known, nothing secret, and nobody is waited for."""

import time
from typing import Any

import pytest

from agentos.remotes import discovery
from agentos.remotes.models import RemoteState
from tests.conftest import Person
from tests.integration.remotes.fake_os import FakeOs

KEY = "sk-very-secret"


@pytest.fixture
def far(settings: Any) -> Any:
    """A server that answers, and one that does not, both with the same key."""
    server = FakeOs()
    settings.AGENTOS_REMOTES = f"far={server.url}?source=lab, gone=http://127.0.0.1:9"
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_FAR_KEY": KEY}
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = KEY, f"https://me:{KEY}@models.test/v1"
    yield server
    server.stop()


def read(person: Person) -> dict[str, Any]:
    response = person.client.get("/settings/?format=json")
    assert response.status_code == 200
    data: dict[str, Any] = response.json()
    return data


def test_it_says_who_answers_and_whether_they_do(far: FakeOs, sources: Any, admin: Person, corpus_file: Any) -> None:
    sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    data = read(admin)
    here, gone = data["remotes"]
    assert (here["name"], here["address"], here["sources"], here["key"]) == ("far", far.url, ["lab"], "set")
    assert (here["answers"], here["agno_version"], here["os_id"]) == (True, "9.9.9", "fake-os")
    assert here["serves"] == [{"kind": "agent", "id": "assistant", "name": "Fake", "model": "fake-1"}]
    assert here["latency_ms"] is not None
    assert (gone["answers"], gone["key"], gone["agno_version"]) == (False, "not set", None)
    assert gone["problem"] == "The server gone cannot be reached. See that it runs."
    assert gone["down_since"] is not None
    assert data["model"] == {"key_set": True, "server": "https://models.test/v1"}
    assert [source["name"] for source in data["sources"]] == ["lab"]
    assert (data["turns"]["mode"], data["turns"]["queued"]) == ("thread", 0)
    assert "Django" in data["versions"]


def test_no_secret_is_on_the_page(far: FakeOs, admin: Person, teammate: Person) -> None:
    for person in (admin, teammate):
        for address in ("/settings/", "/settings/?format=json"):
            assert KEY not in person.client.get(address).content.decode()


def test_only_administrators_see_addresses(far: FakeOs, admin: Person, teammate: Person) -> None:
    assert read(teammate)["remotes"][0]["address"] is None
    assert read(teammate)["model"]["server"] == "another than OpenAI's"
    page = teammate.client.get("/settings/").content.decode()
    assert far.url not in page and "far" in page and "models.test" not in page
    assert far.url in admin.client.get("/settings/").content.decode()


def test_a_server_that_hangs_is_not_waited_for(far: FakeOs, admin: Person, settings: Any) -> None:
    """The looking is done by threads; the page shows what is known, which is nothing yet."""
    settings.AGENTOS_FOLLOW = "thread"
    looked: list[str] = []
    aside, discovery._look_aside = discovery._look_aside, lambda remote: looked.append(remote.name)
    try:
        began = time.monotonic()
        assert [one["answers"] for one in read(admin)["remotes"]] == [None, None]
        assert "Being looked at" in admin.client.get("/settings/").content.decode()
        assert time.monotonic() - began < 2
    finally:
        discovery._look_aside = aside
        discovery._looks.clear()
    assert sorted(looked) == ["far", "gone"]
    assert far.log == []


def test_what_a_server_served_is_kept_while_it_is_down(far: FakeOs, admin: Person) -> None:
    read(admin)
    far.refuses["/config"] = (503, {}, b"")
    RemoteState.objects.update(looked_at=None)
    first = read(admin)["remotes"][0]
    assert (first["answers"], first["problem"]) == (
        False,
        "The server far failed (503). Send the message again, or later.",
    )
    assert first["serves"] != []
    RemoteState.objects.update(looked_at=None)
    assert read(admin)["remotes"][0]["down_since"] == first["down_since"]
    far.refuses.clear()
    RemoteState.objects.update(looked_at=None)
    again = read(admin)["remotes"][0]
    assert (again["answers"], again["down_since"]) == (True, None)


@pytest.mark.parametrize(
    "config",
    [
        [],
        "text",
        {"agents": "many"},
        {"agents": [None, {"id": 7}, {"id": ""}, {"id": "x" * 5_000}]},
        b"<h1>",
        b"\xff" * 99,
    ],
)
def test_a_config_that_is_none_serves_nothing(far: FakeOs, admin: Person, config: Any) -> None:
    far.config = config
    assert read(admin)["remotes"][0]["serves"] == []
    assert admin.client.get("/settings/").status_code == 200


def test_hostile_names_are_text(far: FakeOs, admin: Person) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\0"
    far.config = {"os_id": hostile, "agents": [{"id": "a", "name": hostile, "model": {"id": hostile}}]}
    page = admin.client.get("/settings/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_it_is_looked_at_once_in_a_while(far: FakeOs, admin: Person) -> None:
    for _ in range(3):
        read(admin)
    assert [path for _, path, *_ in far.log] == ["/config", "/info"]


def test_statements(far: FakeOs, admin: Person, django_assert_max_num_queries: Any) -> None:
    read(admin)
    with django_assert_max_num_queries(10):
        admin.client.get("/settings/")


def test_a_setting_that_cannot_be_read_is_said(admin: Person, settings: Any) -> None:
    settings.AGENTOS_REMOTES, settings.AGENTOS_AGENTS = "nonsense", "no.such:thing"
    said = " ".join(read(admin)["problems"])
    assert "AGENTOS_REMOTES: Remote 1 needs a name" in said
    assert "AGENTOS_AGENTS: no.such:thing cannot be loaded" in said


def test_others_are_refused_with_a_sentence(viewer: Person, owner: Person, stranger: Person) -> None:
    for person, words in (
        (viewer, "such as operator"),
        (owner, "such as operator"),
        (stranger, "people who see every session"),
    ):
        assert person.client.get("/settings/").status_code == 403
        assert words in person.client.get("/settings/?format=json").json()["error"]
        assert 'href="/settings/"' not in person.client.get("/sessions/").content.decode()


def test_whoever_may_see_it_finds_a_link(teammate: Person, client: Any) -> None:
    assert 'href="/settings/"' in teammate.client.get("/sessions/").content.decode()
    assert client.get("/settings/").status_code == 302
