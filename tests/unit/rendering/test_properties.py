from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessions_ui.rendering import code, json_tree, markdown, plain
from tests.unit.rendering.allowed import check

PIECES = st.sampled_from(
    [
        *"*_~`[]()<>!#|-+&;:\"'\\/\n\t {}=$",
        "\x00\r\x1b\x7f\u202e\u2066\ud800\udc00\U00100000\U0010f02e",
        "javascript:", "data:text/html,", "https://e.example", "mailto:a@b.c", "<script>", "<img src=x onerror=y>",
        "<!--", "-->", "<![CDATA[", "<?x?>", "&lt;", "&#x202e;", "&#0;", "%F4%80%80%80", "\n\n", "```python\n", "```",
        "| a | b |\n|:-:|--:|\n", "![", "](", "[r]: ", ' "t"', " hx-get=/x", "iVBORw0KGgo" + "Ab1/" * 60,
        "data:image/png;base64," + "Ab1/" * 60, "é", "日本", "    ", "> ", "1. ", "~~",
    ]
)  # fmt: skip
MARKUP = st.lists(PIECES, max_size=40).map("".join)
ANY_TEXT = st.text(st.characters(), max_size=200)  # lone surrogates too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | MARKUP,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ANY_TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=300)
@given(ANY_TEXT | MARKUP)
@example("[a](https://e.example/\U00100000" + "Ab1/" * 60 + ")")
@example("https://" + "Ab1/" * 60 + "\u202e.example")
def test_any_text_renders_to_what_is_allowed(text: str) -> None:
    for html in (markdown(text), plain(text), code(text, "html"), code(text, "python")):
        check(html)


@settings(max_examples=100)
@given(JSON)
def test_any_json_renders_to_what_is_allowed(value: Any) -> None:
    check(json_tree(value))
