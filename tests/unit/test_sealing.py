"""Sealing: it comes back as it was, shows nothing, and what was changed does not open."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.jobs.sealing import CannotOpen, fingerprint, seal, unseal


@given(st.dictionaries(st.text(max_size=10), st.text(min_size=1), min_size=1, max_size=3))
def test_it_comes_back(values: dict[str, str]) -> None:
    assert unseal(seal(values)) == values


def test_nothing_is_seen_of_it() -> None:
    text = "zqneedle" * 20
    one, two = seal({"text": text}), seal({"text": text})
    assert one != two, "a number is used once"
    for sealed in (one, two):
        assert b"zqneedle" not in urlsafe_b64decode(sealed) and "zqneedle" not in sealed
    assert seal({"text": ""}) == "" and unseal("") == {}


@pytest.mark.parametrize("at", [0, 15, 16, 40, -1])
def test_what_was_changed_does_not_open(at: int) -> None:
    raw = bytearray(urlsafe_b64decode(seal({"text": "a secret of some length"})))
    raw[at] ^= 1
    for broken in (
        urlsafe_b64encode(raw).decode(),
        urlsafe_b64encode(raw[:20]).decode(),
        "no base64 at all",
        "ünïcode",
    ):
        with pytest.raises(CannotOpen):
            unseal(broken)


def test_another_key_opens_nothing(settings: Any) -> None:
    sealed, known = seal({"text": "a secret"}), fingerprint("a secret")
    settings.SECRET_KEY = "another one"
    with pytest.raises(CannotOpen):
        unseal(sealed)
    assert fingerprint("a secret") != known and fingerprint("") == ""
