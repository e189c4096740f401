"""Saved views: whose they are, who may see which, and what is refused."""

import pytest

from agentos.access.rules import NotAllowed
from agentos.saved_views import service
from agentos.saved_views.models import SavedView
from agentos.saved_views.service import Listing, NameTaken, Refused, can_share, rename, save, share, unshare
from tests.conftest import Person

pytestmark = pytest.mark.django_db


def seen_by(person: Person) -> list[str]:
    views = SavedView.objects.visible_to(person.user).own_first(person.user.pk)
    return [view.name for view in views]


def test_is_kept_and_overwritten_only_when_asked(viewer: Person) -> None:
    first = save(viewer.user, "  Refunds,\n mine ", Listing("refund status:error", "-tokens", "title,cost", "compact"))
    assert (first.name, first.query, first.sort) == ("Refunds, mine", "refund status:error", "-tokens")
    assert (first.columns, first.density, first.shared) == ("title,cost", "compact", False)
    with pytest.raises(NameTaken) as caught:
        save(viewer.user, "Refunds, mine", Listing("other"))
    assert caught.value.view == first
    again = save(viewer.user, "Refunds, mine", Listing("other"), overwrite=True)
    assert again.pk == first.pk and again.query == "other" and again.sort == ""


def test_two_people_may_use_one_name(viewer: Person, teammate: Person) -> None:
    assert save(viewer.user, "Errors", Listing()).pk != save(teammate.user, "Errors", Listing()).pk


def test_renaming_keeps_names_apart(viewer: Person) -> None:
    one, _ = save(viewer.user, "One", Listing()), save(viewer.user, "Two", Listing())
    assert rename(one, "One").name == "One"
    assert rename(one, "Three").name == "Three"
    with pytest.raises(NameTaken, match="“Two” already"):
        rename(one, "Two")


@pytest.mark.parametrize("name", ["", "  \n", "\x00\u202e", "n" * 81])
def test_names_that_are_none(viewer: Person, name: str) -> None:
    with pytest.raises(Refused):
        save(viewer.user, name, Listing())


def test_names_keep_their_script(viewer: Person) -> None:
    assert save(viewer.user, "می\u200cخواهم 👩\u200d🚀", Listing()).name == "می\u200cخواهم 👩\u200d🚀"


@pytest.mark.parametrize(
    "listing",
    [Listing("q" * 4001), Listing(sort="s" * 41), Listing(columns="c" * 301), Listing(density="loose"), Listing("\0")],
)
def test_listings_that_are_none(viewer: Person, listing: Listing) -> None:
    with pytest.raises(Refused):
        save(viewer.user, "View", listing)


def test_there_is_a_most(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_VIEWS", 2)
    save(viewer.user, "One", Listing())
    save(viewer.user, "Two", Listing())
    with pytest.raises(Refused, match="2 views"):
        save(viewer.user, "Three", Listing())
    assert save(viewer.user, "Two", Listing("x"), overwrite=True).query == "x"


class TestSharing:
    def test_is_for_those_who_see_every_session(
        self, teammate: Person, viewer: Person, owner: Person, stranger: Person
    ) -> None:
        view = share(teammate.user, save(teammate.user, "Alice's", Listing("user:alice@example.com")))
        save(viewer.user, "Zebra", Listing())
        assert seen_by(viewer) == ["Zebra", "Alice's"]
        assert seen_by(owner) == [] and seen_by(stranger) == []
        unshare(view)
        assert seen_by(viewer) == ["Zebra"] and seen_by(teammate) == ["Alice's"]

    def test_needs_an_operator_who_is_not_bound(
        self, owner: Person, stranger: Person, viewer: Person, teammate: Person, admin: Person
    ) -> None:
        allowed = [can_share(person.user) for person in (owner, stranger, viewer, teammate, admin)]
        assert allowed == [False, False, False, True, True]
        view = save(viewer.user, "Mine", Listing())
        with pytest.raises(NotAllowed, match="does not let you share views"):
            share(viewer.user, view)
        with pytest.raises(NotAllowed, match="for you alone"):
            share(stranger.user, view)

    def test_ends_with_its_owners_account_and_its_readers_role(self, teammate: Person, viewer: Person) -> None:
        share(teammate.user, save(teammate.user, "Ours", Listing()))
        viewer.user.groups.clear()
        assert seen_by(viewer) == []
        teammate.user.is_active = False
        teammate.user.save()
        assert not SavedView.objects.filter(shared=True).visible_to(viewer.user).exists()
