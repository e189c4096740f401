import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.text.words import LONGEST, wanted, words_of
from tests.looking import finds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Refund, PLEASE!", "refund please"),
        ("seat_fee_refund bob@example.com /a/b.txt", "seat fee refund bob example com a b txt"),
        ("don't", "don t"),
        ("Straße ÉCOLE naïve Łódź smørrebrød", "strasse ecole naive lodz smorrebrod"),
        ("e\u0301cole", "ecole"),
        ("Ἑλλάς ελληνικός", "ελλασ ελληνικοσ"),
        ("ёлка Йод", "елка иод"),
        ("مُحَمَّدٌ أحمد إلى آخر", "محمد احمد الي اخر"),
        ("كـــتاب", "كتاب"),
        ("می\u200cخواهم", "ميخواهم"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में", "हिन्दी में"),
        ("３４ ٣٤ ३४", "34 34 34"),
        ("ﬁnance Ⅷ", "finance viii"),
        ("東京都", "東京 京都 都"),
        ("LED灯", "led 灯"),
        ("한국어로 답", "한국 국어 어로 로 답"),
        ("カタカナ・ヒラガナ", "カタ タカ カナ ナ ヒラ ラガ ガナ ナ"),
        ("ｶﾞ", "ガ"),
        ("ไทย", "ไท ทย ย"),
        ("great🎉party 👍🏽", "great 🎉 party 👍"),
        ("", ""),
        ("!!! — …", ""),
        ("a\0b\ud800c\ue000d", "a b c d"),
        ("in\u00advisible\ufeff", "invisible"),
    ],
)
def test_words_are_made_alike(text: str, words: str) -> None:
    assert words_of(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words", "prefix"),
    [
        ("Seat fee", "seat fee", False),
        ("京", "京", True),
        ("東京都", "東京 京都", False),
        ("abc 京", "abc 京", True),
        ("京 abc", "京 abc", False),
        ("灯光 abc", "灯光 光 abc", False),
        ("灯光!", "灯光", False),
        ("...", "", False),
    ],
)
def test_what_finds_a_text(text: str, words: str, prefix: bool) -> None:
    found = wanted(text)
    assert (list(found.words), found.prefix) == (words.split(), prefix)


SCRIPTS = st.text(
    st.sampled_from("abc é ß Σς ёй عربيُّ हिन्दी ไทย 東京都国 カタガ 한국어 _-./@ 12３ 🎉👍🏽 \u200c\u200b\u0301\u3099"),
    max_size=40,
)


@given(st.text(max_size=60) | SCRIPTS)
def test_any_text_has_words_without_spaces_that_stay_what_they_are(text: str) -> None:
    words = words_of(text)
    assert all(word and not re.search(r"\s|[:'\\\"]", word) and len(word) <= LONGEST for word in words)
    apart = [word for word in words if words_of(word) == [word]]
    assert apart == [word for word in words if len(words_of(word)) == 1]
    assert words_of(" ".join(apart)) == apart


@given(SCRIPTS, SCRIPTS, SCRIPTS)
def test_a_part_of_a_text_between_spaces_is_found_in_it(before: str, part: str, behind: str) -> None:
    if wanted(part).words:
        assert finds(part, f"{before} {part} {behind}")


@given(st.text("東京都国际机场한국어", min_size=1, max_size=6), st.text("東京都国际机场한국어", max_size=5))
def test_any_characters_of_a_script_without_spaces_are_found(part: str, around: str) -> None:
    assert finds(part, around + part + around)


def test_words_that_are_too_long_are_left_out() -> None:
    assert words_of(f"a {'x' * LONGEST} {'y' * (LONGEST + 1)} b") == ["a", "x" * LONGEST, "b"]


def test_four_kilobytes_take_a_fraction_of_a_millisecond() -> None:
    text = ('The fox said {"refund_fee": 129.00} to bob@example.com, and left. ' * 70)[:4_000]
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        words_of(text)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.0005
