"""Which sources there are is told to nobody whose scope names another one."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agentos.access.models import Grant
from agentos.access.rights import forget_rights
from agentos.access.rules import scope_of
from agentos.catalog import seen_sources as module
from agentos.catalog.models import CatalogSession
from agentos.catalog.seen_sources import seen_sources
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source
from agentos.moderation.models import FlagReason, FlagRule
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
PAGES = ("/sessions/", "/search/", "/overview/", "/users/", "/health/", "/views/")


@pytest.fixture
def two(sources: Any, corpus_file: Any, tmp_path: Path) -> None:
    sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}, zqaway=sqlite:///{tmp_path / 'missing' / 'agno.db'}")
    for name in ("lab", "zqaway"):
        refresh_source(get_source(name), budget=None)


@pytest.mark.parametrize("path", PAGES)
def test_a_scope_of_one_source_names_no_other(two: None, teammate: Person, path: str) -> None:
    assert "zqaway" in teammate.client.get(path).text
    Grant.objects.create(user=teammate.user, kind="source", value="lab")
    html = teammate.client.get(path).text
    assert "zqaway" not in html and ">lab<" in html.replace("\n", "").replace(" ", "")
    assert "zqaway" not in teammate.client.get(path, headers={"Accept": "application/json"}).text


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_nothing_reads_no_name(two: None, teammate: Person, path: str) -> None:
    teammate.user.groups.clear()
    assert "zqaway" not in teammate.client.get(path).text


class TestSourcesWithoutASessionOfTheirs:
    """Whoever is bound to a user, or sees one agent, is told of the sources that hold a session of theirs."""

    PAGES = (
        *PAGES, "/sessions/start/", "/import/", "/jump/?q=zq", "/agents/", "/tools/", "/models/", "/jobs/", "/compare/",
        "/sessions/complete/?q=source:", "/search/?q=source:lab+refund", "/no-such-page/",
    )  # fmt: skip

    @pytest.fixture
    def three(self, sources: Any, corpus_file: Any, tmp_path: Path) -> None:
        """One with everybody's sessions, one that is down, one that is read-only and holds others' sessions."""
        sources(
            f"lab=sqlite:///{corpus_file('agno-v3.db')}, zqaway=sqlite:///{tmp_path / 'missing' / 'agno.db'}, "
            f"zqfrozen=sqlite:///{corpus_file('agno-v2.db')}?mode=ro"
        )
        for name in ("lab", "zqaway", "zqfrozen"):
            refresh_source(get_source(name), budget=None)
        CatalogSession.objects.filter(source="zqfrozen").update(
            user_id="zqsomebody", user_key="zqsomebody", component_id="zqother", component_key="zqother"
        )

    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("kind", ["bound", "agent", "user"])
    def test_no_page_names_another(self, three: None, owner: Person, teammate: Person, kind: str, path: str) -> None:
        row = CatalogSession.objects.filter(source="lab", session_type="agent", user_id="alice@example.com").first()
        assert row is not None and row.component_id
        if kind != "bound":
            value = row.component_id if kind == "agent" else "alice@example.com"
            Grant.objects.create(user=teammate.user, kind=kind, value=value)
        who = owner if kind == "bound" else teammate
        for accept in ("text/html", "application/json"):
            text = who.client.get(path, headers={"Accept": accept}).text
            told = [word for word in ("zqaway", "zqfrozen", "zqsomebody", "zqother") if word in text]
            assert not told, f"{path} as {accept}"

    def test_a_name_that_is_typed_is_answered_as_one_that_is_not_there(self, three: None, owner: Person) -> None:
        answers = []
        for source in ("zqfrozen", "zqaway", "zqnothing"):
            form = {"source": source, "component": "agent/any", "user_id": "alice@example.com"}
            answer = owner.client.post("/sessions/start/", form, headers={"Accept": "application/json"})
            answers.append((answer.status_code, answer.text.replace(source, "")))
        assert len(set(answers)) == 1 and answers[0][0] == 403

    def test_moderators_of_a_part_read_no_rules_about_others(self, three: None, moderator: Person) -> None:
        reason = FlagReason.objects.create(name="zqreason", due_hours=1)
        FlagRule.objects.create(
            name="any", query="user:zqsomebody", reason=reason.name, seen_until=timezone.now(), actor="a", is_on=True
        )
        assert "zqsomebody" in moderator.client.get("/review/rules/").text
        Grant.objects.create(user=moderator.user, kind="user", value="alice@example.com")
        assert "zqsomebody" not in moderator.client.get("/review/rules/").text
        form = {"act": "off", "rule": FlagRule.objects.get(name="any").pk}
        assert moderator.client.post("/review/rules/", form).status_code == 404


class TestSeenSources:
    NAMES = ("a", "b", "c")

    @pytest.fixture
    def alice(self, owner: Person) -> Any:
        make_session(source="a", user_id="alice@example.com")
        make_session(source="b", user_id="alice@example.com", updated_at=1_000)
        make_session(source="c", user_id="somebody else")
        return owner.user

    def test_those_with_a_session(self, alice: Any, django_assert_num_queries: Any) -> None:
        scope_of(alice)
        with django_assert_num_queries(1):
            for _ in range(3):
                assert seen_sources(alice, self.NAMES) == {"a", "b"}

    def test_those_beyond_the_latest(self, alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "RECENT", 0)
        assert seen_sources(alice, self.NAMES) == {"a", "b"}

    def test_a_new_scope_counts_at_once(self, alice: Any) -> None:
        assert seen_sources(alice, self.NAMES) == {"a", "b"}
        Grant.objects.create(user=alice, kind="source", value="b")
        forget_rights(alice)
        assert seen_sources(alice, self.NAMES) == {"b"}

    def test_who_sees_all_or_nothing_costs_nothing(self, viewer: Person, django_assert_num_queries: Any) -> None:
        nobody = User.objects.create_user("nobody")
        scope_of(viewer.user), scope_of(nobody)
        with django_assert_num_queries(0):
            assert seen_sources(viewer.user, self.NAMES) == {*self.NAMES}
            assert seen_sources(nobody, self.NAMES) == frozenset()


def test_every_page_refuses_to_be_framed(two: None, teammate: Person) -> None:
    """Attack 17, on pages, refusals and what is not there alike."""
    for path in (*PAGES, "/sign-in/", "/audit/", "/people/", "/no-such-page/", "/sessions/lab/no-such/"):
        answer = teammate.client.get(path)
        assert answer.headers["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path


def test_where_htmx_is_sent_stays_here(two: None) -> None:
    """Attack 18: the address that the browser says it shows is not ours to trust."""
    from django.test import Client

    for shown in ("https://evil.example/a", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = Client().get("/sessions/", headers={"HX-Request": "true", "HX-Current-URL": shown})
        assert answer.headers["HX-Redirect"].startswith("/sign-in/?next="), shown
        assert "evil.example" not in answer.headers["HX-Redirect"] or "next=/" in answer.headers["HX-Redirect"]
