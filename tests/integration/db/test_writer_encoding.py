"""Each row keeps the encoding it has: twice or once on SQLite, json or jsonb on PostgreSQL, odd spellings too."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import use_sources
from agentos.db.writer import Writer
from tests.conftest import CORPUS, PgServer
from tests.integration.db.writing import agent_run, column, decoded, sql

pytestmark = pytest.mark.django_db
MANY, USER = "many-runs", "user-42"
FIRST = {"run_id": "first", "agent_id": "a", "content": "é", "status": "COMPLETED", "created_at": 1}

once, twice = json.dumps([FIRST]), json.dumps(json.dumps([FIRST]))
STORED = {
    "twice": (twice, True),
    "once": (once, False),
    "once, indented": (json.dumps([FIRST], indent=2), False),
    "twice, indented": (json.dumps(json.dumps([FIRST], indent=1)), True),
    "once, then a line break": (once + "\n", False),
    "twice, then a line break inside": (json.dumps(json.dumps([FIRST]) + "\n"), True),
    "twice, then a line break outside": (twice + " \n", True),
    "not escaped": (json.dumps(json.dumps([FIRST], ensure_ascii=False), ensure_ascii=False), True),
    "with NaN": (json.dumps([{**FIRST, "x": float("nan")}]), False),
    "with NaN, twice": (json.dumps(json.dumps([{**FIRST, "x": float("nan")}])), True),
    "with null and numbers": (json.dumps([None, FIRST, 7, "x", []]), False),
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_append_keeps_the_encoding(corpus_file: Callable[[str], Path], stored: tuple[str, bool]) -> None:
    text, double = stored
    with use_sources(f"s=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", text, MANY)
        run = agent_run(MANY, USER)
        Writer(source).append_run(MANY, run, expect_user_id=USER)

        after = column(source, "runs", MANY) or ""
    assert isinstance(json.loads(after), str) == double
    assert json.dumps(decoded(after)) == json.dumps([*decoded(text), run.raw])


@pytest.mark.parametrize("stored", [twice, once], ids=["twice", "once"])
def test_replace_keeps_the_encoding(corpus_file: Callable[[str], Path], stored: str) -> None:
    with use_sources(f"s=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
        run = agent_run(MANY, USER, run_id="first")
        Writer(source).replace_run(MANY, run, expect_user_id=USER)

        after = column(source, "runs", MANY) or ""
    assert isinstance(json.loads(after), type(json.loads(stored)))
    assert after.isascii()
    assert decoded(after) == [run.raw]


@pytest.mark.parametrize("stored", [None, "null", '"null"', "[]", '"[]"', '"[ ]"', "[\n]"])
def test_no_runs_yet(corpus_file: Callable[[str], Path], stored: str | None) -> None:
    with use_sources(f"s=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
        run = agent_run(MANY, USER)
        Writer(source).append_run(MANY, run, expect_user_id=USER)

        assert decoded(column(source, "runs", MANY)) == [run.raw]


@pytest.mark.parametrize("stored", [None, "null", '"null"', "{}", '"{}"'])
@pytest.mark.parametrize("name", ["agno-v2.db", "agno-v3.db"])
def test_no_session_data_yet(corpus_file: Callable[[str], Path], name: str, stored: str | None) -> None:
    with use_sources(f"s=sqlite:///{corpus_file(name)}") as [source]:
        sql(source, "UPDATE {sessions} SET session_data = %s WHERE session_id = %s", stored, MANY)
        Writer(source).rename(MANY, "é")

        after = column(source, "session_data", MANY) or ""
    double = name == "agno-v2.db" if stored in (None, "null") else (stored or "").startswith('"')
    assert after.startswith('"') == double
    assert decoded(after) == {"session_name": "é"}
    assert after.isascii()


@pytest.mark.parametrize("type_", ["json", "jsonb"])
@pytest.mark.parametrize("stored", [None, "null", "[]", once, json.dumps([None, FIRST, 7]) + "\n "])
def test_postgresql(pg_server: PgServer, type_: str, stored: str | None) -> None:
    with use_sources(f"s={pg_server.database(CORPUS / 'agno-v2.pg.sql.gz')}") as [source]:
        for name in ("runs", "session_data"):
            sql(source, f"ALTER TABLE {{sessions}} ALTER {name} TYPE {type_}")
        sql(
            source,
            "UPDATE {sessions} SET runs = %s, session_data = %s WHERE session_id = %s",
            stored,
            stored and "{}",
            MANY,
        )
        run, other = agent_run(MANY, USER), agent_run(MANY, USER)
        for each in (run, other):
            Writer(source).append_run(MANY, each, expect_user_id=USER)
        changed = agent_run(MANY, USER, run_id=run.run_id, content="anew")
        Writer(source).replace_run(MANY, changed, expect_user_id=USER)

        earlier = decoded(stored) or []
        assert decoded(column(source, "runs", MANY)) == [*earlier, changed.raw, other.raw]
        data = decoded(column(source, "session_data", MANY))
        assert data["session_metrics"]["total_tokens"] == 14


def test_json_text_stays_on_postgresql(pg_server: PgServer) -> None:
    """Early Agno 2 used `json`, which keeps its text: keys in their order, numbers as written, even repeated keys."""
    text = '[{"z": 1.50, "a": 1, "a": 2, "n": 1e400}]'
    with use_sources(f"s={pg_server.database(CORPUS / 'agno-v2.pg.sql.gz')}") as [source]:
        sql(source, "ALTER TABLE {sessions} ALTER runs TYPE json")
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", text, MANY)
        Writer(source).append_run(MANY, agent_run(MANY, USER), expect_user_id=USER)

        assert (column(source, "runs", MANY) or "").startswith(text[:-1] + ", {")


def test_numbers_agno_let_in_stay(corpus_file: Callable[[str], Path]) -> None:
    stored = '{"session_state": {"x": NaN, "big": 1234567890123456789012345678901234567890}, "session_metrics": [1]}'
    with use_sources(f"s=sqlite:///{corpus_file('agno-v3.db')}") as [source]:
        sql(source, "UPDATE {sessions} SET session_data = %s WHERE session_id = %s", stored, MANY)
        Writer(source).append_run(MANY, agent_run(MANY, USER), expect_user_id=USER)

        after = column(source, "session_data", MANY) or ""
        assert '{"x": NaN, "big": 1234567890123456789012345678901234567890}' in after
        assert Reader(source).stamp(MANY) is not None
