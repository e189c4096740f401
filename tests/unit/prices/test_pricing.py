"""What tokens cost by the price table, and when nobody can say."""

import datetime
from decimal import Decimal
from typing import Any

import pytest

from agentos.prices.models import Price
from agentos.prices.pricing import Priced, PriceTable, matches
from agentos.records import Usage

DAY = 1_790_000_000  # 21 September 2026


def row(model: str = "gpt-5", **values: Any) -> Price:
    prices = {"input": "1.25", "output": "10", **values}
    money = {name: value if name in ("provider", "valid_from", "cached_inside") else value and Decimal(value)
             for name, value in prices.items()}  # fmt: skip
    return Price(model=model, **money)


def used(model: str = "gpt-5", provider: str = "OpenAI Chat", **counts: Any) -> Usage:
    zeros = dict.fromkeys(("input", "output", "cached", "cache_write", "reasoning", "audio_input", "audio_output"), 0)
    return Usage("model", provider, model, **{**zeros, **counts})


def test_each_kind_of_token_is_billed_once_at_its_price() -> None:
    table = PriceTable([row(cached="0.125", reasoning="20", audio_input="40", audio_output="80", cache_write="2")])
    one = used(input=1_000_000, output=1_000_000, cached=400_000, reasoning=100_000, audio_input=100_000,
               audio_output=200_000, cache_write=1_000_000)  # fmt: skip
    expected = 0.5 * 1.25 + 0.4 * 0.125 + 0.1 * 40 + 0.7 * 10 + 0.1 * 20 + 0.2 * 80 + 2
    found = table.price(one, DAY)
    assert found.cost == pytest.approx(expected) and found.is_computed


def test_a_cache_may_be_counted_beside_the_input() -> None:
    one = used(input=1_000_000, cached=1_000_000)
    assert PriceTable([row(cached="0.1")]).price(one, DAY).cost == pytest.approx(0.1)
    assert PriceTable([row(cached="0.1", cached_inside=False)]).price(one, DAY).cost == pytest.approx(1.35)


def test_reasoning_without_a_price_of_its_own_is_output() -> None:
    assert PriceTable([row()]).price(used(output=1_000_000, reasoning=900_000), DAY).cost == pytest.approx(10)


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (used(cached=5), "The price of cached input of gpt-5 is not in the table."),
        (
            used(audio_input=5, cache_write=1),
            "The price of writing to the cache, audio input of gpt-5 is not in the table.",
        ),
        (used(model="other", input=5), "The price table has no row for other."),
        (used(model="", input=5), "No model is named."),
        (Usage("model", "OpenAI", "gpt-5"), "No tokens are stored."),
    ],
)  # fmt: skip
def test_what_is_not_known_is_unknown_with_the_reason(usage: Usage, why: str) -> None:
    assert PriceTable([row()]).price(usage, DAY) == Priced(None, why=why)


def test_nothing_used_is_free_and_zero_is_a_price() -> None:
    assert PriceTable([row(input=None, output=None, cached="0")]).price(used(cached=7), DAY) == Priced(0.0, True)
    assert PriceTable([row()]).price(used(), DAY) == Priced(0.0, True)


def test_what_the_provider_told_goes_before_the_table() -> None:
    one = used(input=1_000_000)._replace(cost=0.5)
    assert PriceTable([row()]).price(one, DAY) == Priced(0.5)
    assert PriceTable().whole([one, one], DAY) == Priced(1.0)
    assert PriceTable([row()]).whole([one, used(input=1_000_000)], DAY) == Priced(1.75, True)
    assert PriceTable([row()]).whole([one, used("other", input=1)], DAY).cost is None
    assert PriceTable([row()]).whole([], DAY) == Priced(None, why="No tokens are stored.")


def test_the_closest_row_holds() -> None:
    rows = [row("*gpt*", input="1"), row("gpt-5*", input="2"), row("gpt-5-mini", input="3"),
            row("gpt-5-mini", input="4", provider="Azure*")]  # fmt: skip
    table = PriceTable(rows)
    found = {
        ("gpt-4o", "x"): 1, ("GPT-5-2026-01-01", "x"): 2, ("gpt-5-mini", "OpenAI"): 3,
        ("gpt-5-mini", "azure openai"): 4,
    }  # fmt: skip
    for (model, provider), cost in found.items():
        assert table.price(used(model, provider, input=1_000_000), DAY).cost == cost, (model, provider)


def test_prices_hold_from_their_day() -> None:
    later, before = datetime.date(2026, 9, 21), datetime.date(2026, 9, 1)
    table = PriceTable([row(input="1"), row(input="2", valid_from=before), row(input="3", valid_from=later)])
    one = used(input=1_000_000)
    assert [table.price(one, at).cost for at in (DAY, DAY - 86_400, DAY - 60 * 86_400, None, 0)] == [3, 2, 1, 1, 1]
    only = PriceTable([row(valid_from=later)])
    assert only.price(one, None).cost is None and only.price(one, DAY - 86_400).cost is None


@pytest.mark.parametrize(
    ("pattern", "name", "is_so"),
    [
        ("gpt-5*", "gpt-5", True), ("gpt-5", "gpt-5-mini", False), ("*claude*", "us.anthropic.claude-4", True),
        ("a.c", "abc", False), ("[a]", "a", False), ("*", "", True), ("x*y", "x\ny", True), ("(a+)+$", "aaaa", False),
    ],
)  # fmt: skip
def test_only_the_star_is_a_sign(pattern: str, name: str, is_so: bool) -> None:
    assert matches(pattern, name) is is_so


def test_names_from_outside_do_not_fill_the_memory() -> None:
    table = PriceTable([row("*")])
    for at in range(5_000):
        assert table.price(used(f"m{at}", input=1), DAY).cost is not None
    assert len(table._found) <= 2_000
