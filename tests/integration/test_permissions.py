"""Who may do what, as a table, and that what may not be seen looks like what is not there."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser, User
from django.http import Http404, HttpRequest
from django.test import RequestFactory

from agentos.access.models import Binding, Grant
from agentos.access.rights import forget_rights
from agentos.access.roles import Role, give_role, has_role, role_of
from agentos.access.rules import NotAllowed, Scope, can_continue, check_can_continue, scope_of
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from agentos.turns.models import Turn
from sessions_ui.permissions import get_session_or_404, get_turn_or_404
from tests.conftest import Person

pytestmark = pytest.mark.django_db

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def lab(corpus_file: Callable[[str], Path]) -> Iterator[None]:
    path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}, frozen=sqlite:///{path}?mode=ro"):
        yield


@pytest.fixture
def session_id(lab: None) -> str:
    """One of Alice's sessions, as the catalog knows it."""
    refresh_source(get_source("lab"), budget=None)
    found = CatalogSession.objects.filter(source="lab", user_id=ALICE).first()
    assert found is not None
    return str(found.session_id)


def asked_by(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


class TestRoles:
    @pytest.mark.parametrize("role", list(Role))
    def test_each_includes_those_before_it(self, role: Role) -> None:
        user = User.objects.create_user("dana")
        give_role(user, role)
        assert [has_role(user, other) for other in Role] == [other.rank <= role.rank for other in Role]

    def test_highest_group_counts(self, viewer: Person, admin: Person) -> None:
        viewer.user.groups.add(*admin.user.groups.all())
        assert role_of(viewer.user) == Role.ADMIN

    def test_superuser_is_admin_and_nobody_is_nothing(self) -> None:
        assert role_of(User(is_superuser=True)) == Role.ADMIN
        assert role_of(User(is_superuser=True, is_active=False)) is None
        assert role_of(User.objects.create_user("dana")) is None
        assert role_of(AnonymousUser()) is None

    def test_taken_away_counts_at_once(self, viewer: Person) -> None:
        assert scope_of(viewer.user).everything
        assert "Nothing to see yet" not in viewer.client.get("/sessions/").text
        User.objects.get(pk=viewer.user.pk).groups.clear()
        assert "Nothing to see yet" in viewer.client.get("/sessions/").text
        scope = scope_of(User.objects.get(pk=viewer.user.pk))
        assert not scope.covers(ALICE)
        assert not scope.covers(None)

    def test_one_statement_tells_all_there_is_to_know_of_a_user(
        self, owner: Person, stranger: Person, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(2):  # one for each of them
            for person, role, user_id in (
                (owner, Role.VIEWER, ALICE),
                (stranger, Role.OPERATOR, "mallory@example.com"),
            ):
                assert role_of(person.user) == role
                assert scope_of(person.user) == Scope(everything=False, agno_user_id=user_id)

    def test_grants_narrow_and_what_is_not_said_is_not_covered(self, teammate: Person) -> None:
        user = teammate.user
        for kind, value in (("agent", "billing"), ("team", "crew"), ("source", "lab")):
            Grant.objects.create(user=user, kind=kind, value=value)
        forget_rights(user)
        scope = scope_of(user)
        assert not scope.everything and not scope.nothing
        assert scope.covers(ALICE, "lab", "agent", "billing") and scope.covers(None, "lab", "team", "crew")
        assert not scope.covers(ALICE, "lab", "agent", "crew")
        assert not scope.covers(ALICE, "away", "agent", "billing")
        assert not scope.covers(ALICE)
        row = CatalogSession(source="lab", session_id="s", user_id=ALICE, session_type="agent", component_id="other")
        with pytest.raises(NotAllowed, match="a part of the sessions"):
            check_can_continue(user, row)

    def test_a_viewer_of_a_part_continues_nothing(self, viewer: Person) -> None:
        Grant.objects.create(user=viewer.user, kind="user", value=ALICE)
        row = CatalogSession(source="lab", session_id="s", user_id=ALICE, session_type="agent", component_id="a")
        with pytest.raises(NotAllowed, match="A viewer reads sessions"):
            check_can_continue(viewer.user, row)

    def test_a_binding_and_grants_narrow_each_other(self, owner: Person) -> None:
        Grant.objects.create(user=owner.user, kind="agent", value="billing")
        scope = scope_of(owner.user)
        assert scope.covers(ALICE, "lab", "agent", "billing")
        assert not scope.covers(BOB, "lab", "agent", "billing") and not scope.covers(ALICE, "lab", "agent", "other")


@pytest.mark.usefixtures("lab")
class TestContinue:
    @pytest.mark.parametrize(
        ("role", "bound_to", "source", "refusal"),
        [
            ("viewer", None, "lab", "A viewer reads sessions"),
            ("operator", None, "lab", None),
            ("moderator", None, "lab", None),
            ("admin", None, "lab", None),
            (None, None, "lab", "no role yet"),
            (None, ALICE, "lab", "no role yet"),
            ("viewer", ALICE, "lab", None),
            ("viewer", BOB, "lab", "belongs to another user"),
            ("admin", BOB, "lab", "belongs to another user"),
            ("operator", "", "lab", "belongs to another user"),
            ("admin", None, "frozen", "opened read-only"),
            ("viewer", ALICE, "frozen", "opened read-only"),
            ("admin", None, "gone", "not configured any more"),
        ],
    )
    def test_table(self, role: str | None, bound_to: str | None, source: str, refusal: str | None) -> None:
        user = User.objects.create_user("dana")
        if role is not None:
            give_role(user, Role(role))
        if bound_to is not None:
            Binding.objects.create(user=user, agno_user_id=bound_to)
        row = CatalogSession(source=source, session_id="s", user_id=ALICE)
        assert can_continue(user, row) == (refusal is None)
        if refusal:
            with pytest.raises(NotAllowed, match=refusal):
                check_can_continue(user, row)

    def test_a_session_of_nobody_is_no_bound_users(self, owner: Person) -> None:
        assert not can_continue(owner.user, CatalogSession(source="lab", session_id="s", user_id=None))


class TestGetSession:
    def test_who_sees_it(self, session_id: str, owner: Person, viewer: Person, teammate: Person, admin: Person) -> None:
        for person in (owner, viewer, teammate, admin):
            assert get_session_or_404(asked_by(person.user), "lab", quote(session_id)).session_id == session_id

    def test_forbidden_looks_like_unknown(self, session_id: str, stranger: Person) -> None:
        without_role = User.objects.create_user("dana")
        answers = set()
        for user in (stranger.user, without_role, AnonymousUser()):
            for sought in (quote(session_id), "no-such-session"):
                with pytest.raises(Http404) as caught:
                    get_session_or_404(asked_by(user), "lab", sought)
                answers.add(str(caught.value))
        assert len(answers) == 1

    @pytest.mark.parametrize("qid", ["", "_00", "a\x00b", "_", "..", "\u202e", "x" * 10_000, "' OR 1=1--"])
    @pytest.mark.parametrize("source", ["lab", "gone"])
    def test_bad_ids(self, session_id: str, viewer: Person, source: str, qid: str) -> None:
        with pytest.raises(Http404):
            get_session_or_404(asked_by(viewer.user), source, qid)

    def test_looks_in_the_source_for_what_the_catalog_lacks(
        self, session_id: str, owner: Person, stranger: Person
    ) -> None:
        CatalogSession.objects.all().delete()
        with pytest.raises(Http404):
            get_session_or_404(asked_by(stranger.user), "lab", quote(session_id))
        CatalogSession.objects.all().delete()
        assert get_session_or_404(asked_by(owner.user), "lab", quote(session_id)).user_id == ALICE

    def test_a_source_that_is_down_has_no_new_sessions(self, viewer: Person, tmp_path: Path) -> None:
        with use_sources(f"lab=sqlite:///{tmp_path / 'missing' / 'agno.db'}"), pytest.raises(Http404):
            get_session_or_404(asked_by(viewer.user), "lab", "s")


class TestGetTurn:
    def test_follows_the_session(self, session_id: str, owner: Person, stranger: Person) -> None:
        turn = Turn.objects.create(
            source="lab", session_id=session_id, user=owner.user, actor="owner", message="Hi", idempotency_key="k"
        )
        assert get_turn_or_404(asked_by(owner.user), turn.pk) == turn
        for turn_id in (turn.pk, uuid.uuid4()):
            with pytest.raises(Http404):
                get_turn_or_404(asked_by(stranger.user), turn_id)
