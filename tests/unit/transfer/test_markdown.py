"""Whatever was stored, the Markdown of a transcript shows it as text: judged by a real parser with HTML switched on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentos.transfer.markdown import block, fenced, inline

PARSER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x][y]\n\n[y]: http://evil.example/p",
    "<javascript:alert(1)>",
    "- a\n  ```\n<script>alert(1)</script>",
    "> a\n```\n<script>\n```\n<b>",
    "```\n````\n<script>alert(1)</script>",
    "~~~ `x`\n<b>in</b>\n~~~\n<b>out</b>",
    "# A heading\n\nText\n---\n\nText\n===",
    "- # heading\n- - # heading\n1. # heading",
    "text ``` text\n<b>x</b>",
    "    <b>indented</b>",
    "```html\n<b>x</b>",
    "`<b>` and \\<b>",
    "&lt;b&gt; &#60;b&#62;",
    "a\r<b>x</b>\r\n# h",
    "```mermaid\ngraph TD\n```",
    "\u202e\x1b[31m\x00",
)
ALPHABET = st.sampled_from(
    [*"<>`~[]()!#-=*_>&;:\\ab1. \n\t", "```", "~~~", "<b>", "![a](b)", "[a]: b", "\n\n", "- ", "> "]
)


def tokens(text: str) -> set[str]:
    found = set()
    for token in PARSER.parse(text):
        found |= {token.type, *(child.type for child in token.children or [])}
    return found


def harmless(text: str) -> bool:
    """Whether nothing in it became HTML, a link, a picture or a heading, and all of it ended where it ends."""
    kinds = tokens(f"{text}\n\n# Mark\n")
    bad = {"html_block", "html_inline", "link_open", "image"}
    headings = [token for token in PARSER.parse(f"{text}\n\n# Mark\n") if token.type == "heading_open"]
    return not kinds & bad and len(headings) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert harmless(block(text))
    assert harmless(fenced(text))
    assert harmless(f"- Name: {inline(text)}")


@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_any_text_stays_text(text: str) -> None:
    assert harmless(block(text)), block(text)
    assert harmless(fenced(text))
    assert harmless(f"- Name: {inline(text)}")


@given(st.text(alphabet="`~ab\n", max_size=60))
def test_a_fence_holds_all_of_its_text(text: str) -> None:
    [token] = PARSER.parse(fenced(text, "json"))
    assert token.type == "fence" and token.content == f"{text}\n"


def test_what_makes_text_readable_is_kept() -> None:
    written = block(
        "A **bold** word\n\n- one\n- two\n\n```python\nif a < b: pass\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    assert {"strong_open", "bullet_list_open", "fence", "table_open"} <= tokens(written)
    assert "if a < b: pass" in written and "```python" in written


def test_nothing_steers_a_terminal() -> None:
    shown = block(HOSTILE[-1]) + inline(HOSTILE[-1]) + fenced(HOSTILE[-1])
    assert not re.search("[\x00\x1b\u202e]", shown) and "[U+202E]" in shown


def test_only_known_languages_are_named() -> None:
    assert "mermaid" not in block("```mermaid\nx\n```") and "```sql" in block("```sql\nx\n```")
