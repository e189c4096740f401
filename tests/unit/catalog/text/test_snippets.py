"""Where words stand in a text as it is stored, and what is shown around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.text.snippets import pattern, snippet
from agentos.catalog.text.words import wanted
from tests.looking import finds


def marked(text: str, *looked_for: str, prefix: bool = False) -> str:
    found = snippet(text, pattern((one, prefix) for one in looked_for))
    shown = "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in found.pieces)
    return f"{'' if found.begins else '…'}{shown}{'' if found.ends else '…'}"


@pytest.mark.parametrize(
    ("text", "looked_for", "shown"),
    [
        ("A Refund, please", "refund", "A [Refund], please"),
        ('{"seat_fee_refund": 1}', "seat fee refund", '{"[seat_fee_refund]": 1}'),
        ("prerefund refunds", "refund", "prerefund refunds"),
        ("an École nationale", "ecole", "an [École] nationale"),
        ("an E\u0301cole", "ecole", "an [E\u0301cole]"),
        ("قال مُحَمَّد ذلك", "محمد", "قال [مُحَمَّد] ذلك"),
        ("यह हिन्दी है", "हिन्दी", "यह [हिन्दी] है"),
        ("我想退款给客户", "退款", "我想[退款]给客户"),
        ("我想退款", "款", "我想退[款]"),
        ("great🎉party", "🎉", "great[🎉]party"),
        ("die Straße", "strasse", "die [Straße]"),
        ("a\n\nlong   word", "word", "a long [word]"),
        ("nothing here", "else", "nothing here"),
        ("<b>refund</b>", "refund", "<b>[refund]</b>"),
    ],
)
def test_words_are_marked_where_they_stand(text: str, looked_for: str, shown: str) -> None:
    assert marked(text, looked_for) == shown


def test_several_words_and_beginnings() -> None:
    assert marked("a refund of the visa fee", "visa", "refund") == "a [refund] of the [visa] fee"
    assert marked("refunded, refunds", "refund", prefix=True) == "[refunded], [refunds]"


def test_a_long_text_is_shown_around_its_first_hit() -> None:
    shown = marked("before " * 100 + "needle " + "behind " * 100, "needle")
    assert shown.startswith("…before") and "[needle]" in shown and shown.endswith("behind…") and len(shown) < 300
    assert len(marked("x" * 5_000, "needle")) < 300
    assert len(marked("needle " * 1_000, *["needle " * 50])) < 450


TEXTS = st.text("abé ßΣς ё عرُّ हिन्दी ไท 東京都国 カタガ 한국 _-. 12 🎉 \u200c\u0301\n<>", max_size=60)


@given(TEXTS, TEXTS, TEXTS)
def test_what_the_index_finds_is_marked(before: str, part: str, behind: str) -> None:
    text = f"{before[:30]} {part[:15]} {behind[:30]}"
    found = snippet(text, pattern([(part[:15], False)]))
    assert found.text.replace(" ", "") in "".join(text.split()) or not wanted(part[:15]).words
    if wanted(part[:15]).words and finds(part[:15], text):
        assert found.has_hit, text


@given(st.text(max_size=80), st.text(max_size=10))
def test_any_text_is_shown(text: str, looked_for: str) -> None:
    found = snippet(text, pattern([(looked_for, True)]))
    assert "".join(found.text.split()) in "".join(text.split())
