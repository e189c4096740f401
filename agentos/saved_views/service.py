"""Keeping, renaming, sharing and deleting saved views. What is refused is refused with a plain sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, check_has, check_sees_all, scope_of
from agentos.prepared import Prepared
from agentos.saved_views.models import (
    COLUMNS_CHARACTERS,
    NAME_CHARACTERS,
    QUERY_CHARACTERS,
    SORT_CHARACTERS,
    Density,
    SavedView,
)

MOST_VIEWS: Final = 100
# Joiners that scripts and emoji need; every other invisible character could make two names look alike.
_JOINERS: Final = "\u200c\u200d"


class Refused(Exception):
    """A view cannot be kept so; `str()` is a plain sentence that says why."""


class NameTaken(Refused):
    """The user has a view of that name already; `view` is it."""

    def __init__(self, view: SavedView) -> None:
        super().__init__(f"You have a view named “{view.name}” already. Overwrite it, or choose another name.")
        self.view = view


@dataclass(frozen=True)
class Listing:
    """What a view keeps of a list: see `SavedView`. The query is canonical text; whoever saves it has parsed it."""

    query: str = ""
    sort: str = ""
    columns: str = ""
    density: str = ""


def listings_of(user: User) -> list[tuple[str, int, str, Listing]]:
    """Return the views the user may open, their own first: the name, the owner's key and name, and the listing."""
    asked = _EVERYBODYS if scope_of(user).everything else _OWN
    return [(name, owner, username, Listing(*kept)) for name, owner, username, *kept in asked.rows(user.pk)]


def _asked(everything: bool) -> Prepared:
    columns = ("name", "owner_id", "owner__username", "query", "sort", "columns", "density")
    return Prepared(lambda key: SavedView.objects.seen_by(key, everything).own_first(key).values_list(*columns))


_EVERYBODYS, _OWN = _asked(True), _asked(False)


def check_can_share(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may show their views to everybody who reads all sessions."""
    check_has(user, Right.SHARE_VIEWS, "share views")
    check_sees_all(user, "Your account shows a part of the sessions, so its views are for you alone.")


def can_share(user: AnyUser) -> bool:
    """Whether `check_can_share` lets the user through."""
    try:
        check_can_share(user)
    except NotAllowed:
        return False
    return True


def save(user: User, name: str, listing: Listing, *, overwrite: bool = False) -> SavedView:
    """Keep the listing under the name; return the view.

    Raises:
        NameTaken: the user has one of that name, and `overwrite` is not set.
        Refused: no usable name, too long a query, or too many views.
    """
    name = clean_name(name)
    _check(listing)
    with _unique(user, name), transaction.atomic():
        present = SavedView.objects.select_for_update().filter(owner=user, name=name).first()
        if present is not None:
            if not overwrite:
                raise NameTaken(present)
            return _change(present, **asdict(listing))
        if SavedView.objects.filter(owner=user).count() >= MOST_VIEWS:
            raise Refused(f"You keep {MOST_VIEWS} views, which is the most. Delete one that you no longer need.")
        return SavedView.objects.create(owner=user, name=name, **asdict(listing))


def rename(view: SavedView, name: str) -> SavedView:
    """Give the view another name.

    Raises:
        NameTaken: its owner has another view of that name.
        Refused: no usable name.
    """
    name = clean_name(name)
    if name == view.name:
        return view
    with _unique(view.owner, name), transaction.atomic():
        present = SavedView.objects.filter(owner=view.owner, name=name).first()
        if present is not None:
            raise NameTaken(present)
        return _change(view, name=name)


def share(user: AnyUser, view: SavedView) -> SavedView:
    """Show the view to everybody who reads all sessions. Raises `NotAllowed`."""
    check_can_share(user)
    return _change(view, shared=True)


def unshare(view: SavedView) -> SavedView:
    """Show the view to its owner alone."""
    return _change(view, shared=False)


def delete(view: SavedView) -> None:
    """Forget the view. No session is touched."""
    view.delete()


def clean_name(name: str) -> str:
    """Return the name on one line, without control characters. Raises `Refused` if none is left, or too much."""
    words = " ".join("".join(char if char.isprintable() or char in _JOINERS else " " for char in name).split())
    if not words:
        raise Refused("A view needs a name.")
    if len(words) > NAME_CHARACTERS:
        raise Refused(f"A name has at most {NAME_CHARACTERS} characters; this one has {len(words)}.")
    return words


def _check(listing: Listing) -> None:
    if "\0" in "".join(asdict(listing).values()):
        raise Refused("The query holds a character that cannot be kept.")
    if len(listing.query) > QUERY_CHARACTERS:
        raise Refused(f"A query has at most {QUERY_CHARACTERS:,} characters.")
    if len(listing.sort) > SORT_CHARACTERS or len(listing.columns) > COLUMNS_CHARACTERS:
        raise Refused("The order or the columns cannot be read, so nothing was saved.")
    if listing.density not in Density.values:
        raise Refused(f"A density is one of {', '.join(value for value in Density.values if value)}.")


@contextmanager
def _unique(owner: User, name: str) -> Iterator[None]:
    """Say `NameTaken` when another request of the same person was first."""
    try:
        yield
    except IntegrityError:
        raise NameTaken(SavedView(owner=owner, name=name)) from None


def _change(view: SavedView, **values: object) -> SavedView:
    for name, value in values.items():
        setattr(view, name, value)
    view.save(update_fields=[*values, "updated_at"])
    return view
