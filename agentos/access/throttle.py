"""How often somebody may try to sign in: counted in our own database before a password is looked at.

Three counts, each for a quarter of an hour from its first try: of a name from one address, of a name from anywhere, of
an address whatever the name. Names that nobody has are counted too, so that none can be told from the others.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from agentos.access.models import SignInTries

PAUSE: Final = timedelta(minutes=15)
# Tries within a pause: of a name from one address, of a name from anywhere, of an address.
MOST_HERE: Final = 5
MOST_OF_NAME: Final = 30
MOST_OF_ADDRESS: Final = 60
# Steps of a sign-in by OpenID Connect, two to each: nothing can be guessed there, but each asks the provider.
MOST_STEPS: Final = 300


@dataclass(frozen=True)
class Tried:
    """What comes of a try. `left`: how many more there are, -1 if it is one too many; `wait`: seconds until then."""

    left: int
    wait: int = 0


def count_try(name: str, address: str) -> Tried:
    """Count a try; whoever is refused is refused whatever the password is, and their try is not counted again."""
    return _count(_counts(name, address))


def count_step(address: str) -> Tried:
    """Count a step of a sign-in by OpenID Connect from an address, as `count_try` does."""
    return _count([(_key("step", address), MOST_STEPS)])


def forget_tries(name: str, address: str) -> None:
    """Begin anew for a name that was signed in from an address; other addresses and names stay counted."""
    keys = [key for key, most in _counts(name, address) if most == MOST_HERE]
    SignInTries.objects.filter(key__in=keys).delete()


def _count(counts: Iterable[tuple[str, int]]) -> Tried:
    now, lefts, wait = timezone.now(), [], 0
    for key, most in counts:
        found = _counted(key, most)
        if found.count > most:
            wait = max(wait, int((found.since + PAUSE - now).total_seconds()) + 1)
        lefts.append(most - found.count)
    SignInTries.objects.filter(since__lt=now - PAUSE).delete()
    return Tried(-1, max(1, wait)) if wait else Tried(max(0, min(lefts)))


def _counts(name: str, address: str) -> Iterator[tuple[str, int]]:
    who = name.strip().casefold()
    yield _key("here", who, address), MOST_HERE
    yield _key("name", who), MOST_OF_NAME
    yield _key("address", address), MOST_OF_ADDRESS


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()


def _counted(key: str, most: int) -> SignInTries:
    """Count one more under a key, up to one too many, and return what it then is."""
    rows = SignInTries.objects.filter(key=key)
    current = rows.filter(since__gt=timezone.now() - PAUSE)
    if not current.filter(count__lte=most).update(count=F("count") + 1) and not current.exists():
        rows.delete()
        try:
            with transaction.atomic():
                return SignInTries.objects.create(key=key)
        except IntegrityError:  # two at once: the other one has made it
            rows.update(count=F("count") + 1)
    return rows.first() or SignInTries(key=key)
