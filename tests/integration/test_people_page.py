"""The pages of people and roles: who is there, what is changed about them, and who may change it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.access import people
from agentos.access.groups import keep
from agentos.access.managing import (
    can_be_shut_out,
    can_give,
    can_manage,
    can_manage_people,
    check_can_be_shut_out,
    managers,
)
from agentos.access.models import ApiToken, Binding, BrowserSession, Grant, SignInLink
from agentos.access.people import Manager, Refused
from agentos.access.rights import Right, Role
from agentos.access.roles import give_role, rights_in
from agentos.access.rules import NotAllowed
from agentos.audit.models import Entry
from tests.conftest import Person, person

pytestmark = pytest.mark.django_db
WHY = "asked for in ticket 8812"


def page(of: User) -> str:
    return f"/people/{of.pk}/"


def post(who: Person, of: Person, **form: str) -> Any:
    return who.client.post(page(of.user), {"reason": WHY, **form})


def now(of: Person) -> User:
    return User.objects.get(pk=of.user.pk)


class TestList:
    def test_shows_role_scope_binding_and_when_they_were_here(
        self, admin: Person, owner: Person, teammate: Person
    ) -> None:
        Grant.objects.create(user=teammate.user, kind="agent", value="billing")
        html = admin.client.get("/people/").text
        assert "agent:billing" in html and "alice@example.com" in html and "1 browser" in html
        rows = {row["username"]: row for row in admin.client.get("/people/?format=json").json()["people"]}
        assert rows["teammate"]["role"] == "operator" and rows["teammate"]["scopes"] == ["agent:billing"]
        assert rows["owner"]["user_id"] == "alice@example.com" and rows["owner"]["sessions"] == 1
        assert rows["owner"]["last_seen"] is not None

    def test_finds_and_leaves_out_who_is_switched_off(self, admin: Person, viewer: Person, teammate: Person) -> None:
        User.objects.filter(pk=viewer.user.pk).update(is_active=False)

        def names(query: str) -> list[str]:
            return [row["username"] for row in admin.client.get(f"/people/{query}").json()["people"]]

        assert names("?format=json") == ["admin", "teammate"]
        assert names("?format=json&show=off") == ["viewer"]
        assert names("?format=json&show=all&find=IEW") == ["viewer"]
        assert names("?format=json&show=all&after=admin") == ["teammate", "viewer"]
        assert "No name among these holds" in admin.client.get("/people/?find=zzz").text

    def test_asks_no_more_for_more_people(self, admin: Person) -> None:
        def count() -> int:
            with CaptureQueriesContext(connection) as taken:
                admin.client.get("/people/")
            return len(taken)

        admin.client.get("/people/")
        before = count()
        for number in range(20):
            found = person(f"number {number}", "operator")
            Grant.objects.create(user=found.user, kind="agent", value="billing")
        assert count() <= before + 1  # grants, which nobody had before

    def test_goes_on_behind_a_page(self, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sessions_ui.presenters.people.PAGE", 2)
        for name in ("a", "b", "c"):
            User.objects.create_user(name)
        first = admin.client.get("/people/?format=json").json()
        assert [row["username"] for row in first["people"]] == ["a", "admin"] and first["next"] == "admin"
        assert "after=admin" in admin.client.get("/people/").text

    def test_makes_an_account_and_shows_its_link_once(self, admin: Person) -> None:
        answer = admin.client.post("/people/", {"name": "dana", "role": "operator"})
        assert answer.status_code == 201
        made = User.objects.get(username="dana")
        assert not made.has_usable_password() and list(made.groups.values_list("name", flat=True)) == ["operator"]
        address = answer.text.split('id="one-time-link" type="text" value="')[1].split('"')[0]
        assert Client().post(address.removeprefix("http://testserver")).status_code == 302
        assert "sign-in/" not in admin.client.get(page(made)).text
        assert list(Entry.objects.order_by("number").values_list("act", flat=True)[:2]) == [
            "person.created",
            "link.issued",
        ]

    @pytest.mark.parametrize(
        ("name", "role"), [("", "viewer"), ("a b/c", "viewer"), ("dana", "no such"), ("admin", "viewer")]
    )
    def test_refuses_what_cannot_be_an_account(self, admin: Person, name: str, role: str) -> None:
        assert admin.client.post("/people/", {"name": name, "role": role}).status_code == 422
        assert User.objects.count() == 1


class TestChanges:
    """Each of them is on record with its reason, and signs out whom it is about."""

    def test_role(self, admin: Person, teammate: Person) -> None:
        assert post(admin, teammate, act="role", role="moderator").status_code == 302
        assert [group.name for group in now(teammate).groups.all()] == ["moderator"]
        assert teammate.client.get("/sessions/").status_code == 302
        entry = Entry.objects.latest("number")
        assert (entry.act, entry.actor, entry.reason, entry.object) == ("person.role", "admin", WHY, "user teammate")
        assert (entry.before, entry.after) == ('"operator"', '"moderator"')

    def test_scope(self, admin: Person, teammate: Person) -> None:
        post(admin, teammate, act="grant", kind="agent", value=" billing ")
        grant = Grant.objects.get()
        assert str(grant) == "agent:billing" and teammate.client.get("/sessions/").status_code == 302
        assert post(admin, teammate, act="grant", kind="agent", value="billing").status_code == 422
        post(admin, teammate, act="ungrant", grant=str(grant.pk))
        assert not Grant.objects.exists()
        assert post(admin, teammate, act="ungrant", grant=str(grant.pk)).status_code == 422
        acts = list(Entry.objects.filter(kind="rights").order_by("number").values_list("act", "reason"))
        assert acts == [("person.granted", WHY), ("person.ungranted", WHY)]

    def test_binding(self, admin: Person, teammate: Person) -> None:
        post(admin, teammate, act="bind", agno_user_id="alice@example.com")
        assert Binding.objects.get().agno_user_id == "alice@example.com"
        assert post(admin, teammate, act="bind", agno_user_id="alice@example.com").status_code == 422
        post(admin, teammate, act="bind", agno_user_id="")
        assert not Binding.objects.exists()
        assert Entry.objects.latest("number").act == "person.unbound"

    def test_switching_off_leaves_nothing_to_come_in_by(self, admin: Person, teammate: Person) -> None:
        token, link = ApiToken.objects.all().issue(teammate.user), SignInLink.objects.all().issue(teammate.user)
        assert post(admin, teammate, act="switch_off").status_code == 302
        assert teammate.client.get("/sessions/").status_code == 302
        assert Client().get("/sessions/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert post(admin, teammate, act="issue_link").status_code == 422
        post(admin, teammate, act="switch_on")
        assert now(teammate).is_active and [group.name for group in now(teammate).groups.all()] == ["operator"]
        assert Client().get("/sessions/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert Client().get(f"/sign-in/{link}/").status_code == 410

    def test_signing_out_and_taking_back(self, admin: Person, teammate: Person) -> None:
        ApiToken.objects.all().issue(teammate.user)
        SignInLink.objects.all().issue(teammate.user)
        html = admin.client.get(page(teammate.user)).text
        assert "Take back 1 API token" in html and "Take back 1 open link" in html
        for act in ("revoke_tokens", "revoke_links", "sign_out"):
            assert post(admin, teammate, act=act).status_code == 302
        assert not ApiToken.objects.exists() and not SignInLink.objects.usable().exists()
        assert not BrowserSession.objects.filter(user=teammate.user).exists()
        acts = list(Entry.objects.order_by("number").values_list("act", flat=True))
        assert acts == ["token.revoked", "link.revoked", "person.signed_out"]
        assert "Sign out everywhere" not in admin.client.get(page(teammate.user)).text

    def test_as_data(self, admin: Person, teammate: Person) -> None:
        data = {"act": "issue_link"}
        answer = admin.client.post(f"{page(teammate.user)}?format=json", data).json()
        assert answer["link"].startswith("http://testserver/sign-in/")
        assert answer["person"]["username"] == "teammate" and len(answer["person"]["links"]) == 1
        answer = admin.client.post(f"{page(teammate.user)}?format=json", {"act": "role", "role": "viewer"})
        assert answer.status_code == 422 and "Say why" in answer.json()["error"]

    @pytest.mark.parametrize(
        "form",
        [
            {},
            {"act": "explode"},
            {"act": "role", "role": "emperor"},
            {"act": "role", "role": "operator"},
            {"act": "role", "role": "viewer", "reason": "hm"},
            {"act": "role", "role": "viewer", "reason": "x" * 1001},
            {"act": "grant", "kind": "planet", "value": "x"},
            {"act": "grant", "kind": "agent", "value": " "},
            {"act": "grant", "kind": "agent", "value": "a\nb"},
            {"act": "grant", "kind": "agent", "value": "x" * 501},
            {"act": "ungrant", "grant": "x" * 30},
            {"act": "bind", "agno_user_id": "a\x00b"},
            {"act": "switch_on"},
        ],
    )
    def test_refused_changes_change_nothing(self, admin: Person, teammate: Person, form: dict[str, str]) -> None:
        answer = post(admin, teammate, **form)
        assert answer.status_code == 422 and 'role="alert"' in answer.text
        assert not Entry.objects.filter(kind="rights").exists()
        assert teammate.client.get("/sessions/").status_code == 200

    def test_the_page_tells_what_was_changed(self, admin: Person, teammate: Person) -> None:
        post(admin, teammate, act="role", role="viewer")
        html = admin.client.get(page(teammate.user)).text
        assert "Changed the role of teammate to viewer" in html and WHY in html


class TestTheLast:
    """Somebody always manages people."""

    @pytest.mark.parametrize(
        "form",
        [
            {"act": "role", "role": "viewer"},
            {"act": "switch_off"},
            {"act": "grant", "kind": "agent", "value": "billing"},
            {"act": "bind", "agno_user_id": "alice@example.com"},
        ],
    )
    def test_stays(self, admin: Person, teammate: Person, form: dict[str, str]) -> None:
        answer = post(admin, admin, **form)
        assert answer.status_code == 403 and "the last person who manages people" in answer.text
        assert list(managers()) == [admin.user] and not Entry.objects.filter(kind="rights").exists()
        assert not can_be_shut_out(admin.user)
        second = person("second", "admin")
        assert can_be_shut_out(admin.user)
        assert post(second, admin, **form).status_code == 302

    def test_one_who_is_switched_off_or_narrowed_is_no_other(self, admin: Person) -> None:
        off, narrow = person("off", "admin"), person("narrow", "admin")
        User.objects.filter(pk=off.user.pk).update(is_active=False)
        Grant.objects.create(user=narrow.user, kind="agent", value="billing")
        with pytest.raises(NotAllowed, match="the last person"):
            check_can_be_shut_out(admin.user)

    def test_a_superuser_is_another(self, admin: Person) -> None:
        User.objects.create_superuser("root")
        assert can_be_shut_out(admin.user)

    def test_the_controls_say_so(self, admin: Person) -> None:
        html = admin.client.get(page(admin.user)).text
        assert html.count('disabled aria-describedby="why-stays"') >= 3 and "Make somebody else an admin first" in html

    def test_nor_is_the_right_taken_out_of_the_last_role(self, admin: Person) -> None:
        everything = rights_in(Group.objects.get(name="admin"))
        with pytest.raises(Refused, match="Nobody would be left"):
            keep(Manager(admin.user), "admin", everything - {Right.MANAGE_PEOPLE}, WHY)
        assert rights_in(Group.objects.get(name="admin")) == everything


class TestWhoMayDoMore:
    @pytest.fixture
    def lead(self, db: None) -> Person:
        """Manages people by a role of the company's own, with few rights besides."""
        found = person("lead", "viewer")
        group = Group.objects.create(name="support lead")
        wanted = [Right.READ, Right.EXPORT, Right.FLAG, Right.CONTINUE, Right.MANAGE_PEOPLE]
        group.permissions.set(Permission.objects.filter(codename__in=wanted))
        give_role(found.user, "support lead")
        return found

    def test_gives_no_right_they_lack(self, lead: Person, viewer: Person) -> None:
        assert can_manage(lead.user, viewer.user) and not can_give(lead.user, [Right.MODERATE])
        assert post(lead, viewer, act="role", role="moderator").status_code == 403
        assert lead.client.post("/people/", {"name": "eve", "role": "admin"}).status_code == 403
        assert post(lead, viewer, act="role", role="support lead").status_code == 302

    @pytest.mark.parametrize("act", ["issue_link", "switch_off", "role", "sign_out", "revoke_tokens", "revoke_links"])
    def test_changes_nobody_who_may_do_more(self, lead: Person, admin: Person, act: str) -> None:
        second = person("second", "admin")
        assert post(lead, second, act=act, role="viewer").status_code == 403
        assert not SignInLink.objects.exists() and now(second).is_active
        assert "may do more than you" in lead.client.get(page(second.user)).text

    def test_makes_no_role_that_gives_more(self, lead: Person, admin: Person) -> None:
        form = {"act": "keep", "name": "support lead", "right": [*Right], "reason": WHY}
        assert lead.client.post("/people/roles/", form).status_code == 403
        form = {"act": "keep", "name": "moderator", "right": ["read_sessions"], "reason": WHY}
        assert lead.client.post("/people/roles/", form).status_code == 403

    def test_who_sees_a_part_manages_nobody(self, admin: Person, viewer: Person) -> None:
        Grant.objects.create(user=viewer.user, kind="agent", value="billing")
        give_role(viewer.user, Role.ADMIN)
        assert not can_manage_people(now(viewer))
        assert viewer.client.get("/people/").status_code == 404


