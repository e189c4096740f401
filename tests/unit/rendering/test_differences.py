"""The difference of two texts: what it says, and that no two texts make it slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.rendering.differences import CHARACTERS, LINE_LIMIT, LINES, Comparison, Line, Part, counted, line_diff


def told(lines: list[Line]) -> list[str]:
    """The lines as a person would write them down, changed words in brackets."""
    signs = {"same": " ", "before": "-", "after": "+"}
    return [
        f"{line.kind} {line.count}"
        if line.count
        else signs[line.kind] + "".join(f"[{part.text}]" if part.is_changed else part.text for part in line.parts)
        for line in lines
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", []),
        ("same", "same", []),
        ("", "new", ["+new"]),
        ("old", "", ["-old"]),
        ("a\nb\n", "a\nc\n", [" a", "-b", "+c"]),
        ("a\nb", "a\nb\nc", [" a", " b", "+c"]),
        (
            "You are kind and brief.",
            "You are kind and quick.",
            ["-You are kind and [brief].", "+You are kind and [quick]."],
        ),
    ],
)
def test_what_it_says(before: str, after: str, expected: list[str]) -> None:
    assert told(line_diff(before, after, 100)) == expected


def test_what_is_alike_is_folded_but_for_its_ends() -> None:
    common = [f"line {number}" for number in range(20)]
    found = told(line_diff("\n".join(["a", *common, "x"]), "\n".join(["b", *common, "y"]), 100))
    assert found == [
        "-a",
        "+b",
        " line 0",
        " line 1",
        " line 2",
        "folded 14",
        " line 17",
        " line 18",
        " line 19",
        "-x",
        "+y",
    ]


def test_numbers_of_the_lines() -> None:
    [same, gone, come] = line_diff("a\nb", "a\nc", 10)
    assert (same.before_number, same.after_number) == (1, 1)
    assert (gone.before_number, gone.after_number, come.before_number, come.after_number) == (2, None, None, 2)


def test_the_limit_counts_what_it_leaves_out() -> None:
    lines = line_diff("", "\n".join(map(str, range(50))), 10)
    assert len(lines) == 11 and lines[-1] == Line("left_out", count=40)
    assert counted(lines) == (0, 10)


def test_a_long_line_is_cut_and_says_its_length() -> None:
    [line] = line_diff("", "x" * 50_000, 10)
    assert line.is_cut and line.total == 50_000 and sum(len(part.text) for part in line.parts) == LINE_LIMIT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x\n" * 150_000, "y\n" + "x\n" * 140_000 + "z\n"),
        ("a\nb\n" * 40_000, "b\na\n" * 40_000),
        ("\n".join(map(str, range(60_000))), "\n".join(map(str, range(60_000, 0, -1)))),
        ("a b " * 500, "b a " * 500),
        ("ab" * CHARACTERS, "ba" * CHARACTERS),
        (
            "\n".join(" ".join(map(str, range(n, n + 300))) for n in range(300)),
            "\n".join(" ".join(map(str, range(n + 300, n, -1))) for n in range(300)),
        ),
        ("\n".join("a b " * 100 + str(n) for n in range(900)), "\n".join("b a " * 100 + str(n) for n in range(900))),
    ],
    ids=[
        "one line often",
        "two lines in turn",
        "reversed",
        "words in turn",
        "one huge word",
        "words reversed",
        "many lines of words",
    ],
)
def test_no_two_texts_make_it_slow(before: str, after: str) -> None:
    began = time.process_time()
    assert line_diff(before, after, 200)
    assert time.process_time() - began < 3


def test_what_was_not_compared_is_said() -> None:
    assert line_diff("x" * CHARACTERS + "a", "x" * CHARACTERS + "b", 10) == [Line("beyond", count=2)]
    assert line_diff("x\n" * LINES + "a", "x\n" * LINES + "bc", 10)[-1] == Line("beyond", count=3)


TEXT = st.lists(st.text("ab \u2028\ud800é", max_size=4), max_size=12).map("\n".join)


@given(TEXT, TEXT)
def test_both_texts_can_be_told_from_it(before: str, after: str) -> None:
    lines = [line for line in line_diff(before + "\nend", after + "\nend", 1_000) if line.kind != "folded"]
    for text, name in ((before, "before_number"), (after, "after_number")):
        whole = (text + "\nend").split("\n")
        numbered = {getattr(line, name): "".join(part.text for part in line.parts) for line in lines}
        numbered.pop(None, None)
        assert all(whole[number - 1] == said for number, said in numbered.items())
    changed = {line.after_number for line in lines if line.kind == "after"}
    same = {line.after_number for line in lines if line.kind == "same"}
    assert not changed & same and (before == after) == (lines == [])


def beside(before: str, after: str, most: int = 50) -> tuple[str, str]:
    """Two texts side by side, what the other has not in brackets."""
    left, right = Comparison().sides(before, after, most)
    return tuple("".join(f"[{one.text}]" if one.is_changed else one.text for one in side) for side in (left, right))  # type: ignore[return-value]  # two sides


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ("", "")),
        ("a\nb", "a\nb", ("a\nb", "a\nb")),
        ("I will try again.", "I will send it.", ("I will [try again].", "I will [send it].")),
        ("one\nsame\n", "same\n", ("[one\n]same\n", "same\n")),
        ("nothing alike", "12345", ("[nothing alike]", "[12345]")),
        ("You are kind", "You are kind and brief", ("You are kind", "You are kind[ and brief]")),
        ("", "new", ("", "[new]")),
    ],
)
def test_side_by_side_what_the_other_has_not_is_marked(before: str, after: str, expected: tuple[str, str]) -> None:
    assert beside(before, after) == expected


@given(st.text("ab \n", max_size=80), st.text("ab \n", max_size=80), st.integers(1, 6))
def test_side_by_side_nothing_is_lost_and_parts_are_few(before: str, after: str, most: int) -> None:
    for text, parts in zip((before, after), Comparison().sides(before, after, most), strict=True):
        assert "".join(part.text for part in parts) == text and len(parts) <= most
    assert Comparison().sides(before, before, most) == ((Part(before),) * bool(before),) * 2


def test_many_texts_side_by_side_share_the_work_they_may_take() -> None:
    comparison = Comparison()
    texts = [" ".join(f"w{(at * step) % 211}" for at in range(900)) for step in (3, 5, 7, 11)]
    began = time.process_time()
    for _ in range(10):
        for before in texts:
            for after in texts:
                comparison.sides(before, after, 60)
    assert time.process_time() - began < 10
