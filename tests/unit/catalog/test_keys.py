"""Ids in a form that every database stores and indexes."""

from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.keys import clean, escape, index_key, unescape

ANYTHING = st.text(st.characters(codec=None, categories=None) | st.sampled_from("\0\ud800\udfff\ufffe\uffff0df…␀"))


@given(ANYTHING)
def test_an_escaped_text_comes_back_and_can_be_stored(text: str) -> None:
    stored = escape(text)
    assert unescape(stored) == text
    assert "\0" not in stored
    stored.encode()


@given(st.text())
def test_an_ordinary_text_is_its_own_form(text: str) -> None:
    if not set(text) & {"\0", "\ufffe"}:
        assert escape(text) == text


@given(ANYTHING, ANYTHING)
def test_keys_are_equal_only_for_equal_texts(one: str, other: str) -> None:
    assert (index_key(one) == index_key(other)) == (one == other)


@given(ANYTHING.map(lambda text: text * 50))
def test_a_key_fits_into_an_index(text: str) -> None:
    key = index_key(text)
    assert len(key) <= 200
    assert len(key.encode()) < 2700


def test_keys_tell_texts_apart_that_only_look_alike() -> None:
    alike = ["a\0", "a␀", "a?", "a\ud800", "a\ufffe0000", "a" * 121, "a" * 122, index_key("a" * 122)]
    assert len({index_key(text) for text in alike}) == len(alike)


@given(ANYTHING, st.integers(0, 5))
def test_cleaned_text_can_be_stored_and_is_no_longer_than_asked(text: str, limit: int) -> None:
    cut = clean(text, limit)
    assert len(cut) <= limit
    assert "\0" not in cut
    cut.encode()
