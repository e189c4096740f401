"""Who comes in by single sign-on, as whom, with which role, and who does not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connections
from django.test import Client
from django.utils import timezone

from agentos.access import oidc
from agentos.access.models import BrowserSession, Identity
from agentos.access.rights import rights_of
from agentos.access.roles import give_role, make_rights
from agentos.access.single_sign_on import NO_GROUP, NO_SUCH_ROLE, SWITCHED_OFF, Claimed, groups_in, let_in
from agentos.audit.models import Entry
from tests.conftest import Person
from tests.integration.sign_on.conftest import Traveller
from tests.oidc_provider import Provider

pytestmark = pytest.mark.django_db


def acts() -> list[tuple[str, str]]:
    return [(one.act, one.actor) for one in Entry.objects.order_by("number") if one.kind in ("sign-in", "rights")]


def roles(user: User | None) -> tuple[str, ...]:
    assert user is not None
    return rights_of(User.objects.get(pk=user.pk)).groups


class TestNew:
    def test_a_new_person_has_the_role_of_their_group(self, traveller: Traveller) -> None:
        answer = traveller.travel("/overview/?span=1y")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/overview/?span=1y")
        user = traveller.user
        assert user is not None and user.username == "dana" and roles(user) == ("operator",)
        assert not user.has_usable_password() and not user.is_superuser and not user.is_staff and user.email == ""
        assert acts() == [("person.created", "single sign-on"), ("sign_in.ok", "dana")]
        assert traveller.client.get("/sessions/").status_code == 200

    def test_is_the_same_person_the_next_time_whatever_they_are_called(
        self, traveller: Traveller, provider: Provider
    ) -> None:
        traveller.travel()
        first = traveller.user
        provider.person |= {"preferred_username": "dana.smith"}
        other = Traveller()
        other.travel()
        assert other.user == first and User.objects.count() == 1
        assert BrowserSession.objects.filter(user=first).count() == 2, "the same role leaves other browsers signed in"

    @pytest.mark.parametrize("verified", [True, False, "true", None])
    def test_an_account_with_the_same_name_and_address_is_not_taken_over(
        self, traveller: Traveller, provider: Provider, admin: Person, verified: Any
    ) -> None:
        User.objects.filter(pk=admin.user.pk).update(email="admin@example.com")
        provider.person |= {
            "preferred_username": "Admin", "email": "admin@example.com", "email_verified": verified,
        }  # fmt: skip
        traveller.travel()
        user = traveller.user
        assert user is not None and user.pk != admin.user.pk and user.username == "Admin-2"
        assert roles(user) == ("operator",) and not Identity.objects.filter(user=admin.user).exists()
        assert Client().login(username="admin", password="admin-password")

    @pytest.mark.parametrize(
        ("claims", "name"),
        [
            ({"preferred_username": "dana smith\u202e\x00/<b>"}, "dana-smith-b"),
            ({"preferred_username": "\ud800", "email": "d@example.com"}, "d@example.com"),
            ({"preferred_username": "…", "name": " "}, "u-1"),
            ({"preferred_username": "x" * 5000}, "x" * 140),
        ],
    )
    def test_names_are_made_fit(self, traveller: Traveller, provider: Provider, claims: Any, name: str) -> None:
        provider.person |= claims
        traveller.travel()
        assert traveller.user is not None and traveller.user.username == name

    def test_the_same_id_at_another_provider_is_somebody_else(
        self, traveller: Traveller, provider: Provider, admin: Person
    ) -> None:
        Identity.objects.create(user=admin.user, issuer="https://elsewhere.example", subject="u-1")
        traveller.travel()
        assert traveller.user is not None and traveller.user.pk != admin.user.pk

    def test_signing_in_ends_by_itself(self, traveller: Traveller, settings: Any) -> None:
        settings.AGENTOS_OIDC_HOURS = 2
        traveller.travel()
        ends = BrowserSession.objects.get(user=traveller.user).expire_date
        assert abs(ends - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)

    def test_a_browser_that_somebody_else_is_signed_in_with_changes_hands(
        self, traveller: Traveller, viewer: Person
    ) -> None:
        back = traveller.visit(traveller.depart())
        traveller.client.force_login(viewer.user)
        before = traveller.client.session.session_key
        assert traveller.client.get(back).status_code == 302
        assert traveller.user is not None and traveller.user.username == "dana"
        assert not BrowserSession.objects.filter(session_key=before).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("subjects", [["u-1"] * 6, [f"u-{number}" for number in range(6)]], ids=["one", "namesakes"])
def test_several_come_for_the_first_time_at_once(provider: Provider, subjects: list[str]) -> None:
    make_rights()  # which a test that commits takes away
    found = oidc.setup()
    assert found is not None
    ready = threading.Barrier(len(subjects))

    def come(subject: str) -> int:
        ready.wait(30)
        try:
            return let_in(found, Claimed(subject, frozenset({"support"}), ("dana",)), "192.0.2.1").pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(subjects)) as pool:
        keys = set(pool.map(come, subjects))
    assert len(keys) == len(set(subjects)) == Identity.objects.count() == User.objects.count()
    assert Entry.objects.filter(act="person.created").count() == len(keys)


class TestGroups:
    @pytest.mark.parametrize(
        ("groups", "role"),
        [
            (["support"], "operator"),
            (["audit", "support"], "operator"),
            (["everyone", "chiefs", "audit"], "admin"),
            ("audit", "viewer"),
            (["audit", 7, None, ["chiefs"]], "viewer"),
        ],
    )
    def test_the_first_that_fits_counts(self, traveller: Traveller, provider: Provider, groups: Any, role: str) -> None:
        provider.person["groups"] = groups
        traveller.travel()
        assert roles(traveller.user) == (role,)

    @pytest.mark.parametrize(
        "groups", [[], None, ["Support"], ["admin"], ["operator"], "support,chiefs", {"support": 1}, 7]
    )
    def test_in_no_group_that_counts_somebody_is_refused_and_not_made(
        self, traveller: Traveller, provider: Provider, groups: Any
    ) -> None:
        provider.person["groups"] = groups
        answer = traveller.travel()
        assert answer.status_code == 403 and NO_GROUP in answer.text
        assert traveller.user is None and not User.objects.exists() and not Identity.objects.exists()
        assert acts() == [("sign_in.refused", "dana")]

    def test_in_no_group_a_role_may_be_given_all_the_same(
        self, traveller: Traveller, provider: Provider, settings: Any
    ) -> None:
        settings.AGENTOS_OIDC_OTHERS = "viewer"
        provider.person["groups"] = []
        traveller.travel()
        assert roles(traveller.user) == ("viewer",)

    def test_the_claim_has_a_name_or_a_path(self, traveller: Traveller, provider: Provider, settings: Any) -> None:
        settings.AGENTOS_OIDC_GROUPS_CLAIM = "realm_access.roles"
        provider.person |= {"groups": ["chiefs"], "realm_access": {"roles": ["audit"]}}
        traveller.travel()
        assert roles(traveller.user) == ("viewer",)
        assert groups_in({"https://acme.example/groups": ["a"]}, "https://acme.example/groups") == {"a"}
        assert groups_in({"a": {"b": 1}}, "a.b.c") == frozenset()

    def test_userinfo_tells_of_groups_too(self, traveller: Traveller, provider: Provider) -> None:
        provider.token["groups"] = None
        traveller.travel()
        assert roles(traveller.user) == ("operator",)

    def test_without_userinfo_the_id_token_is_enough(self, traveller: Traveller, provider: Provider) -> None:
        provider.config["userinfo_endpoint"] = None
        traveller.travel()
        assert roles(traveller.user) == ("operator",) and "/userinfo" not in provider.asked

    def test_a_role_of_ones_own(self, traveller: Traveller, settings: Any) -> None:
        settings.AGENTOS_OIDC_ROLES = "support=case worker"
        answer = traveller.travel()
        assert answer.status_code == 403 and NO_SUCH_ROLE in answer.text and not User.objects.exists()
        Group.objects.create(name="case worker")
        traveller.travel()
        assert roles(traveller.user) == ("case worker",)


class TestLater:
    @pytest.fixture
    def there(self, traveller: Traveller) -> Traveller:
        traveller.travel()
        return traveller

    def test_another_group_is_another_role_and_ends_other_sessions(self, there: Traveller, provider: Provider) -> None:
        provider.person["groups"] = ["audit"]
        other = Traveller()
        other.travel()
        assert roles(other.user) == ("viewer",)
        assert there.client.get("/sessions/").status_code == 302, "signed out"
        assert other.client.get("/sessions/").status_code == 200
        changed = Entry.objects.get(act="person.role")
        assert (changed.actor, changed.before, changed.after) == ("single sign-on", '"operator"', '"viewer"')

    def test_out_of_all_groups_the_role_is_gone(self, there: Traveller, provider: Provider) -> None:
        user = there.user
        provider.person["groups"] = []
        other = Traveller()
        answer = other.travel()
        assert answer.status_code == 403 and NO_GROUP in answer.text and other.user is None
        assert roles(user) == () and there.client.get("/sessions/").status_code == 302
        assert ("person.role", "single sign-on") in acts() and ("sign_in.refused", "dana") in acts()
        provider.person["groups"] = ["support"]
        other.travel()
        assert other.user == user and roles(user) == ("operator",)

    def test_also_the_last_who_manages_people(self, traveller: Traveller, provider: Provider) -> None:
        provider.person["groups"] = ["chiefs"]
        traveller.travel()
        provider.person["groups"] = ["support"]
        other = Traveller()
        other.travel()
        assert roles(other.user) == ("operator",)

    def test_a_role_that_is_not_there_any_more_takes_the_old_one_away(self, there: Traveller, settings: Any) -> None:
        user = there.user
        settings.AGENTOS_OIDC_ROLES = "support=gone"
        answer = Traveller().travel()
        assert answer.status_code == 403 and NO_SUCH_ROLE in answer.text and roles(user) == ()

    def test_switched_off_here_is_refused(self, there: Traveller, provider: Provider, admin: Person) -> None:
        user = there.user
        assert user is not None
        admin.client.post(f"/people/{user.pk}/", {"act": "switch_off", "reason": "has left us"})
        provider.person["groups"] = ["chiefs"]
        answer = Traveller().travel()
        assert answer.status_code == 403 and SWITCHED_OFF in answer.text
        assert roles(user) == () or not User.objects.get(pk=user.pk).is_active
        assert list(User.objects.get(pk=user.pk).groups.values_list("name", flat=True)) == ["operator"]

    def test_a_role_that_was_given_by_the_command_line_is_overwritten(self, there: Traveller) -> None:
        assert there.user is not None
        give_role(there.user, "admin")
        other = Traveller()
        other.travel()
        assert roles(other.user) == ("operator",)


class TestPeoplePages:
    def test_say_whose_role_comes_from_there(self, traveller: Traveller, admin: Person) -> None:
        traveller.travel()
        user = traveller.user
        assert user is not None
        assert admin.client.get("/people/").text.count("by single sign-on") == 1
        rows = {one["username"]: one for one in admin.client.get("/people/?format=json").json()["people"]}
        assert rows["dana"]["role_by_single_sign_on"] is True and rows["admin"]["role_by_single_sign_on"] is False
        page = admin.client.get(f"/people/{user.pk}/").text
        assert "none, signs in by single sign-on" in page
        assert "The role of dana comes from single sign-on. Change their groups there" in page

    def test_the_role_is_not_changed_there_but_the_scope_is(
        self, traveller: Traveller, admin: Person, settings: Any
    ) -> None:
        traveller.travel()
        user = traveller.user
        assert user is not None
        form = {"act": "role", "role": "viewer", "reason": "asked for in ticket 1"}
        refused = admin.client.post(f"/people/{user.pk}/", form)
        assert refused.status_code == 403 and roles(user) == ("operator",)
        grant = {"act": "grant", "kind": "agent", "value": "billing", "reason": "asked for in ticket 1"}
        assert admin.client.post(f"/people/{user.pk}/", grant).status_code == 302
        other = Traveller()
        other.travel()
        assert other.user is not None and [str(one) for one in other.user.grants.all()] == ["agent:billing"]
        settings.AGENTOS_OIDC_ISSUER = ""
        assert admin.client.post(f"/people/{user.pk}/", form).status_code == 302, "it is nobody else's any more"
        assert roles(user) == ("viewer",)
