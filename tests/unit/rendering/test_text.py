import pytest

from sessions_ui.rendering import clip, plain
from sessions_ui.rendering.text import format_size
from tests.unit.rendering.allowed import text_of


def test_plain_escapes() -> None:
    assert plain("<b> & \"q\" 'a'") == "&lt;b&gt; &amp; &quot;q&quot; &#x27;a&#x27;"


def test_controls_are_visible() -> None:
    assert plain("a\x00b\x1b[0m\x7f\r\nc\rd\te") == "a␀b␛[0m␡\nc␍d\te"


@pytest.mark.parametrize(
    ("control", "name"),
    zip(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        "LRE RLE PDF LRO RLO LRI RLI FSI PDI".split(),
        strict=True,
    ),
)
def test_bidi_controls_are_labelled(control: str, name: str) -> None:
    assert plain(f"a{control}b") == f'a<span class="char-mark" title="U+{ord(control):04X}">{name}</span>b'


def test_stored_text_cannot_imitate_a_mark() -> None:
    assert plain("\U00100000\U0010f02e") == "��"


def test_lone_surrogates_are_replaced() -> None:
    assert plain("a\ud800b").encode() == "a�b".encode()


def test_scripts_and_emoji_are_left_alone() -> None:
    text = "日本語 עברית 👩‍👩‍👧 e\u0301 \ue000"
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("data:image/png;base64," + "iVBORw0KGgo" + "A" * 201_323, "PNG, 151 kB"),
        ("data:image/svg+xml;charset=utf-8," + "%3Csvg" * 100, "SVG, 400 B"),
        ("data:audio/x-wav;base64," + "UklGR" * 100, "WAV, 375 B"),
        ("data:," + "a" * 300, "PLAIN, 300 B"),
        ("/9j/4AAQSkZJRg" + "Ab1/" * 500_000, "JPEG, 1.5 MB"),
        ("Zm9vYmFy" * 100 + "==", "base64, 600 B"),
    ],
)
def test_payloads_become_chips(text: str, label: str) -> None:
    assert plain(f"see {text} here") == f'see <span class="chip">{label}</span> here'


@pytest.mark.parametrize("text", ["a" * 500, "0123456789abcdef" * 50, "-" * 500, "data:image/png;base64,iVBORw0KGgo="])
def test_what_is_no_payload_stays(text: str) -> None:
    assert plain(text) == text


def test_more_chips_than_there_are_marks_are_words() -> None:
    html = plain(("Zm9vYmFy" * 25 + " ") * 57_345)
    assert html.count('<span class="chip">') == 57_344
    assert text_of(html).rstrip().endswith("[base64, 150 B]")


def test_long_text_is_cut_and_counted() -> None:
    html = plain("x y" * 100_000)
    assert html.endswith('<span class="clipped">… 300,000 characters</span>')
    assert len(html) < 200_100


def test_clip() -> None:
    assert clip("abc", 2) == ("ab", 3)
    assert clip("abc", 5) == ("abc", 3)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (999_499, "999 kB"), (999_500, "1.0 MB")]
)
def test_format_size(size: int, text: str) -> None:
    assert format_size(size) == text
