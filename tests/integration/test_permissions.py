"""Who may do what, as a table, and that what may not be seen looks like what is not there."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.http import Http404, HttpRequest
from django.test import RequestFactory

from agentos.access.models import Binding, Grant
from agentos.access.rights import RIGHTS, forget_rights
from agentos.access.roles import Right, Role, give_role, has_right, make_rights, rights_of
from agentos.access.rules import NotAllowed, Scope, can_continue, check_can_continue, check_reads, scope_of
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source, use_sources
from agentos.moderation.rules import can_flag, can_moderate
from agentos.saved_views.service import check_can_share
from agentos.turns.models import Turn
from sessions_ui.permissions import get_session_or_404, get_turn_or_404, may_audit
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
        assert {right for right, (lowest, _) in RIGHTS.items() if role.includes(lowest)} == rights_of(user).held

    def test_highest_group_counts(self, viewer: Person, admin: Person) -> None:
        viewer.user.groups.add(*admin.user.groups.all())
        assert rights_of(viewer.user).role == Role.ADMIN

    def test_superuser_is_admin_and_nobody_is_nothing(self) -> None:
        assert rights_of(User(is_superuser=True)).role == Role.ADMIN
        assert rights_of(User(is_superuser=True, is_active=False)).role is None
        assert rights_of(User.objects.create_user("dana")).role is None
        assert rights_of(AnonymousUser()).role is None

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
                assert rights_of(person.user).role == role
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
        with pytest.raises(NotAllowed, match="Your role does not let you"):
            check_can_continue(viewer.user, row)

    def test_a_binding_and_grants_narrow_each_other(self, owner: Person) -> None:
        Grant.objects.create(user=owner.user, kind="agent", value="billing")
        scope = scope_of(owner.user)
        assert scope.covers(ALICE, "lab", "agent", "billing")
        assert not scope.covers(BOB, "lab", "agent", "billing") and not scope.covers(ALICE, "lab", "agent", "other")


class TestOwnGroups:
    """A company makes roles of its own of the rights it likes."""

    @staticmethod
    def member(*rights: Right, name: str = "dana") -> User:
        user = User.objects.create_user(name)
        group = Group.objects.create(name=f"group of {name}")
        group.permissions.set(Permission.objects.filter(codename__in=rights))
        give_role(user, group.name)
        return user

    def test_has_the_rights_of_its_group_alone(self) -> None:
        user = self.member(Right.READ_AUDIT)
        assert rights_of(user).held == {Right.READ_AUDIT} and rights_of(user).role is None
        assert rights_of(user).label == "group of dana"
        assert may_audit(user) and scope_of(user).nothing and not scope_of(user).everything
        assert user.has_perm("access.read_audit") and not user.has_perm("access.read_sessions")

    def test_what_it_lacks_is_said_with_a_role_that_has_it(self) -> None:
        user = self.member(Right.READ, Right.MODERATE)
        assert can_moderate(user) and not can_flag(user)
        with pytest.raises(NotAllowed, match=r"does not let you share views\. .* such as operator"):
            check_can_share(user)
        with pytest.raises(NotAllowed, match="does not let you read sessions"):
            check_reads(self.member(Right.READ_AUDIT, name="eve"))

    def test_a_right_that_is_taken_from_a_role_is_gone_at_once(self, teammate: Person) -> None:
        assert has_right(teammate.user, Right.IMPORT)
        Group.objects.get(name="operator").permissions.remove(Permission.objects.get(codename=Right.IMPORT))
        assert not has_right(User.objects.get(pk=teammate.user.pk), Right.IMPORT)
        assert teammate.client.get("/import/").status_code == 403

    def test_migrating_again_gives_only_what_is_new(self) -> None:
        viewers = Group.objects.get(name="viewer")
        viewers.permissions.clear()
        Permission.objects.get(codename=Right.FLAG).delete()
        make_rights()
        assert [one.codename for one in viewers.permissions.all()] == [Right.FLAG]
        assert Permission.objects.filter(codename__in=Right).count() == len(Right)

    def test_a_right_that_was_a_part_of_another_comes_to_every_role_that_has_that_one(self) -> None:
        user = self.member(Right.READ)
        auditor = self.member(Right.READ_AUDIT, name="eve")
        Group.objects.get(name="operator").permissions.remove(Permission.objects.get(codename=Right.READ))
        Permission.objects.get(codename=Right.EXPORT).delete()
        make_rights()
        assert rights_of(User.objects.get(pk=user.pk)).held == {Right.READ, Right.EXPORT}
        assert rights_of(User.objects.get(pk=auditor.pk)).held == {Right.READ_AUDIT}
        user.groups.get().permissions.remove(Permission.objects.get(codename=Right.EXPORT))
        make_rights()  # taken away, and it stays so
        assert rights_of(User.objects.get(pk=user.pk)).held == {Right.READ}

    def test_other_permissions_are_none_of_ours(self) -> None:
        user = self.member(Right.READ)
        user.groups.get().permissions.add(*Permission.objects.exclude(content_type__app_label="access"))
        assert rights_of(User.objects.get(pk=user.pk)).held == {Right.READ}


@pytest.mark.usefixtures("lab")
class TestContinue:
    @pytest.mark.parametrize(
        ("role", "bound_to", "source", "refusal"),
        [
            ("viewer", None, "lab", "Your role does not let you"),
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
