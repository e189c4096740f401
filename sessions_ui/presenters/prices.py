"""The price table as its page shows it, and the models that have no price yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from agentos.catalog.figures import names_of
from agentos.catalog.rollup_models import CatalogThing
from agentos.prices.models import PRICED, Price
from agentos.prices.service import COLUMNS, as_texts

LABELS: Final = {
    "input": "Input",
    "output": "Output",
    "cached": "Cached",
    "cache_write": "Cache write",
    "reasoning": "Reasoning",
    "audio_input": "Audio in",
    "audio_output": "Audio out",
}
UNPRICED: Final = 20
"""Models without a price that are named."""


@dataclass(frozen=True)
class PriceLine:
    """A row of the table. `prices`: texts in the order of LABELS, "" where it is not known."""

    price: Price
    prices: list[str]

    @property
    def day(self) -> str:
        """From when it holds, "" for always."""
        return "" if self.price.holds_always else self.price.valid_from.isoformat()


@dataclass(frozen=True)
class Field:
    """A price of the form."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class Unpriced:
    """A model with runs of unknown cost. `url` begins a row for it."""

    name: str
    runs: int
    tokens: int | None
    url: str


def lines(prices: list[Price]) -> list[PriceLine]:
    """Return the rows as they are shown."""
    return [PriceLine(price, [as_texts(price)[name] for name in PRICED]) for price in prices]


def form_of(values: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form holds, from the texts of a row, of a form that was sent or of a link."""
    said = {name: values.get(name, "")[:200] for name in COLUMNS}
    inside = values.get("cached_inside", "yes")
    return said | {
        "fields": [Field(name, label, said[name]) for name, label in LABELS.items()],
        "cached_inside": inside if inside in ("yes", "no") else "yes",
    }


def unpriced() -> list[Unpriced]:
    """Return the models with most tokens among those that have runs without a known cost; for who sees everything."""
    found = CatalogThing.objects.filter(kind="model", cost_unknown__gt=0, tokens__gt=0).order_by("-tokens", "key")
    named = [(str(names_of(one.key)[0] or ""), one) for one in found[:UNPRICED]]
    return [
        Unpriced(name, one.cost_unknown, one.tokens, f"?{urlencode({'model': name})}#price")
        for name, one in named
        if name
    ]


def as_data(price: Price) -> dict[str, Any]:
    """Return a row for programs: prices in dollars for a million tokens, null where not known."""
    money = {name: None if getattr(price, name) is None else float(getattr(price, name)) for name in PRICED}
    return {
        "id": price.pk,
        "provider": price.provider or None,
        "model": price.model,
        "valid_from": None if price.holds_always else price.valid_from.isoformat(),
        **money,
        "cached_inside": price.cached_inside,
        "changed_by": price.changed_by,
        "changed_at": price.changed_at,
    }
