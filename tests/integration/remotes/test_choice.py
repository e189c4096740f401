"""Choosing who answers, in the pane: who may, what is offered, what is refused."""

import uuid
from typing import Any

import pytest

from agentos.remotes.models import RemoteState
from agentos.turns.models import Turn
from tests.conftest import Person
from tests.integration.remotes.fake_os import FakeOs
from tests.integration.turns.conftest import AGENT

pytestmark = pytest.mark.django_db
ADDRESS = f"/sessions/lab/{AGENT}/"


def post(person: Person, answerer: str) -> Any:
    data = {"message": "Hello", "key": uuid.uuid4().hex, "answerer": answerer}
    return person.client.post(f"{ADDRESS}turns/", data, headers={"Accept": "application/json"})


def test_an_operator_sees_who_answers_and_who_else_could(source: Any, fake_os: FakeOs, teammate: Person) -> None:
    page = teammate.client.get(ADDRESS).content.decode()
    assert '<option value="">automatically, on far (fake-1)</option>' in page
    assert '<option value="rebuilt">by its model alone (demo)</option>' in page
    assert "It answers itself, with its tools: the server far runs it." in page
    assert fake_os.url not in page and "sk-very-secret" not in page


def test_a_server_that_is_down_is_said(source: Any, fake_os: FakeOs, teammate: Person) -> None:
    teammate.client.get(ADDRESS)
    fake_os.refuses["/config"] = (503, {}, b"")
    RemoteState.objects.update(looked_at=None)
    page = teammate.client.get(ADDRESS).content.decode()
    assert "on far (fake-1), not answering</option>" in page
    assert "The server far failed (503)." in page


def test_a_choice_is_kept_with_the_turn(source: Any, fake_os: FakeOs, teammate: Person) -> None:
    for answerer in ("", "rebuilt", "remote:far"):
        response = post(teammate, answerer)
        assert response.status_code == 201, response.content
        assert response.json()["turn"]["answerer"] == (answerer or None)
        assert Turn.objects.get(pk=response.json()["turn"]["id"]).answerer == answerer


@pytest.mark.parametrize("answerer", ["registered", "remote:near", "remote:", "nobody", "x" * 9_999, "\0", "<b>"])
def test_what_is_no_choice_is_refused(source: Any, fake_os: FakeOs, teammate: Person, answerer: str) -> None:
    response = post(teammate, answerer)
    assert response.status_code == 422
    assert "Nobody answers here under the name" in response.json()["error"]
    assert not Turn.objects.exists()


def test_whoever_is_bound_to_a_user_does_not_choose(source: Any, fake_os: FakeOs, owner: Person) -> None:
    page = owner.client.get(ADDRESS).content.decode()
    assert 'name="answerer"' not in page and "Who else can answer" not in page
    assert post(owner, "rebuilt").status_code == 403
    assert not Turn.objects.exists()
    assert post(owner, "").status_code == 201


def test_a_viewer_continues_nothing_and_a_stranger_sees_nothing(
    source: Any, fake_os: FakeOs, viewer: Person, stranger: Person
) -> None:
    assert post(viewer, "rebuilt").status_code == 403
    assert post(stranger, "rebuilt").status_code == 404
    assert not Turn.objects.exists()
