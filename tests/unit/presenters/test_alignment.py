"""Turns of two sessions are paired by what was asked: each once, in order, in bounded time, whatever was asked."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.presenters.alignment import Pair, Turn, aligned


def turns(text: str) -> list[Turn]:
    """Turns of one word each."""
    return [Turn(word) for word in text.split()]


def told(left: list[Turn], right: list[Turn]) -> str:
    """The pairs as a person would write them down: `a=a`, `a~b` for two that differ, `a-` and `-b` for one alone."""

    def word(pair: Pair) -> str:
        one = "" if pair[0] is None else left[pair[0]].text
        other = "" if pair[1] is None else right[pair[1]].text
        return f"{one}{'-' if None in pair else '=' if one == other else '~'}{other}"

    return " ".join(word(pair) for pair in aligned(left, right))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", ""),
        ("a b", "", "a- b-"),
        ("", "a", "-a"),
        ("a b c", "a b c", "a=a b=b c=c"),
        ("a b c", "a x b c", "a=a -x b=b c=c"),
        ("a x b c", "a b c", "a=a x- b=b c=c"),
        ("a b c", "a x c", "a=a b~x c=c"),
        ("a b c d e", "a b y c x e", "a=a b=b -y c=c d~x e=e"),
        ("a b c", "b c", "a- b=b c=c"),
        ("a b", "b a", "a- b=b -a"),
        ("yes yes yes", "yes yes", "yes=yes yes=yes yes-"),
        ("yes no yes", "yes yes no yes", "yes=yes -yes no=no yes=yes"),
        ("x a x b x", "x b x", "x=x a- x- b=b x=x"),
    ],
)
def test_pairs(left: str, right: str, expected: str) -> None:
    assert told(turns(left), turns(right)) == expected


def test_between_what_is_alike_the_most_similar_are_paired() -> None:
    left = [Turn("Hello"), Turn("cancel my order 48213 now"), Turn("bye")]
    right = [Turn("Hello"), Turn("what is the weather"), Turn("cancel my order 48213 today"), Turn("bye")]
    assert aligned(left, right) == [(0, 0), (None, 1), (1, 2), (2, 3)]


def test_different_kinds_are_never_paired() -> None:
    left, right = [Turn("a", "user"), Turn("b", "tools")], [Turn("c", "tools")]
    assert aligned(left, right) == [(0, None), (1, 0)]
    assert aligned([Turn("a", "user")], [Turn("a", "tools")]) == [(0, None), (None, 0)]


_turns = st.lists(
    st.builds(Turn, st.sampled_from(["a", "b", "c d", "c e", ""]), st.sampled_from(["", "k"])), max_size=30
)


@given(_turns, _turns)
def test_each_turn_stands_once_and_in_order(left: list[Turn], right: list[Turn]) -> None:
    pairs = aligned(left, right)
    assert [i for i, _ in pairs if i is not None] == list(range(len(left)))
    assert [j for _, j in pairs if j is not None] == list(range(len(right)))
    assert all(left[i].kind == right[j].kind for i, j in pairs if i is not None and j is not None)


@given(_turns)
def test_a_list_is_aligned_with_itself(both: list[Turn]) -> None:
    assert aligned(both, both) == [(at, at) for at in range(len(both))]


@pytest.mark.parametrize("shape", ["unlike", "repeated", "shuffled", "inserted"])
def test_no_two_lists_are_slow(shape: str) -> None:
    count = 5_000
    left = [Turn(f"question {at}") for at in range(count)]
    right = {
        "unlike": [Turn(f"other words {at}") for at in range(count)],
        "repeated": [Turn(f"question {at % 7}") for at in range(count)],
        "shuffled": random.Random(7).sample(left, count),
        "inserted": [turn for at in range(count) for turn in (Turn(f"new {at}"), left[at])],
    }[shape]
    began = time.process_time()
    pairs = aligned(left, right)
    assert time.process_time() - began < 2
    if shape == "inserted":
        assert sum(None not in pair for pair in pairs) == count
