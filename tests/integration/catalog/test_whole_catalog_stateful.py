"""After a whole pass the catalog is what a fresh one would be, whatever others and we wrote, and whatever cut us off.

Others write each time in a second of its own: of two writes that share a second and leave the same lengths, SQLite
tells nothing apart.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from agentos.catalog import following, rollups, totals
from agentos.catalog.keeping import keep_fresh
from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm, CatalogText, SourceState
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.catalog.rollup_models import CatalogDay, CatalogHour, CatalogStale, CatalogThing
from agentos.catalog.storing import remove
from agentos.catalog.sync import rebuild, refresh_session, refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source, SourceUnavailable
from agentos.db.writer import Writer
from agentos.records import Run, Session
from tests.conftest import CORPUS
from tests.integration.catalog.foreign import Foreign
from tests.integration.catalog.recount import assert_exact

PLACES = {
    "blob": ("agno-v2.db", True),
    "table": ("agno-v3.db", False),
    "blob-pg": ("agno-v2.pg.sql.gz", True),
    "table-pg": ("agno-v3.pg.sql.gz", False),
}
WORDS = ("amber", "birch", "cobalt", "delta", "北京")
# Names of rows in our database, and when they were stored, differ between two catalogs of the same sessions.
OUR_OWN = {"id", "source", "indexed_at", "seen_pass", "session_id", "run_id"}

session_ids = st.sampled_from([f"s{number}" for number in range(6)])
words = st.sampled_from(WORDS)
runs = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["RUNNING", "COMPLETED", "ERROR", "PAUSED"]),
        "content": words,
        "tool": st.sampled_from(["", "", "get_weather", "search"]),
        "parent": st.booleans(),
        "tokens": st.sampled_from([None, 0, 7]),
        "model": st.sampled_from(["", "small", "large"]),
    }
)
numbers = st.integers(0, 4)
budgets = st.sampled_from([0.0, 0.25])


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@contextmanager
def cut_off(after: int, fault: type[BaseException], *, for_good: bool) -> Iterator[None]:
    """Raise `fault` instead of sending a statement to our database, after so many; `for_good`: and ever after."""
    sent = itertools.count()

    def send(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("ROLLBACK", "RELEASE")):  # a database does that for whoever is gone
            at = next(sent)
            if at == after or (for_good and at > after):
                raise fault
        return execute(sql, params, many, context)

    with connection.execute_wrapper(send):
        yield


class WholeCatalog(RuleBasedStateMachine):
    """Writes, looks and cuts in any order. `lab` is followed; `fresh` names the same database."""

    lab: Source
    fresh: Source
    foreign: Foreign

    def __init__(self) -> None:
        super().__init__()
        self.foreign.clear()
        for source in (self.lab, self.fresh):
            forget(source)
        for model in (CatalogStale, CatalogDay, CatalogThing, CatalogHour):
            model.objects.all().delete()
        self.seconds = itertools.count(int(time.time()) - 600)

    @initialize(known=st.integers(0, 5), run=runs)
    def some_are_known(self, known: int, run: dict[str, Any]) -> None:
        for number in range(known):
            self.others_store_a_session(f"s{number}", "agent", "amber", "birch", old=True)
            self.others_store_a_run(f"s{number}", 0, run)
        whole_pass(self.lab)

    @rule(session_id=session_ids, kind=st.sampled_from(["agent", "team"]), user=words, name=words, old=st.booleans())
    def others_store_a_session(self, session_id: str, kind: str, user: str, name: str, old: bool) -> None:
        now = next(self.seconds)
        self.foreign.store_session(
            {
                "session_id": session_id,
                "session_type": kind,
                f"{kind}_id": f"{kind}-1",
                "user_id": user,
                "session_data": {"session_name": name, "session_state": {"place": name}},
                "metadata": {"tags": [user]},
                "created_at": now - 90_000 * old,
                "updated_at": now,
            }
        )

    @rule(session_id=session_ids, number=numbers, run=runs)
    def others_store_a_run(self, session_id: str, number: int, run: dict[str, Any]) -> None:
        if session_id in self.foreign.sessions():
            now = next(self.seconds)
            self.foreign.store_run(session_id, a_run(session_id, number, run, now), now)

    @rule(session_id=session_ids, name=words)
    def others_rename(self, session_id: str, name: str) -> None:
        self.foreign.set(session_id, "session_data", {"session_name": f"{name} {next(self.seconds)}"})

    @rule(session_id=session_ids, odd=st.sampled_from(["null", "[1, 2]", '"text"', "7"]))
    def others_store_nonsense(self, session_id: str, odd: str) -> None:
        self.foreign.set(session_id, "metadata", odd)

    @rule(session_id=session_ids, number=numbers)
    def others_delete_a_run(self, session_id: str, number: int) -> None:
        if session_id in self.foreign.sessions():
            self.foreign.delete_run(session_id, f"{session_id}-{number}", next(self.seconds))

    @rule(session_id=session_ids)
    def others_delete_a_session(self, session_id: str) -> None:
        self.foreign.delete_session(session_id)

    @rule(session_id=session_ids, name=words)
    def we_make_or_rename_a_session(self, session_id: str, name: str) -> None:
        now = next(self.seconds)
        writer = Writer(self.lab, clock=lambda: now)
        if session_id in self.foreign.sessions():
            writer.rename(session_id, name)
        else:
            made = {"session_type": "agent", "agent_id": "agent-1", "created_at": now, "updated_at": now}
            writer.create_session(Session.from_dict({"session_id": session_id, **made}))
        self.is_known_at_once(session_id)

    @rule(session_id=session_ids, number=numbers, run=runs)
    def we_append_a_run(self, session_id: str, number: int, run: dict[str, Any]) -> None:
        session = Reader(self.lab).session(session_id)
        if session is not None and session.session_type == "agent":
            now = next(self.seconds)
            new = Run.from_dict(a_run(session_id, now, run, now) | {"user_id": session.user_id})
            Writer(self.lab, clock=lambda: now).append_run(session_id, new, expect_user_id=session.user_id)
            self.is_known_at_once(session_id)

    @rule(budget=budgets)
    def look(self, budget: float) -> None:
        refresh_source(self.lab, budget=budget, patient=True)

    @rule()
    def go_on_a_little(self) -> None:
        refresh_source(self.lab, budget=0.0)

    @rule()
    def a_page_is_opened(self) -> None:
        SourceState.objects.filter(source="lab").update(checked_at=None)
        keep_fresh()

    @rule(after=st.integers(0, 60), budget=budgets, patient=st.booleans())
    def is_killed(self, after: int, budget: float, patient: bool) -> None:
        try:
            with cut_off(after, Killed, for_good=True):
                refresh_source(self.lab, budget=budget, patient=patient)
        except Killed:
            SourceState.objects.filter(source="lab").update(leased_until=None)  # in time the lease runs out
            following.look_again(self.lab)

    @rule(after=st.integers(0, 60), budget=budgets, patient=st.booleans())
    def our_database_fails(self, after: int, budget: float, patient: bool) -> None:
        try:
            with cut_off(after, OperationalError, for_good=False):
                refresh_source(self.lab, budget=budget, patient=patient)
        except OperationalError:
            SourceState.objects.filter(source="lab").update(leased_until=None)

    @rule()
    def the_source_goes_away(self) -> None:
        if self.lab.vendor == "sqlite":
            path = Path(self.lab.path)
            away = path.rename(path.with_suffix(".away"))
            assert refresh_source(self.lab, budget=0.0, patient=True).problem
            away.rename(path)

    @rule()
    def is_made_anew(self) -> None:
        try:
            rebuild(self.lab)
        except SourceUnavailable:
            pytest.fail("The source is there.")

    @rule()
    def sums_are_made(self) -> None:
        rollups.refresh(0.0)

    @rule()
    def equals_a_fresh_catalog(self) -> None:
        whole_pass(self.lab)
        rollups.refresh(None)
        assert not CatalogStale.objects.exists()
        assert_exact()
        whole_pass(self.fresh)
        assert everything(self.lab) == everything(self.fresh)
        state = SourceState.objects.get(source="lab")
        known = CatalogSession.objects.of_source("lab").count()
        assert (state.indexed_count, state.session_count, known) == (len(self.foreign.sessions()),) * 3
        forget(self.fresh)

    def teardown(self) -> None:
        self.equals_a_fresh_catalog()

    def is_known_at_once(self, session_id: str) -> None:
        row = refresh_session(self.lab, session_id)
        stamp = Reader(self.lab).stamp(session_id)
        assert row is not None and stamp is not None and row.mark == stamp.mark


def a_run(session_id: str, number: int, run: dict[str, Any], now: int) -> dict[str, Any]:
    made = {
        "run_id": f"{session_id}-{number}",
        "session_id": session_id,
        "agent_id": "agent-1",
        "input": {"input_content": "Hi"},
        "content": run["content"],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": run["content"]}],
        "status": run["status"],
        "model": run["model"] or None,
        "metrics": {"total_tokens": run["tokens"], "input_tokens": run["tokens"], "duration": 0.5},
        "created_at": now,
    }
    if run["tool"]:
        failed = run["status"] == "ERROR"
        made["tools"] = [{"tool_call_id": "c", "tool_name": run["tool"], "result": "x", "tool_call_error": failed}]
    if run["parent"] and number:
        made["parent_run_id"] = f"{session_id}-{number - 1}"
    return made


def whole_pass(source: Source) -> None:
    """Make one pass; before it end the one that is under way, which may have come by what changed."""
    under_way = SourceState.objects.filter(source=source.name).exclude(cursor=None).exists()
    for _ in range(1 + under_way):
        slices = itertools.count()
        while not refresh_source(source).done:
            assert next(slices) < 50, "The pass has no end."


def forget(source: Source) -> None:
    remove(CatalogSession.objects.of_source(source.name))
    SourceState.objects.filter(source=source.name).delete()
    following.look_again(source)


def everything(source: Source) -> Any:
    """All that the catalog says of a source, without the names of its own rows."""
    rows = CatalogSession.objects.of_source(source.name)
    key = dict(rows.values_list("pk", "session_id"))
    run_key = {}
    runs_of = []
    for run in CatalogRun.objects.filter(session__in=rows).order_by("session__session_id", "ordinal"):
        run_key[run.pk] = (key[run.session_id], run.ordinal)
        runs_of.append((*run_key[run.pk], run.run_id, scalars(run)))
    texts = [
        (key[text.session_id], run_key[text.run_id] if text.run_id else None, text.parts, text.body, text.cut)
        for text in CatalogText.objects.filter(session__in=rows)
    ]
    totals.refresh(source.name)
    counted = SourceState.objects.get(source=source.name).totals
    for own in ("made_at", "took"):
        del counted[own]
    counted["values"].pop("source", None)  # of no sessions there are none
    return {
        "sessions": {row.session_id: scalars(row) for row in rows},
        "runs": runs_of,
        "terms": sorted((key[at], term) for at, term in in_order(CatalogTerm, rows)),
        "texts": sorted(texts, key=str),
        "found": {word: found(rows, word) for word in WORDS},
        "totals": counted,
    }


def in_order(model: type[CatalogTerm], rows: Any) -> list[tuple[int, str]]:
    return list(model.objects.filter(session__in=rows).values_list("session_id", "term"))


def scalars(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.fields if field.attname not in OUR_OWN}


def found(rows: Any, word: str) -> list[str]:
    return sorted(rows.filtered(ListQuery.of(parse(word))).values_list("session_id", flat=True))


@pytest.mark.django_db(transaction=True)  # what is cut off is rolled back as it would be
@pytest.mark.parametrize("place", PLACES)
def test_the_catalog_equals_a_fresh_one(
    place: str, sources: Any, corpus_file: Callable[[str], Path], request: pytest.FixtureRequest
) -> None:
    name, blob = PLACES[place]
    if name.endswith(".gz"):
        url = request.getfixturevalue("pg_server").database(CORPUS / name)
    else:
        url = f"sqlite:///{corpus_file(name)}"
    lab, fresh = sources(f"lab={url}, fresh={url}")
    foreign = Foreign(lab, blob=blob)
    try:
        machine = type("Machine", (WholeCatalog,), {"lab": lab, "fresh": fresh, "foreign": foreign})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                phases=[Phase.generate],  # to shrink a failure takes many minutes
            ),
        )
    finally:
        foreign.close()