class TestRoles:
    def test_a_company_makes_its_own(self, admin: Person, viewer: Person) -> None:
        form = {"act": "keep", "name": " auditor ", "right": ["read_audit", "no such"], "reason": WHY}
        assert admin.client.post("/people/roles/", form).status_code == 302
        assert rights_in(Group.objects.get(name="auditor")) == {Right.READ_AUDIT}
        entry = Entry.objects.latest("number")
        assert (entry.act, entry.before, entry.after) == ("role.kept", "[]", '["read_audit"]')
        post(admin, viewer, act="role", role="auditor")
        client = Client()
        client.force_login(viewer.user)
        assert client.get("/").headers["Location"] == "/audit/"
        assert client.get("/audit/").status_code == 200 and client.get("/review/").status_code == 403
        data = admin.client.get("/people/roles/?format=json").json()["roles"]
        assert data[-1] == {"name": "auditor", "rights": ["read_audit"], "people": 1}
        assert [one["name"] for one in data[:4]] == list(Role)

    def test_changes_and_deletes_it(self, admin: Person) -> None:
        form = {"act": "keep", "name": "auditor", "right": ["read_audit"], "reason": WHY}
        admin.client.post("/people/roles/", form)
        admin.client.post("/people/roles/", form | {"right": ["read_audit", "read_sessions"]})
        assert rights_in(Group.objects.get(name="auditor")) == {Right.READ_AUDIT, Right.READ}
        html = admin.client.get("/people/roles/?edit=auditor").text
        assert 'value="read_audit" checked' in html and "Delete role" in html
        assert admin.client.post("/people/roles/", form | {"act": "drop"}).status_code == 302
        assert not Group.objects.filter(name="auditor").exists()

    @pytest.mark.parametrize(
        "form",
        [
            {"act": "keep", "name": "", "right": ["read_audit"]},
            {"act": "keep", "name": "x" * 61, "right": ["read_audit"]},
            {"act": "keep", "name": "auditor"},
            {"act": "keep", "name": "auditor", "right": ["read_audit"], "reason": ""},
            {"act": "drop", "name": "viewer"},
            {"act": "drop", "name": "nobody"},
            {"act": "drop", "name": "held"},
        ],
    )
    def test_refuses(self, admin: Person, viewer: Person, form: dict[str, Any]) -> None:
        viewer.user.groups.add(Group.objects.create(name="held"))
        assert admin.client.post("/people/roles/", {"reason": WHY, **form}).status_code == 422
        assert Group.objects.count() == len(Role) + 1


def test_nobody_else_gets_there(teammate: Person, moderator: Person, viewer: Person) -> None:
    for who in (teammate, moderator, viewer):
        for path in ("/people/", "/people/roles/", page(viewer.user), "/people/999999/"):
            assert who.client.get(path).status_code == 404
            assert who.client.post(path, {"act": "role", "role": "admin", "reason": WHY}).status_code == 404


def test_bad_ids(admin: Person) -> None:
    assert admin.client.get("/people/999999/").status_code == 404
    assert admin.client.post("/people/999999/", {"act": "sign_out"}).status_code == 404
    assert admin.client.get("/people/x/").status_code == 404
    assert admin.client.get("/people/?after=%00&find=%00").status_code == 200


def test_two_admins_who_demote_each_other_are_one_after_the_other(admin: Person) -> None:
    second = person("second", "admin")
    people.change_role(Manager(admin.user), second.user, "viewer", WHY)
    with pytest.raises(NotAllowed):
        people.change_role(Manager(User.objects.get(pk=second.user.pk)), admin.user, "viewer", WHY)
    assert list(managers()) == [admin.user]
    assert timezone.now() >= Entry.objects.latest("number").at
