import json
import time
from typing import Any

import pytest

from sessions_ui.rendering import json_tree
from tests.unit.rendering.allowed import check, text_of


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_scalars() -> None:
    html = json_tree({"s": "<x>", "n": 1.5, "t": True, "f": False, "z": None, "e": {}, "l": []})
    assert '<span class="json-key">s</span>: <span class="json-string">&lt;x&gt;</span>' in html
    assert text_of(html) == "7 keyss: <x>n: 1.5t: truef: falsez: nulle: {}l: []"


def test_a_bare_value_is_a_tree_too() -> None:
    assert json_tree("x") == '<div class="json-tree"><span class="json-string">x</span></div>'


def test_lists_and_objects_fold() -> None:
    html = json_tree({"a": [1, {"b": 2}]})
    assert html.count("<details open>") == 1
    assert html.count("<details>") == 2
    assert '<summary><span class="json-key">a</span>: <span class="json-size">2 items</span></summary>' in html
    assert json_tree({"a": [1]}, open_depth=2).count("<details open>") == 2
    check(html)


def test_depth_is_bounded() -> None:
    html = json_tree(nested(10_000))
    assert html.count("<details") == 30
    assert "nested too deeply to show" in html
    check(html)


def test_nodes_are_bounded() -> None:
    for value in (list(range(1_000_000)), {str(i): i for i in range(100_000)}, [[i] * 3 for i in range(10_000)]):
        start = time.process_time()
        html = json_tree(value)
        assert time.process_time() - start < 0.5
        assert html.count("<li>") < 1_500
        assert "… more than is shown here" in html
        check(html)


def test_exactly_the_limit_is_not_cut() -> None:
    assert "more than" not in json_tree(list(range(1_499)))
    assert "more than" in json_tree(list(range(1_500)))


def test_strings_are_bounded() -> None:
    html = json_tree({"k" * 300: "x y" * 10_000})
    assert "… 30,000 characters" in html
    assert "… 300 characters" in html
    assert len(html) < 3_000


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        10**39,
        pytest.param(10**5_000, id="an integer Python will not write"),
        {"__proto__": 1, "constructor": 2, "<b>": 3, "": 4, "\x00\u202e": 5},
        "\ud800",
        {"\ud800": ["\x00"]},
        {1: 2, None: 3},
        (1, 2),
        object,
    ],
)
def test_odd_values_show(value: Any) -> None:
    check(json_tree(value))


def test_json_in_a_string_stays_text() -> None:
    assert text_of(json_tree(json.dumps({"a": json.dumps([1])}))) == '{"a": "[1]"}'


def test_payloads_are_chips() -> None:
    assert '<span class="chip">PNG, 150 kB</span>' in json_tree({"content": "iVBORw0KGgo" + "Ab1/" * 50_000})
