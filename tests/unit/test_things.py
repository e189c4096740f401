"""What is asked for behind a thing, and how the lists of things say what they are made of."""

from dataclasses import replace

import pytest

from agentos.catalog.figures import key_of
from agentos.catalog.keys import index_key
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.query.printer import printed
from agentos.catalog.rollup_models import LABEL_CHARACTERS, CatalogThing
from agentos.catalog.things import ThingPage, behind, clean_sort, sorts
from sessions_ui.presenters import things as presented
from sessions_ui.presenters.things import ThingState

LONG = "n" * 500


def thing(kind: str, *names: str | None, label: str = "") -> CatalogThing:
    return CatalogThing(kind=kind, key=key_of(*names), label=label[:LABEL_CHARACTERS])


@pytest.mark.parametrize(
    ("made", "query"),
    [
        (thing("user", "bob", label="bob"), "user:bob"),
        (thing("user", "none", label="none"), 'user:"none"'),
        (thing("user", None), "user:none"),
        (thing("user", "", label=""), 'user:""'),
        (thing("component", "agent", "ops", label="Ops"), "agent:ops"),
        (thing("component", "team", None, label="Ops"), "type:team component:none"),
        (thing("component", "robot", "r2", label="R2"), 'type:"robot" component:r2'),
        (thing("component", "", "r2", label="R2"), "type:none component:r2"),
        (thing("tool", 'wire "money"', label='wire "money"'), r'tool:"wire \"money\""'),
        (thing("tool", index_key(LONG), label=LONG), f"tool:{'n' * 100}*"),
        (thing("model", index_key("m" * 150), label="m" * 150), f"model:{'m' * 150}"),
    ],
)
def test_the_query_behind_a_thing(made: CatalogThing, query: str) -> None:
    assert printed(behind(made)) == query
    assert parse(query) == behind(made)


def test_it_narrows_what_is_asked_for_already() -> None:
    narrowed = presented.behind(thing("user", "bob"), ListQuery.of(parse("refund user:bob has:error")))
    assert narrowed is not None and narrowed.text == "user:bob has:error refund"


def test_no_query_is_longer_than_one_can_be() -> None:
    asked = ListQuery.of(parse(" ".join(f"-id:{at}" for at in range(100))))
    assert asked.fits and presented.behind(thing("user", "bob"), asked) is None


@pytest.mark.parametrize("kind", presented.KINDS)
def test_every_order_has_words_and_a_head(kind: str) -> None:
    state = ThingState(ListQuery(), "-sessions", kind=kind)
    words = [text for _, text in presented.orders(state)]
    assert len(set(words)) == len(words) == len(sorts(kind))
    assert {head.url for head in presented.heads(state)} >= {"?sort=name", "?sort=-errors", "?sort=sessions"}
    assert [head.aria_sort for head in presented.heads(state)].count("descending") == 1
    assert clean_sort(kind, "user__password") == "-sessions"


def test_orders_are_named() -> None:
    state = ThingState(ListQuery(), "-sessions", kind="model")
    said = {sort: presented.order_words(replace(state, sort=sort)) for sort in ("-errors", "runs", "-cost", "seen")}
    assert said == {
        "-errors": "most failed runs first",
        "runs": "fewest runs first",
        "-cost": "most expensive first",
        "seen": "longest not seen first",
    }


@pytest.mark.parametrize(
    ("page", "query", "words"),
    [
        (ThingPage(), "", "in all sessions"),
        (ThingPage(sessions=1), "", "in the one session that you may see"),
        (ThingPage(sessions=1), "has:error", "in the one session that matches"),
        (ThingPage(sessions=1_200), "has:error", "in the 1,200 sessions that match"),
        (ThingPage(sessions=20_000, capped=True), "", "in the 20,000 sessions updated last"),
        (
            ThingPage(sessions=20_000, capped=True),
            "has:error",
            "in the 20,000 sessions updated last, of those that match",
        ),
    ],
)
def test_what_the_sums_are_made_of(page: ThingPage, query: str, words: str) -> None:
    state = ThingState(ListQuery.of(parse(query) if query else None), "-sessions")
    assert presented.scope_words(page, state) == words
