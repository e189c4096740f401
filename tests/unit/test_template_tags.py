"""How times, counts, statuses and strips are shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.template import Context, Template

from sessions_ui.templatetags import sessions as tags

NOW = datetime(2026, 11, 19, 14, 32, tzinfo=UTC)
UNKNOWN = '<span class="unknown">unknown</span>'


def seen(html: Any) -> str:
    """The text with ordinary spaces."""
    return str(html).replace("\xa0", " ")


class TestAgo:
    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [
            (0, "now"),
            (-30, "now"),
            (12, "12 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (7_200, "2 h ago"),
            (86_400, "yesterday"),
            (172_800, "17 Nov 2026"),
            (-3_600, "19 Nov 2026"),
            (21 * 86_400, "29 Oct 2026"),
        ],
    )
    def test_it_is_as_long_ago_as_it_is(self, seconds: int, shown: str) -> None:
        with time_machine.travel(NOW, tick=False):
            html = seen(tags.ago(int(NOW.timestamp()) - seconds))
            assert html == seen(tags.ago(NOW - timedelta(seconds=seconds)))
        assert f">{shown}</time>" in html

    def test_the_moment_itself_is_in_the_title(self) -> None:
        html = tags.ago(int(NOW.timestamp()))
        assert 'datetime="2026-11-19T14:32:00+00:00"' in html
        assert 'title="19 Nov 2026, 14:32:00 UTC"' in html

    @pytest.mark.parametrize("absurd", [None, 0, "", "soon", -(10**9), 10**30, float("inf"), datetime(1, 1, 1), []])
    def test_what_is_no_moment_is_unknown(self, absurd: Any) -> None:
        assert tags.ago(absurd) == tags.clock(absurd) == UNKNOWN


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, UNKNOWN),
        ("many", UNKNOWN),
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (12_749, "12.7k"),
        (99_960, "100k"),
        (118_300, "118k"),
        (999_499, "999k"),
        (999_500, "1.0 M"),
        (1_900_000, "1.9 M"),
        (10**15, "1,000,000,000 M"),
    ],
)
def test_tokens(value: Any, shown: str) -> None:
    assert seen(tags.tokens(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, UNKNOWN),
        (0, "$0.000"),
        (0.00002, "<$0.001"),
        (0.3841, "$0.384"),
        (1, "$1.00"),
        (614.2, "$614.20"),
        (12345.6, "$12,345.60"),
    ],
)
def test_cost(value: Any, shown: str) -> None:
    assert seen(tags.cost(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, UNKNOWN),
        (-1, UNKNOWN),
        (0, "0 s"),
        (0.412, "412 ms"),
        (0.9996, "1.0 s"),
        (2.94, "2.9 s"),
        (9.96, "10 s"),
        (89.4, "89 s"),
        (89.6, "1 min"),
        (2_280, "38 min"),
        (3_599, "1 h 00"),
        (3_840, "1 h 04"),
        (86_400 * 45, "1,080 h 00"),
    ],
)
def test_duration(value: Any, shown: str) -> None:
    assert seen(tags.duration(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, UNKNOWN), (0, "0 B"), (999, "999 B"), (212_345, "212 kB"), (1_200_000, "1.2 MB")]
)
def test_size(value: Any, shown: str) -> None:
    assert seen(tags.size(value)) == shown


class TestStatus:
    @pytest.mark.parametrize(("stored", "name", "word"), [(s, s.lower(), w) for s, w in tags.STATUS_WORDS.items()])
    def test_each_of_agno_s_has_a_glyph_and_a_word(self, stored: str, name: str, word: str) -> None:
        html = tags.status(stored)
        assert f'href="#g-{name}"' in html
        assert f"<bdi>{word}</bdi>" in html

    def test_any_other_is_its_own_word(self) -> None:
        html = tags.status("<b>DONE</b>")
        assert 'href="#g-other"' in html
        assert "<bdi>&lt;b&gt;DONE&lt;/b&gt;</bdi>" in html

    def test_success_is_silent_unless_asked_for(self) -> None:
        assert tags.glyph("COMPLETED") == tags.glyph("") == ""
        assert 'aria-label="Completed"' in tags.glyph("COMPLETED", always=True)
        assert 'aria-label="Waiting"' in tags.glyph("PAUSED")

    def test_an_unknown_kind_is_announced_as_such(self) -> None:
        assert 'aria-label="Team"' in tags.kind_icon("team")
        assert 'aria-label="Unknown type"' in tags.kind_icon("<i>")

    def test_every_glyph_and_icon_of_a_kind_is_in_the_sprite(self) -> None:
        sprite = Template('{% include "sessions_ui/_icons.html" %}').render(Context())
        names = [f"g-{tags.status_name(status)}" for status in [*tags.STATUS_WORDS, "?"]]
        names += [f"i-{kind}" for kind in tags.KINDS]
        assert [name for name in names if f'id="{name}"' not in sprite] == []


class TestRunStrip:
    def test_its_name_is_a_sentence(self) -> None:
        html = tags.run_strip([["COMPLETED", 100], ["COMPLETED", None], ["ERROR", 9]])
        assert 'aria-label="Last 3 runs: 2 completed, 1 error"' in html
        assert 'aria-label="One run: 1 waiting"' in tags.run_strip([["PAUSED", 1]])

    def test_more_tokens_are_higher_and_errors_break_the_baseline(self) -> None:
        html = tags.run_strip([["COMPLETED", 0], ["COMPLETED", 10**9], ["ERROR", 0]])
        assert '<path class="tick" d="M0 11H3V15H0z"/>' in html
        assert '<path class="tick" d="M5 1H8V15H5z"/>' in html
        assert '<path class="tick-error" d="M10 11H13V19H10z"/>' in html

    @pytest.mark.parametrize(
        ("status", "style"),
        [
            ("RUNNING", "tick-running"),
            ("PAUSED", "tick-foot"),
            ("CANCELLED", "tick-hollow"),
            ("REGENERATED", "tick-hollow"),
            ("", "tick-dashed"),
            ("WHATEVER", "tick-dashed"),
        ],
    )
    def test_each_status_has_a_mark(self, status: str, style: str) -> None:
        assert f'class="{style}"' in tags.run_strip([[status, 5]])

    @pytest.mark.parametrize("odd", [[], [None], [["COMPLETED"]], ["COMPLETED"]])
    def test_what_is_no_run_is_left_out(self, odd: list[Any]) -> None:
        assert tags.run_strip(odd) == ""

    def test_a_status_cannot_write_markup(self) -> None:
        assert "<script" not in tags.run_strip([['"><script>', "x"]])
