"""Rules that flag by themselves: what they look at, each session once, within bounds; and the page that keeps them."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.access.rules import NotAllowed
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.moderation import measures, watching
from agentos.moderation.acting import Actor, Refused
from agentos.moderation.models import Case, Flag, FlagRule, Standing
from agentos.moderation.watching import dry_run, keep_rule, run_due, switch
from tests.conftest import Person
from tests.factories import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
HOSTILE = "<script>alert(1)</script>\u202e{{ 7 }}"


def rule(who: Person, query: str = "status:error", **more: Any) -> FlagRule:
    return keep_rule(Actor.of(who.user), more.pop("name", "Errors"), query, "Possible fraud", **more)


def flagged() -> set[str]:
    return set(Flag.objects.values_list("subject__session_id", flat=True))


def test_flags_what_is_new_and_matches_once(moderator: Person) -> None:
    make_session(session_id="old", last_status="ERROR")
    rule(moderator)
    assert run_due(None) == 0
    make_session(session_id="new", last_status="ERROR", title="A new one")
    make_session(session_id="fine")
    assert run_due(None) == 1 and flagged() == {"new"}
    assert run_due(None) == 0
    case = Case.objects.get()
    assert case.title == "A new one" and Flag.objects.get().actor == "Rule “Errors”"
    assert "matched rule “<bdi>Errors</bdi>”" in moderator.client.get("/review/").text


def test_flags_what_has_changed(moderator: Person) -> None:
    row = make_session(session_id="s", last_status="RUNNING")
    rule(moderator)
    run_due(None)
    row.last_status = "ERROR"
    row.save()
    assert run_due(None) == 1


def test_may_begin_with_what_is_there(moderator: Person) -> None:
    make_session(session_id="old", last_status="ERROR")
    rule(moderator, from_the_start=True)
    assert run_due(None) == 1 and flagged() == {"old"}


def test_goes_on_where_its_time_was_over(moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "AT_ONCE", 2)
    for number in range(7):
        make_session(session_id=f"s{number}", last_status="ERROR")
    rule(moderator, from_the_start=True)
    assert run_due(0) == 2
    assert run_due(None) == 5 and len(flagged()) == 7


def test_costs_two_statements_where_nothing_is_new(moderator: Person) -> None:
    with CaptureQueriesContext(connection) as asked:
        run_due(0.05)
    assert len(asked) == 1
    rule(moderator)
    with CaptureQueriesContext(connection) as asked:
        run_due(0.05)
    assert len(asked) <= 3


def test_one_that_is_off_looks_at_nothing(moderator: Person) -> None:
    one = rule(moderator)
    switch(one, Actor.of(moderator.user), on=False)
    make_session(session_id="missed", last_status="ERROR")
    assert run_due(None) == 0
    switch(one, Actor.of(moderator.user), on=True)
    make_session(session_id="new", last_status="ERROR")
    run_due(None)
    assert flagged() == {"new"}


def test_the_words_of_a_session_on_hold_are_looked_at_too(moderator: Person, sources: Any, corpus_file: Any) -> None:
    rule(moderator, "lisbon", name="Lisbon")
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    found = CatalogSession.objects.visible_to(moderator.user).count()
    assert 0 < run_due(None) < found
    row = CatalogSession.objects.get(session_id=sorted(flagged())[0])
    measures.put(row, Standing.HOLD, Actor.of(moderator.user), "looked at")
    assert run_due(None) == 0


@pytest.mark.parametrize("query", ["", "  ", "status:", "is:starred", "tokens:>x", "(", "a" * 5_000])
def test_a_bad_query_is_refused(query: str, moderator: Person) -> None:
    with pytest.raises(Refused):
        rule(moderator, query)
    with pytest.raises(Refused):
        dry_run(moderator.user, query)


def test_what_else_is_refused(moderator: Person, teammate: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed):
        rule(teammate)
    rule(moderator)
    with pytest.raises(Refused, match="already"):
        rule(moderator)
    with pytest.raises(Refused, match="needs a name"):
        rule(moderator, name=" ")
    monkeypatch.setattr(watching, "MOST_AT_FIRST", 1)
    for _ in range(2):
        make_session(last_status="ERROR")
    with pytest.raises(Refused, match="more than 1"):
        rule(moderator, name="Many", from_the_start=True)
    monkeypatch.setattr(watching, "MOST_RULES", 1)
    with pytest.raises(Refused, match="the most"):
        rule(moderator, name="One more")


def test_the_page_shows_what_a_rule_would_flag(moderator: Person) -> None:
    make_session(session_id="old", last_status="ERROR", title=HOSTILE)
    page = moderator.client.get("/review/rules/", {"q": "status:error", "name": HOSTILE}).text
    assert "1 session matches now" in page and "<script>alert" not in page and not Flag.objects.exists()
    data = moderator.client.get("/review/rules/", {"q": "status:error", "format": "json"}).json()
    assert data["would_flag"]["count"] == 1
    broken = moderator.client.get("/review/rules/", {"q": "status:"})
    assert broken.status_code == 422 and 'role="alert"' in broken.text


def test_the_page_keeps_switches_and_deletes(moderator: Person) -> None:
    def post(**form: str) -> Any:
        return moderator.client.post("/review/rules/", form)

    kept = {"act": "keep", "name": HOSTILE, "q": "status:error", "reason": "Possible fraud"}
    assert post(**kept).status_code == 302 and post(**kept).status_code == 422
    one = FlagRule.objects.get()
    assert "<script>alert" not in moderator.client.get("/review/rules/").text
    make_session(last_status="ERROR")
    run_due(None)
    for act, is_on in (("off", False), ("on", True)):
        assert post(act=act, rule=str(one.pk)).status_code == 302
        assert FlagRule.objects.get().is_on is is_on
    assert post(act="dance", rule=str(one.pk)).status_code == 422
    assert post(act="delete", rule=str(one.pk)).status_code == 302
    assert not FlagRule.objects.exists() and Flag.objects.get().rule is None
    for bad in ("999", "x", ""):
        assert post(act="delete", rule=bad).status_code == 404


def test_whose_page_it_is(owner: Person, teammate: Person, admin: Person) -> None:
    for who in (owner, teammate):
        assert who.client.get("/review/rules/").status_code == who.client.post("/review/rules/").status_code == 403
    assert admin.client.get("/review/rules/").status_code == 200
