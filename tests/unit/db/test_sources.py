"""What AGENTOS_SOURCES may say, and the sentence for what it may not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.db.sources import Source, SourceError, all_sources, get_source, parse_sources, use_sources


def one(text: str) -> Source:
    [source] = parse_sources(text)
    return source


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("lab=sqlite:///lab.db", "lab", Path("lab.db").absolute()),
        ("lab=sqlite:////srv/lab.db", "lab", "/srv/lab.db"),
        ("lab=sqlite+pysqlite:////srv/lab.db", "lab", "/srv/lab.db"),
        ("/srv/My Agents.db", "my-agents", "/srv/My Agents.db"),
        ("sqlite:////srv/a%20b.db", "a-b", "/srv/a b.db"),
        ("path/to/agno.db?mode=ro", "agno", Path("path/to/agno.db").absolute()),
        ("x=~/agno.db", "x", Path.home() / "agno.db"),
    ],
)
def test_sqlite_spellings(text: str, name: str, path: str | Path) -> None:
    source = one(text)

    assert (source.vendor, source.name, source.path) == ("sqlite", name, str(path))
    assert source.alias == f"source_{name}"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql_spellings(scheme: str) -> None:
    source = one(f"p={scheme}://me:p%40ss%2Fword@db.example.com:6543/app")

    assert source.vendor == "postgresql"
    assert source.options == {
        "user": "me", "password": "p@ss/word", "host": "db.example.com", "port": "6543", "dbname": "app",
    }  # fmt: skip
    assert source.schema == "ai"


def test_postgresql_over_a_unix_socket() -> None:
    source = one("postgresql://postgres:@/app?host=/run/postgresql&sslmode=disable")

    assert source.name == "app"
    assert source.options == {"user": "postgres", "host": "/run/postgresql", "dbname": "app", "sslmode": "disable"}


def test_parts_of_the_query() -> None:
    source = one("p=postgresql://h/app?schema=other&session_table=support_sessions&runs_table=their_runs&mode=ro")

    assert (source.schema, source.session_table, source.runs_table) == ("other", "support_sessions", "their_runs")
    assert source.read_only
    assert source.options == {"host": "h", "dbname": "app"}


def test_several_sources_keep_their_order() -> None:
    assert [source.name for source in parse_sources(" b=b.db , a=a.db,\nc=c.db, ")] == ["b", "a", "c"]
    assert parse_sources("  ") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=x.db, a=y.db", "Two sources are called a"),
        ("x/agno.db, y/agno.db", "Two sources are called agno"),
        ("My Lab=x.db", "may hold only a-z"),
        ("=x.db", "may hold only a-z"),
        ("a=", "the URL is missing"),
        ("a=mysql://h/app", "mysql is no database this program reads"),
        ("a=sqlite://", "name a database file"),
        ("a=sqlite:///:memory:", "name a database file"),
        ("a=sqlite://agno.db", "three slashes"),
        ("a=postgresql://h", "names no database"),
        ("a=postgresql://h:port/app", "cannot be understood"),
        ("a=postgresql://[h/app", "cannot be understood"),
        ("a=x.db?mode=readonly", "mode is 'readonly'"),
        ("a=x.db?mod=ro", "'mod', which means nothing here"),
        ("a=postgresql://h/app?nonsense=1", "'nonsense', which means nothing here"),
        ("a=x.db?schema=ai", "has no schemas"),
        ("a=x.db?session_table=a%22b", "session_table is 'a\"b'"),
        ("a=x.db?session_table=a;drop", "session_table is"),
        ("a=x.db?runs_table=a%00b", "runs_table is"),
        ("a=x.db?runs_table=", "runs_table is ''"),
        ("a=postgresql://h/app?schema=a'b", "schema is"),
        ("a=sqlite:////x%00.db", "NUL"),
        ("x=~nobody-of-this-name/agno.db", "home folder"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_sources(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a=postgresql://me:geheim@h:port/app",
        "a=postgresql://me:geheim@h",
        "a=postgresql://me:geheim@h/app?nonsense=1",
        "a=oracle://me:geheim@h/app",
        "a=postgresql://me:geheim@[h/app",
        "a=postgresql://me:geheim@h/app?schema='",
    ],
)
def test_no_password_in_a_refusal(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_sources(text)
    assert "geheim" not in str(caught.value)


def test_no_password_in_a_source() -> None:
    for text in ("a=postgresql://me:geheim@h/app", "a=postgresql://me@h/app?password=geheim"):
        source = one(text)
        assert "geheim" not in repr(source) + str(source) + source.place
        assert source.without_password("fails: geheim") == "fails: ***"


@given(st.text(max_size=60))
def test_any_text_is_sources_or_a_sentence(text: str) -> None:
    try:
        sources = parse_sources(text)
    except SourceError as error:
        assert str(error).endswith(".")
    else:
        assert len({source.alias for source in sources}) == len(sources)


def test_use_sources_replaces_and_gives_back() -> None:
    with use_sources("a=a.db"):
        with use_sources("b=b.db, c=c.db"):
            assert [source.name for source in all_sources()] == ["b", "c"]
            assert get_source("c").name == "c"
            with pytest.raises(KeyError):
                get_source("a")
        assert get_source("a").name == "a"
    assert all_sources() == []
