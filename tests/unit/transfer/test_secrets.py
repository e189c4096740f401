"""What looks like a secret goes, what does not stays."""

import pytest

from agentos.transfer.secrets import REMOVED, masked, masked_json

KEY = "sk-" + "a1B2" * 8


@pytest.mark.parametrize(
    "secret",
    [
        KEY, "sk-proj-" + "x" * 40, "ghp_" + "A" * 36, "github_pat_" + "b" * 40, "xoxb-123456789012-abc",
        "AKIA" + "Z" * 16, "AIza" + "y" * 35, "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "4111 1111 1111 1111", "5555-5555-5555-4444",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)  # fmt: skip
def test_goes(secret: str) -> None:
    assert masked(f"it is {secret}, see") == f"it is {REMOVED}, see"


def test_a_bearers_token_goes() -> None:
    assert masked("Authorization: Bearer abcdefghijkl.mnop") == f"Authorization: Bearer {REMOVED}"


@pytest.mark.parametrize(
    "text",
    ["task-1 and risk-free", "sk-8", "4111 1111 1111 1112", "1790000000", "the bearer of news", "a" * 5000, "é ✓"],
)
def test_stays(text: str) -> None:
    assert masked(text) == text


def test_in_json_values_go_and_keys_stay() -> None:
    assert masked_json({"a": [KEY, 1, None, {"b": KEY}]}) == {"a": [REMOVED, 1, None, {"b": REMOVED}]}
