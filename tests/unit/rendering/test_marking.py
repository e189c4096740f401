"""What was looked for is marked in stored text, and HTML stays what it was."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.text.snippets import pattern
from sessions_ui.rendering import markdown, plain
from sessions_ui.rendering.marking import marked

FOUND = pattern([("lisbon", True)]) or re.compile("nothing")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<bdi>To Lisbon</bdi>", "<bdi>To <mark>Lisbon</mark></bdi>"),
        ("<h2>Lisbon</h2><bdi>x</bdi>", "<h2>Lisbon</h2><bdi>x</bdi>"),
        ('<p class="stored">a <b>LISBON</b></p> Lisbon', '<p class="stored">a <b><mark>LISBON</mark></b></p> Lisbon'),
        ('<bdi title="a > Lisbon">x</bdi>', '<bdi title="a > Lisbon">x</bdi>'),
        ("<bdi>&lt;lisbon&gt; &amp; Lisbon</bdi>", "<bdi>&lt;<mark>lisbon</mark>&gt; &amp; <mark>Lisbon</mark></bdi>"),
        ('<b class="json-key">lisbon</b>: <b class="json-string">Lisbon</b><b class="json-size">Lisbon</b>',
         '<b class="json-key"><mark>lisbon</mark></b>: <b class="json-string"><mark>Lisbon</mark></b>'
         '<b class="json-size">Lisbon</b>'),
        ("<pre><code>'<b>lisbon</b>'</code></pre>", "<pre><code>'<b><mark>lisbon</mark></b>'</code></pre>"),
        ('<span class="status x"><bdi>Lisbon</bdi></span>', '<span class="status x"><bdi>Lisbon</bdi></span>'),
        ('<bdi>a<br>b<svg><use href="#x"/></svg></bdi>Lisbon', '<bdi>a<br>b<svg><use href="#x"/></svg></bdi>Lisbon'),
    ],
)  # fmt: skip
def test_only_stored_text_is_marked(before: str, after: str) -> None:
    assert marked(before, FOUND) == after


@given(st.text(max_size=60), st.sampled_from(["<script>", "Lisbon", "&lt;", "'\"", "[x](javascript:1)"]))
def test_without_its_marks_it_is_what_it_was(text: str, more: str) -> None:
    for render in (plain, markdown):
        before = f'<div class="stored">{render(text + " Lisbon " + more)}</div>'
        after = marked(before, FOUND)
        bare = re.sub("</?mark>", "", after)
        assert html.unescape(bare) == html.unescape(before)
        assert re.sub("[^<>]", "", bare) == re.sub("[^<>]", "", before)
