import time

import pytest

from sessions_ui.rendering import markdown
from tests.unit.rendering.allowed import check, text_of

PAYLOAD = "data:image/png;base64,iVBORw0KGgo" + "Ab1/" * 50_000


def test_renders_what_models_write() -> None:
    html = markdown("# Title\n\n**bold** ~~gone~~ `x`\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n3. three\n")
    assert '<p class="heading-1">Title</p>' in html
    assert "<strong>bold</strong> <s>gone</s> <code>x</code>" in html
    assert '<td class="align-center">1</td>' in html
    assert '<td class="align-right">2</td>' in html
    assert '<ol start="3">' in html


@pytest.mark.parametrize("level", [1, 2, 3, 6])
def test_headings_never_are_page_headings(level: int) -> None:
    assert markdown("#" * level + " x") == f'<p class="heading-{level}">x</p>\n'


def test_line_breaks_are_kept() -> None:
    assert markdown("one\ntwo") == "<p>one<br>\ntwo</p>\n"


def test_links_lead_out_and_say_so() -> None:
    html = markdown("[a](https://example.org/?a=b&c) <https://b.example> https://c.example me@example.org")
    assert check(html).links == ["https://example.org/?a=b&c", "https://b.example", "https://c.example"]
    assert html.count('rel="noopener noreferrer nofollow"') == 3


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt&#58;alert(1)",
        "java%73cript:alert(1)",
        "java&#10;script:alert(1)",
        "\x01javascript:alert(1)",
        "&#1;javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "/admin/",
        "//evil.example",
        "\\\\evil.example",
        "?next=x",
        "#composer",
    ],
)
def test_other_links_are_text(target: str) -> None:
    for text in (f"[click]({target})", f"[click](<{target}>)", f"<{target}>", f"[click][r]\n\n[r]: {target}", target):
        checker = check(markdown(text))
        assert all(link.startswith("http") for link in checker.links) or checker.links == []


def test_a_dropped_target_is_shown() -> None:
    assert text_of(markdown("[click](javascript:alert)")) == "click (javascript:alert)\n"


@pytest.mark.parametrize("text", ["![cat](https://evil.example/p.png)", "![cat][i]\n\n[i]: https://evil.example/p.png"])
def test_images_are_text(text: str) -> None:
    html = markdown(text)
    assert "<img" not in html
    assert text_of(html).strip() == "image: cat (https://evil.example/p.png)"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "</textarea><script>alert(1)</script>",
        "<div hx-get=/x hx-trigger=load data-hx-on:load=x hx-swap-oob=true><template>x</template></div>",
        "<!-- x --><?php ?><!DOCTYPE x>",
        '[a](https://e.example "x\' onclick=alert(1) hx-get=/x")',
        '```"><script>alert(1)</script>\n<script>\n```',
        "```mermaid\ngraph TD; A-->B; click A javascript:alert(1)\n```",
        "```html\n<img src=x onerror=alert(1)>\n```",
        "```svg\n<svg onload=alert(1)>\n```",
        "$\\href{javascript:alert(1)}{x}$",
        '|<img src=x>|\n|-|\n|<b style="x">|',
    ],
)
def test_stored_markup_stays_text(text: str) -> None:
    checker = check(markdown(text))
    assert all(link == "https://e.example" for link in checker.links)


def test_a_title_cannot_carry_a_mark_out_of_its_attribute() -> None:
    html = markdown(f'[a](https://e.example "{PAYLOAD[:400]}\u202e") [b](https://e.example/\u202e{PAYLOAD[:400]})')
    assert len(check(html).links) == 2


def test_code_is_highlighted_by_class() -> None:
    html = markdown("```python\nimport os\n```")
    assert '<pre class="code"><code><span class="kn">import</span>' in html
    assert "style=" not in html


def test_highlighting_is_bounded_over_all_blocks() -> None:
    html = markdown("```python\nimport os\n```\n" * 2 + ("```python\n" + "x = 1 # word\n" * 1_500 + "```\n") * 2)
    assert html.count('<span class="kn">') == 2
    assert html.count('<span class="mi">') == 1_500


def test_payloads_are_chips_wherever_they_stand() -> None:
    for text in (
        f"![a]({PAYLOAD})",
        PAYLOAD,
        f"```\n{PAYLOAD}\n```",
        f"`{PAYLOAD}`",
        f"```python\nx = '{PAYLOAD}'\n```",
    ):
        html = markdown(text)
        assert '<span class="chip">PNG, 150 kB</span>' in html
        assert len(html) < 400
        check(html)


def test_what_is_too_long_is_plain_and_counted() -> None:
    html = markdown("**a** " * 10_001)
    assert html.startswith('<p class="plain-text">**a** **a**')
    assert text_of(markdown("**a** " * 100_000)).endswith("… 600,000 characters")


BOMBS = {
    "stars": "*" * 1_000,
    "many stars": "*" * 60_000,
    "quotes": ">" * 10_000,
    "spaced quotes": "> " * 30_000,
    "brackets": "[" * 10_000,
    "links": "[a](" * 15_000,
    "images": "![" * 30_000,
    "emphasis": "**a *a " * 8_000,
    "underscores": "_a" * 30_000,
    "ticks": "".join("`" * i + " " for i in range(340)),
    "tildes": "~~a" * 20_000,
    "wide table": "|a" * 14_000 + "\n" + "|-" * 14_000 + "\n",
    "filled table": "|a" * 9_000 + "\n" + "|-" * 9_000 + "\n" + "|\n" * 6_000,
    "filled without pipes": "|a" * 200 + "\n" + "|-" * 200 + "\n" + "x\n" * 20_000,
    "long table": "|a|\n|-|\n" + "|x|\n" * 14_000,
    "many tables": "a\n-|-\n" * 10_000,
    "nested list": "".join(" " * i + "- a\n" for i in range(330)),
    "list of lists": ("- " * 9 + "a\n") * 3_000,
    "addresses": "http://a." * 6_600,
    "definitions": "[a]: b\n" * 8_000,
    "entities": "&amp;" * 12_000,
    "line of blanks": "a" + " " * 59_000 + "b",
    "backslashes": "\\" * 60_000,
    "fences": "```python\nx\n```\n" * 3_500,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_render_in_time(text: str) -> None:
    markdown("warm ```python\nup\n``` http://a.b")
    # The least of three: what a busy machine adds to one of them says nothing about the text.
    assert min(seconds_for(text) for _ in range(3)) < 0.4  # 0.2 on an idle machine
    check(markdown(text))


def seconds_for(text: str) -> float:
    """Seconds of processor time that rendering takes."""
    start = time.process_time()
    markdown(text)
    return time.process_time() - start


def test_long_prose_is_still_markdown() -> None:
    text = (
        "Lorem **ipsum** dolor `sit` [amet](https://example.org), consectetur.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        * 550
    )
    assert "<strong>" in markdown(text[:60_000])
