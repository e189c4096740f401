import time

import pytest

from sessions_ui.rendering import code
from sessions_ui.rendering.highlighting import LANGUAGES
from tests.unit.rendering.allowed import check, text_of


def test_known_languages_are_highlighted() -> None:
    assert '<span class="nt">"a"</span>' in code('{"a": 1}', "json")
    assert '<span class="k">def</span>' in code("def f(): ...", "Python")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_a_highlighter(language: str) -> None:
    assert text_of(code("x = '<b>'\n", language)) == "x = '<b>'\n"


@pytest.mark.parametrize("language", ["", "mermaid", "katex", "no such", '"><script>', "\x00"])
def test_other_languages_are_plain(language: str) -> None:
    assert code("<b>x</b>", language) == '<pre class="code"><code>&lt;b&gt;x&lt;/b&gt;</code></pre>'


def test_what_is_too_long_is_plain() -> None:
    assert "<span" not in code("x = 1\n" * 4_000, "python")
    assert "<span" not in code("x = " + "1" * 1_000, "python")


def test_marks_survive_the_highlighter() -> None:
    html = code("x = '\u202e" + "Zm9vYmFy" * 100 + "' \x00", "python")
    assert '<span class="char-mark" title="U+202E">RLO</span>' in html
    assert '<span class="chip">base64, 600 B</span>' in html
    assert "␀" in html


def test_text_is_kept_to_the_last_character() -> None:
    text = "\n\n  def f():\n\treturn '<&>'\n\n"
    assert text_of(code(text, "python")) == text


@pytest.mark.parametrize(
    "language",
    [
        "python",
        "js",
        "c++",
        "kotlin",
        "makefile",
        "tsx",
        "php",
        "html",
        "bash",
        "ruby",
        "yaml",
        "sql",
        "markdown",
        "swift",
    ],
)
@pytest.mark.parametrize("seed", ['"', "(", "{", "<", "/*", "\\", "${", "`", "<a ", "a:", "a ", "a.", "!"])
def test_lexers_are_bounded(language: str, seed: str) -> None:
    text = ((seed * 390)[:390] + "\n") * 50
    start = time.process_time()
    check(code(text, language))
    assert time.process_time() - start < 2
