"""Secrets by their looks: found and masked, what is none is left; the same however a text comes in pieces."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentos.masking.detectors import KINDS, MASKED, Detectors, may_hold_card
from agentos.masking.rules import BadRule, rule_of
from agentos.masking.streams import StreamMask
from agentos.masking.values import masked_value

ALL = Detectors(KINDS, [rule_of("acme_[A-Za-z0-9]{20,40}")])
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc+/==\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
SECRETS = [
    "sk-proj-abcdEFGH1234567890abcd", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl", "glpat-abcdefghij1234567890", "xoxb-123456789012-abcdefghijkl",
    "AKIAIOSFODNN7EXAMPLE", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "hf_abcdefghijklmnopqrst", JWT, PEM,
    PEM.replace("\n", "\\n"), "Bearer abcdef123456.ghi", "4111 1111 1111 1111", "4111-1111-1111-1111",
    "5500005555555559", "alice@example.com", "+49 30 1234567", "+1 (415) 555-0132", "acme_abcdefghij1234567890",
]  # fmt: skip
PLAIN = [
    "sk-learn-is-a-library-indeed", "the bearer of this authentication", "4111 1111 1111 1112", "in 2024 we had 1234",
    "eyJustAWord", "https://example.com:8080/a@b", "user@host", "0000 0000", "+1", "task-1234567890123456",
    "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "a {} b", '"{}"', "({}),", "世{}界", "x={}\n"])
def test_found(secret: str, around: str) -> None:
    assert ALL.masked(around.format(secret)) == around.format(MASKED)


@pytest.mark.parametrize("text", PLAIN)
def test_left_alone(text: str) -> None:
    assert ALL.masked(f"a {text} b") == f"a {text} b"


@pytest.mark.parametrize("behind", [".", "...", ". Thanks", "?", ".\n"])
def test_a_card_at_the_end_of_a_sentence(behind: str) -> None:
    assert ALL.masked(f"It was 4111 1111 1111 1111{behind}") == f"It was {MASKED}{behind}"
    for number in ("4111111111111111.5", "0.4111111111111111", "4111111111111111.x"):
        assert ALL.masked(number) == number


def test_passwords_in_addresses() -> None:
    said = "postgresql://me:p4$$w0rd!@db.example.com/x and https://example.com"
    assert Detectors(["passwords"]).masked(said) == f"postgresql://{MASKED}@db.example.com/x and https://example.com"


def test_only_the_kinds_that_are_wanted() -> None:
    assert (
        Detectors(["cards"]).masked("alice@example.com AKIAIOSFODNN7EXAMPLE")
        == "alice@example.com AKIAIOSFODNN7EXAMPLE"
    )
    assert not Detectors([])


def test_a_key_that_breaks_off_is_masked() -> None:
    assert ALL.masked(f"{PEM[:60]}") == MASKED


@pytest.mark.parametrize(
    "text",
    [
        "sk-" * 300_000, "eyJaaaaaaaaa." * 70_000, "-----BEGIN PRIVATE KEY-----" * 30_000, "4" * 1_000_000,
        "4111 " * 200_000, "a@" * 500_000, "a@a" + ".a" * 400_000, "://" * 300_000, "://a:" * 200_000, "+1 " * 300_000,
        "Bearer " * 150_000, "Bearer " + "a" * 1_000_000, "acme_" * 200_000, "-----BEGIN " * 90_000, "00" * 500_000,
        "-----BEGIN PRIVATE KEY-----" + "A " * 400_000,
    ],
)  # fmt: skip
def test_hostile_text_takes_time_in_proportion(text: str) -> None:
    """Ten times the text takes about ten times as long: what is quadratic would take a hundred times."""
    short = min(_seconds(text[: len(text) // 10]) for _ in range(3))
    long = min(_seconds(text) for _ in range(2))
    assert long < 40 * short + 0.2


def _seconds(text: str) -> float:
    start = time.process_time()
    ALL.masked(text)
    return time.process_time() - start


WORDS = st.sampled_from(
    [
        *(*SECRETS, *PLAIN, "4111 1111 1111 1111.", "Bearer", "-----BEGIN", "4111", "v4111", "é4111", "(415)", "+49"),
        *(" ", "  ", "\n", "世界", "é", ". "),
    ]
)
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=12)


@example([PEM, "+49 30 1234567"], "", [1])
@example(["AIzaSyA1234567890abcdefghijklmnopqrstuv", "4111 1111 1111 1111"], "", [9, 7])
@example([PEM], "", [len(PEM.partition("-----END")[0]) + len("-----END")])  # cut behind the word
@given(TEXTS, st.sampled_from(["", " ", "\n"]), st.lists(st.integers(1, 9), min_size=1, max_size=30))
def test_however_it_is_cut_the_whole_is_the_same(words: list[str], between: str, sizes: list[int]) -> None:
    text = between.join(words)
    stream, given_out, at = StreamMask(ALL), [], 0
    for number in range(len(text)):
        size = sizes[number % len(sizes)]
        given_out.append(stream.feed(text[at : at + size]))
        at += size
        assert ALL.masked(text).startswith("".join(given_out))
    assert "".join(given_out) + stream.end() == ALL.masked(text)


@given(TEXTS, st.sampled_from(["", " ", "-", "  "]))
def test_a_card_is_nowhere_where_none_may_be(words: list[str], between: str) -> None:
    text = between.join(words)
    assert may_hold_card(text) or Detectors(["cards"]).masked(text) == text
    assert may_hold_card(text) or re.search("[0-9](?:[ -]?[0-9]){12}", text) is None


def test_ordinary_words_do_not_wait() -> None:
    stream = StreamMask(ALL)
    assert [stream.feed(piece) for piece in ("Hello", " there, ", "all ", "is")] == ["", "Hello there, ", "all ", ""]
    assert stream.feed(" well.") == "is "
    assert stream.feed("世界") == "well.世界"
    assert [stream.feed(piece) for piece in ("v2 ", "a_42 ", "2 ", "t1 ")] == ["v2 ", "a_42 ", "", "2 t1 "]


def test_a_stream_without_spaces_takes_time_in_proportion() -> None:
    for piece in ("1234 ", "abcdef", "4 "):
        stream = StreamMask(ALL)
        start = time.process_time()
        for _ in range(30_000):
            stream.feed(piece)
        stream.end()
        assert time.process_time() - start < 20


def test_values() -> None:
    raw: dict[str, Any] = {
        "run_id": "sk-proj-abcdEFGH1234567890abcd", "content": "key sk-proj-abcdEFGH1234567890abcd",
        "tool_args": {"k": ["AKIAIOSFODNN7EXAMPLE"]}, "n": 4111111111111111,
        "images": [{"mime_type": "image/png", "content": "AKIAIOSFODNN7EXAMPLE"}],
        "files": [{"mime_type": "text/plain", "content": "AKIAIOSFODNN7EXAMPLE"}],
        "state": {"AKIAIOSFODNN7EXAMPLE": 1},
    }  # fmt: skip
    found = masked_value(raw, ALL)
    assert found["run_id"] == raw["run_id"]
    assert found["content"] == f"key {MASKED}"
    assert found["tool_args"] == {"k": [MASKED]}
    assert found["images"] == raw["images"]
    assert found["files"][0]["content"] == MASKED
    assert found["state"] == {MASKED: 1}
    assert found["n"] == MASKED
    clean = json.loads(json.dumps({"content": "nothing here", "list": [1, None, "x"]}))
    assert masked_value(clean, ALL) is clean


@pytest.mark.parametrize(
    "text", ["ab", "", "(abc)+", "abc.*", "abc|def", "abc[^x]", "abc d", "abc{1,900}", "abc{9,2}", "é", "abc\\s"]
)
def test_rules_that_are_none(text: str) -> None:
    with pytest.raises(BadRule):
        rule_of(text)


@pytest.mark.parametrize(
    ("rule", "found"), [("acme_\\d{4}", "acme_1234"), ("key-[a-f]+-x?", "key-abc-x"), ("TOK\\.[A-Z]*", "TOK.AB")]
)
def test_rules(rule: str, found: str) -> None:
    assert Detectors([], [rule_of(rule)]).masked(f"a {found} b") == f"a {MASKED} b"
