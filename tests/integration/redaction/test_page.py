"""The page that redacts: asks, shows what will change, does it; who may; what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.records import MARKER, Run
from tests.conftest import Person
from tests.integration.redaction.test_redact import NEEDLE, RARE, SESSION, fill

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
URL = f"/sessions/lab/{SESSION}/redact/"
WHY = "the customer asked for it"


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    [source] = sources(f"lab=sqlite:///{path}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    return path


def shown(person: Person, **form: Any) -> Any:
    return person.client.post(URL, form, headers={"Accept": "application/json"})


@pytest.mark.usefixtures("lab")
def test_asks_shows_and_does(moderator: Person) -> None:
    form = moderator.client.get(URL)
    assert 'name="text"' in form.text and "Redact for good" not in form.text
    page = moderator.client.post(URL, {"text": NEEDLE})
    assert "Redact for good" in page.text and "cannot be undone" in page.text and "Tool calls" in page.text
    seen = page.context["preview"].seen
    done = moderator.client.post(URL, {"text": NEEDLE, "act": "redact", "seen": seen, "reason": WHY}, follow=True)
    assert "cannot be undone" in done.text and MARKER in done.text
    assert RARE not in done.text.lower().encode()
    assert Entry.objects.filter(act="session.redacted").latest("pk").reason == WHY


@pytest.mark.usefixtures("lab")
def test_as_data(moderator: Person) -> None:
    found = shown(moderator, text=NEEDLE).json()
    assert found["count"] == sum(found["places"].values()) > 20
    assert shown(moderator, text=NEEDLE, act="redact", reason=WHY, seen="old").status_code == 409
    assert shown(moderator, text=NEEDLE, act="redact", reason="", seen=found["seen"]).status_code == 422
    done = shown(moderator, text=NEEDLE, act="redact", reason=WHY, seen=found["seen"])
    assert done.status_code == 200
    assert done.json()["redacted"] == found["count"]
    assert shown(moderator, text=NEEDLE).json()["count"] == 0


@pytest.mark.usefixtures("lab")
def test_one_thing_is_named_by_its_place(moderator: Person) -> None:
    for query in ("message=1", "call=0", "medium=0"):
        page = moderator.client.get(f"{URL}?run=planted&{query}")
        assert "Redact for good" in page.text
        assert 'name="text"' not in page.text
    seen = moderator.client.get(f"{URL}?run=planted&call=0", headers={"Accept": "application/json"}).json()["seen"]
    form = {"run": "planted", "call": "0", "act": "redact", "reason": WHY, "seen": seen}
    assert moderator.client.post(URL, form).status_code == 302
    run = Reader(get_source("lab")).all_runs(SESSION)[-1]
    assert isinstance(run, Run)
    assert run.tool_calls[0].result == MARKER
    assert json.loads(Entry.objects.filter(act="session.redacted").latest("pk").details)["what"] == "one tool call"


@pytest.mark.usefixtures("lab")
def test_links_lead_there_for_moderators_alone(moderator: Person, teammate: Person) -> None:
    for path, link in (("", "redact/"), ("runs/planted/", "message=1"), ("runs/planted/tools/0/", "call=0")):
        assert link in moderator.client.get(f"/sessions/lab/{SESSION}/{path}").text
        assert "/redact/" not in teammate.client.get(f"/sessions/lab/{SESSION}/{path}").text


@pytest.mark.usefixtures("lab")
def test_refusals(moderator: Person, sources: Open, lab: Path) -> None:
    assert shown(moderator, text="ab").status_code == 422
    assert shown(moderator, text="x" * 20_001).status_code == 422
    for query in (
        "run=planted&message=0",
        "run=planted&message=99",
        "run=nobody&call=0",
        "call=0",
        "run=planted&call=x",
    ):
        assert moderator.client.get(f"{URL}?{query}").status_code == 404, query
    assert shown(moderator, text=NEEDLE, act="redact", reason=f"said {NEEDLE}", seen="x").status_code == 422
    sources(f"lab=sqlite:///{lab}?mode=ro")
    assert moderator.client.get(URL).status_code == 403
    assert "read-only" in moderator.client.get(URL).text


@pytest.mark.usefixtures("lab")
def test_who_may(owner: Person, viewer: Person, teammate: Person, stranger: Person, admin: Person) -> None:
    for who in (owner, viewer, teammate):
        assert who.client.get(URL).status_code == 403
        assert who.client.post(URL, {"text": NEEDLE}).status_code == 403
    assert stranger.client.get(URL).status_code == 404
    assert admin.client.get(URL).status_code == 200
    assert CatalogSession.objects.one("lab", SESSION) is not None
