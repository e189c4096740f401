"""The index of words against a recount by hand, on the corpus and on texts made to break it."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agentos.catalog.models import CatalogRun, CatalogSession, CatalogText
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Words, all_of
from agentos.catalog.sync import refresh_source
from agentos.catalog.text import index
from agentos.catalog.text.extract import KINDS, LIMIT, Part
from agentos.catalog.text.search import Found, kinds_of, search
from agentos.catalog.text.store import MOST_CHARACTERS, Texts, rewrite, write
from agentos.catalog.text.words import words_of
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.records import BadRun, build_forest, walk
from tests.conftest import PG_DUMPS, SQLITE_FILES
from tests.corpus import texts as corpus_sources
from tests.factories import make_session
from tests.looking import finds, parts_of

pytestmark = pytest.mark.django_db


def found(*words: str, kinds: frozenset[str] | None = None, prefix: bool = False) -> Found:
    query = ListQuery.of(all_of(Words(word, prefix) for word in words))
    return search(CatalogSession.objects.all().in_kinds(kinds), query)


def session_ids(result: Found) -> set[str]:
    return {group.session.session_id for group in result.groups}


@pytest.fixture
def corpus(sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]) -> list[CatalogSession]:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    refresh_source(source)
    return list(CatalogSession.objects.prefetch_related("texts"))


def said_in(session: CatalogSession) -> list[tuple[str, int | None, str]]:
    return [(kind, text.run_id, part) for text in session.texts.all() for kind, _, part in parts_of(text)]


def test_counts_are_those_of_a_recount(corpus: list[CatalogSession]) -> None:
    random = Random(4)
    everything = [(session, part) for session in corpus for part in said_in(session)]
    for _ in range(60):
        _, (_, _, text) = random.choice(everything)
        words = words_of(text)
        at, size = random.randrange(len(words) or 1), random.choice([1, 1, 2, 3])
        looked_for, prefix = " ".join(words[at : at + size]), random.random() < 0.3
        hits = {
            (session.pk, run, KINDS[kind].words)
            for session, (kind, run, part) in everything
            if finds(looked_for, part, prefix=prefix)
        }
        result = found(looked_for, prefix=prefix)
        assert result.sessions == len({pk for pk, _, _ in hits}), looked_for
        if result.complete:
            by_words = {kind.words: result.by_kind[name] for name, kind in KINDS.items() if name != "run_name"}
            assert by_words == {words: sum(one[2] == words for one in hits) for words in by_words}, looked_for


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_message_of_the_corpus_is_found_by_its_words(
    name: str, sources: Any, corpus_file: Any, pg_corpus: Any, manifest: dict[str, Any]
) -> None:
    url = pg_corpus(name) if name in PG_DUMPS else f"sqlite:///{corpus_file(name)}"
    for _, text, _ in corpus_sources(name, url, manifest[name]["sessions"]):
        [source] = sources(text)
        refresh_source(source)
        for session in CatalogSession.objects.filter(source=source.name).order_by("pk")[::4]:
            _check_messages(source, session)


def _check_messages(source: Source, session: CatalogSession) -> None:
    """Look for what own messages say, read from the source by other code than the index is made with."""
    runs = list(Reader(source).iter_runs(session.session_id))[:3]
    for node in walk(build_forest(runs)):
        if isinstance(node.run, BadRun):
            continue
        for message in node.run.messages:
            said = " ".join(message.text.split()[:4])
            if message.from_history or message.role not in ("user", "assistant") or not words_of(said):
                continue
            query = ListQuery.of(Words(said))
            result = search(CatalogSession.objects.filter(pk=session.pk), query, each=True)
            places = {(hit.run.run_id, hit.place) for group in result.groups for hit in group.hits if hit.run}
            shown = [at for run_id, at in places if run_id == node.run.run_id]
            # Of one kind of text the first of a run is shown, which may be an earlier message with the same words.
            assert any(at is None or finds(said, node.run.messages[at - 1].text) for at in shown), (said, places)


def test_long_and_repetitive_texts_are_found_to_their_ends() -> None:
    session = make_session()
    run = CatalogRun.objects.create(session=session, ordinal=0, root_ordinal=0, position=0, kind="agent")
    repeated = "the cat and " * 1_600 + "zebra crossing"
    many = [Part("tool_result", at, f"{'row data ' * 2_000}entry{at} here") for at in range(5)]
    base64 = [Part("user", at, "QUJD" * 4_900 + f" name{at}") for at in range(6)]
    write([Texts(session.pk, run.pk, 1, [Part("answer", 7, repeated), *many, *base64])])
    assert session_ids(found("zebra crossing")) == session_ids(found("and zebra crossing")) == {session.session_id}
    assert session_ids(found("data entry4 here")) == session_ids(found("name5")) == {session.session_id}
    [group] = found("zebra crossing").groups
    assert [hit.place for hit in group.hits] == [7] and group.hits[0].snippet.has_hit
    assert found("cat and the").hits == 1
    rows = CatalogText.objects.filter(session=session)
    assert rows.count() > 10 and all(len(row.body) <= MOST_CHARACTERS + 10 for row in rows)


def test_phrases_do_not_go_from_one_text_to_the_next() -> None:
    session = make_session()
    run = CatalogRun.objects.create(session=session, ordinal=0, root_ordinal=0, position=0, kind="agent")
    parts = [
        Part("user", 1, "seat fee"),
        Part("user", 2, "refund"),
        Part("answer", 3, "visa"),
        Part("answer", 4, "office"),
    ]
    write([Texts(session.pk, run.pk, 1, parts)])
    assert found("seat fee").hits == found("visa").hits == 1
    assert not any(found(phrase).hits for phrase in ("fee refund", "refund visa", "visa office"))


def test_words_are_looked_for_in_chosen_kinds_of_text() -> None:
    session = make_session(Part("state", None, "alpha"), Part("metadata", None, "beta"))
    run = CatalogRun.objects.create(session=session, ordinal=0, root_ordinal=0, position=0, kind="agent")
    write([Texts(session.pk, run.pk, 1, [Part("run_name", None, "gamma"), Part("user", 1, "delta epsilon")])])
    for word, kind in (("alpha", "state"), ("beta", "metadata"), ("gamma", "name"), ("delta epsilon", "user")):
        assert found(word, kinds=kinds_of([kind])).hits == 1, word
        others = kinds_of([one for one in KINDS if one not in (kind, "run_name")])
        assert found(word, kinds=others).hits == 0, word


def test_texts_go_with_their_runs_and_sessions() -> None:
    session = make_session()
    run = CatalogRun.objects.create(session=session, ordinal=0, root_ordinal=0, position=0, kind="agent")
    write([Texts(session.pk, run.pk, 1, [Part("user", 1, "fleeting")])])
    assert found("fleeting").hits == 1
    run.delete()
    assert found("fleeting").hits == 0 and found(session.session_id).hits == 1
    session.delete()
    assert index.hits(index.Asked(CatalogSession.objects.all().lookups.asked(Words("session")).texts)) == {}


def test_texts_of_a_session_are_written_anew_only_when_they_changed() -> None:
    session = make_session(title="Before")
    [first] = CatalogText.objects.filter(session=session).values_list("pk", flat=True)
    body = CatalogText.objects.get(pk=first).body
    rewrite(Texts(session.pk, None, 5, [Part("name", None, body)]))
    assert CatalogText.objects.filter(pk=first).exists()
    rewrite(Texts(session.pk, None, 5, [Part("name", None, "After")]))
    assert found("After").hits == 1 and found("Before").hits == 0


def test_a_text_longer_than_what_is_indexed_says_so() -> None:
    session = make_session()
    run = CatalogRun.objects.create(session=session, ordinal=0, root_ordinal=0, position=0, kind="agent")
    write([Texts(session.pk, run.pk, 1, [Part("tool_result", 1, "start " + "x " * (LIMIT // 2 - 3), cut=True)])])
    [group] = found("start").groups
    assert group.hits[0].cut


def test_common_words_are_asked_of_each_session(monkeypatch: pytest.MonkeyPatch, corpus: list[CatalogSession]) -> None:
    queries = [ListQuery.of(Words(word)) for word in ("the", "weather", "in tromsø", "本", "nonesuch")]
    asked = [
        [search(CatalogSession.objects.all(), query).hits for query in queries],
        [CatalogSession.objects.all().filtered(query).count() for query in queries],
    ]
    monkeypatch.setattr(index, "COMMON", -1)
    assert asked == [
        [search(CatalogSession.objects.all(), query).hits for query in queries],
        [CatalogSession.objects.all().filtered(query).count() for query in queries],
    ]


@pytest.mark.parametrize(
    "text", ["NEAR", "a AND b", 'sort : "x"', "^a", "a*", "'a'", "a:*", "a & !b", "a <-> b", "\\", "%s"]
)
def test_no_text_is_more_than_words_to_the_index(text: str) -> None:
    make_session(Part("state", None, f"before {text} behind"), session_id="only")
    expected = {"only"} if words_of(text) else set()
    assert session_ids(found(text)) == session_ids(found(text, prefix=True)) == expected
