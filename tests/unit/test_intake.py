"""Text is cut only where it can be stored."""

import pytest

from agentos.turns.intake import split_whole, storable


@pytest.mark.parametrize(
    ("text", "last", "expected"),
    [
        ("hello", False, ("hello", "")),
        ("smile \ud83d", False, ("smile ", "\ud83d")),
        ("smile \ud83d", True, ("smile \ufffd", "")),
        ("\ud83d\ude00", False, ("😀", "")),
        ("", False, ("", "")),
    ],
)
def test_a_character_sent_in_two_pieces_stays_whole(text: str, last: bool, expected: tuple[str, str]) -> None:
    assert split_whole(text, last=last) == expected


def test_what_no_database_takes_is_dropped_or_replaced() -> None:
    assert storable("a\0b\ude00c") == "ab\ufffdc"
