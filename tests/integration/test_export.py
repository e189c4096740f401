"""The export of what matches: its rows, whose they are, formulas, memory, and that it ends when it has to."""

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from agentos.access.rights import Right
from agentos.catalog.models import CatalogSession
from sessions_ui.presenters.export import FORMATS
from sessions_ui.streaming import export as streaming
from sessions_ui.streaming.export import ExportCut, export_stream
from sessions_ui.streaming.stream import in_thread
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
URL = "/sessions/export/"


async def whole(response: Any) -> str:
    return b"".join([part async for part in response]).decode()


def text_of(person: Person, **query: Any) -> str:
    response: Any = person.client.get(URL, query)
    assert response.status_code == 200 and response.streaming
    return async_to_sync(whole)(response)


def ids(person: Person, **query: Any) -> list[str]:
    return [json.loads(line)["session_id"] for line in text_of(person, format="jsonl", **query).splitlines()]


def posted(person: Person, **fields: Any) -> list[str]:
    response: Any = person.client.post(URL, {"format": "jsonl", **fields})
    return [json.loads(line)["session_id"] for line in async_to_sync(whole)(response).splitlines()]


def test_holds_what_matches(viewer: Person) -> None:
    make_session(session_id="a", last_status="ERROR", title="Grüße, „Welt“\nzwei")
    make_session(session_id="b", total_tokens=None)
    rows = list(csv.DictReader(io.StringIO(text_of(viewer, q="status:error", format="csv"))))
    assert [(row["session_id"], row["title"]) for row in rows] == [("a", "Grüße, „Welt“\nzwei")]
    data = [json.loads(line) for line in text_of(viewer, format="jsonl").splitlines()]
    assert [(row["session_id"], row["total_tokens"]) for row in data] == [("a", 100), ("b", None)]
    listed = viewer.client.get("/sessions/", {"format": "json"}).json()["sessions"]
    assert sorted(data, key=lambda row: row["session_id"]) == sorted(listed, key=lambda row: row["session_id"])


def test_is_a_file_that_nothing_keeps(viewer: Person) -> None:
    response = viewer.client.get(URL, {"format": "csv", "q": '"x;filename=evil\r\nX: y"'})
    assert response.headers["Content-Disposition"].startswith('attachment; filename="sessions-20')
    assert response.headers["Content-Disposition"].endswith('.csv"')
    assert "no-store" in response.headers["Cache-Control"] and response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_no_cell_is_a_formula(viewer: Person, begin: str) -> None:
    bad = f'{begin}HYPERLINK("http://x","y"),\''
    make_session(session_id=bad, title=bad, preview=bad, user_id=bad, component_name=bad, model=bad, created_at=-5)
    row = next(csv.DictReader(io.StringIO(text_of(viewer, format="csv"), newline="")))
    for name in ("session_id", "title", "preview", "user_id", "component_name", "model"):
        assert row[name] == f"'{bad}"
    assert row["created_at"] == "-5"
    assert json.loads(text_of(viewer, format="jsonl"))["title"] == bad


def test_odd_text_is_no_fault(viewer: Person) -> None:
    for number, odd in enumerate(("\ud800", "a\0b", "<script>", "x" * 9000)):
        make_session(session_id=odd, user_id=odd, title=f"{number}")
    assert len(list(csv.DictReader(io.StringIO(text_of(viewer, format="csv"))))) == 4
    assert len(ids(viewer)) == 4


def test_without_a_format_it_asks(viewer: Person) -> None:
    make_session()
    make_session()
    page = viewer.client.get(URL, {"q": "type:agent"}).text
    assert "Export 2 sessions" in page and 'name="q" value="type:agent"' in page
    part = viewer.client.get(URL, headers={"HX-Request": "true", "HX-Target": "sheet-content"}).text
    assert "<html" not in part and "Export 2 sessions" in part
    assert viewer.client.get(URL, {"format": "json"}).json()["count"] == 2


def test_reads_no_payload_and_little_at_once(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH", 10)
    for _ in range(25):
        make_session()
    with CaptureQueriesContext(connection) as asked:
        assert len(ids(viewer)) == 25
    batches = [query["sql"] for query in asked if "LIMIT 10" in query["sql"]]
    assert len(batches) == 3
    for name in ("tool_calls_by_name", "topics", "body", "run_strip", "OFFSET"):
        assert not [sql for sql in batches if name in sql]


def test_neither_repeats_nor_skips_while_sessions_change(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH", 5)
    there = [make_session().session_id for _ in range(20)]
    original = streaming._batch

    def and_change(*args: Any) -> Any:
        batch = original(*args)
        CatalogSession.objects.update(updated_at=1_900_000_000 + len(batch))
        make_session()
        return batch

    monkeypatch.setattr(streaming, "_batch", and_change)
    assert ids(viewer) == there


class TestSelection:
    def test_what_was_ticked(self, viewer: Person) -> None:
        rows = [make_session(session_id=name) for name in ("one", "t/w o", "..", "x" * 300)]
        picks = [f"{row.source}/{row.quoted_id}" for row in rows[1:]]
        assert posted(viewer, pick=picks) == [row.session_id for row in rows[1:]]

    def test_all_that_match(self, viewer: Person) -> None:
        make_session(session_id="a", last_status="ERROR")
        make_session(session_id="b")
        assert posted(viewer, all="1", q="status:error", pick=["lab/b"]) == ["a"]

    def test_nothing_ticked_is_nothing(self, viewer: Person) -> None:
        make_session()
        assert posted(viewer) == [] and posted(viewer, q="") == []

    def test_foreign_ones_are_not_there(self, owner: Person, stranger: Person) -> None:
        make_session(session_id="alices")
        make_session(session_id="bobs", user_id="bob")
        picks = ["lab/alices", "lab/bobs", "lab/none", "other/alices"]
        assert posted(owner, pick=picks) == ["alices"] and posted(stranger, pick=picks) == []
        assert posted(owner, all="1", q="") == ["alices"]
        assert posted(owner, all="1", q="user:bob or -user:bob") == ["alices"]
        assert "Export 1 session" in owner.client.post(URL, {"pick": picks}).text

    def test_is_named(self, owner: Person) -> None:
        make_session(session_id="alices", title="<b>Mine")
        make_session(session_id="bobs", user_id="bob")
        page = owner.client.post("/sessions/selection/", {"all": "1"})
        assert "1 session is selected" in page.text and "&lt;b&gt;Mine" in page.text and "bobs" not in page.text
        data = owner.client.post("/sessions/selection/?format=json", {"pick": ["lab/alices", "lab/bobs"]}).json()
        assert data == {
            "count": 1,
            "sessions": [{"source": "lab", "session_id": "alices", "url": "/sessions/lab/alices/"}],
        }
        assert (
            owner.client.post("/sessions/selection/", {"pick": ["", "/", "lab", "lab/\0", "\0/x"]}).status_code == 200
        )
        assert owner.client.get("/sessions/selection/").status_code == 405


class TestRights:
    def test_each_gets_their_own(self, owner: Person, stranger: Person, viewer: Person, client: Any) -> None:
        make_session(session_id="alices")
        make_session(session_id="bobs", user_id="bob")
        assert ids(owner) == ["alices"] and ids(stranger) == [] and ids(viewer) == ["alices", "bobs"]
        assert client.get(URL, {"format": "csv"}).status_code == 302

    @pytest.mark.parametrize("loss", ["role", "account", "session"])
    def test_taken_away_cuts_it_short(self, viewer: Person, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
        monkeypatch.setattr(streaming, "BATCH", 5)
        for _ in range(20):
            make_session()
        response: Any = viewer.client.get(URL, {"format": "jsonl"})
        lose: dict[str, Callable[[], object]] = {
            "role": viewer.user.groups.clear,
            "account": lambda: type(viewer.user).objects.filter(pk=viewer.user.pk).update(is_active=False),
            "session": viewer.client.session.flush,
        }

        async def read() -> int:
            parts = 0
            async for _ in response:
                parts += 1
                if parts == 2:
                    await in_thread(lose[loss])
            return parts

        with pytest.raises(ExportCut):
            async_to_sync(read)()

    def test_bound_meanwhile_sees_less(self, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        from agentos.access.models import Binding

        monkeypatch.setattr(streaming, "BATCH", 5)
        for number in range(20):
            make_session(user_id="alice" if number < 10 else "bob")
        response: Any = viewer.client.get(URL, {"format": "jsonl"})

        async def read() -> list[str]:
            users = []
            async for part in response:
                users += [json.loads(line)["user_id"] for line in part.decode().splitlines()]
                if len(users) == 5:
                    await in_thread(lambda: Binding.objects.create(user=viewer.user, agno_user_id="alice"))
            return users

        assert async_to_sync(read)() == ["alice"] * 10


def test_stops_when_the_client_is_gone(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH", 5)
    for _ in range(50):
        make_session()
    request = RequestFactory().get(URL)
    request.user, request.session = viewer.user, viewer.client.session

    async def read_two() -> None:
        stream = export_stream(
            request, lambda user: CatalogSession.objects.visible_to(user), FORMATS["csv"], ("title",)
        )
        await anext(stream)
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0)

    with CaptureQueriesContext(connection) as asked:
        async_to_sync(read_two)()
    assert len([query for query in asked if '"catalog_catalogsession"."title"' in query["sql"]]) == 1


@pytest.mark.sqlite_only
def test_memory_does_not_grow_with_the_rows(viewer: Person) -> None:
    row = make_session(title="t" * 250, preview="p" * 190)
    columns = [field.column for field in CatalogSession._meta.fields if field.column not in ("id", "session_key")]
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
            f"INSERT INTO catalog_catalogsession (session_key, {names}) "
            f"SELECT 'key-' || i, {names} FROM catalog_catalogsession, n WHERE id = %s",
            [row.pk],
        )
    response: Any = viewer.client.get(URL, {"format": "csv"})
    tracemalloc.start()

    async def read() -> int:
        size = 0
        async for part in response:
            size += len(part)
        return size

    try:
        size: int = async_to_sync(read)()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 50_000_000 and peak < 30_000_000


@pytest.mark.parametrize(
    "query",
    [
        {"format": "xlsx"}, {"format": "csv", "q": "tokens:many"}, {"q": '"'}, {"format": "\x00"},
        {"format": "jsonl", "q": "(" * 50},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(viewer: Person, query: dict[str, str]) -> None:
    response = viewer.client.get(URL, query)
    assert response.status_code == 400 and 'role="alert"' in response.text
    assert viewer.client.put(URL).status_code == 405


def take_export_away(role: str) -> None:
    Group.objects.get(name=role).permissions.remove(Permission.objects.get(codename=Right.EXPORT))


def test_a_role_without_the_right_has_no_buttons_and_no_files(viewer: Person, teammate: Person) -> None:
    row = make_session(title="Kept here")
    of_one = f"/sessions/{row.source}/{row.quoted_id}/export/"
    assert URL in viewer.client.get("/sessions/").text
    take_export_away("viewer")
    page = viewer.client.get("/sessions/").text
    assert "Kept here" in page and URL not in page
    for address in (URL, f"{URL}?format=csv", f"{URL}?format=json", of_one, f"{of_one}?format=json"):
        answer = viewer.client.get(address)
        assert answer.status_code == 403 and "does not let you export sessions" in answer.text, address
        assert "Kept here" not in answer.text
    assert viewer.client.post(URL, {"format": "csv", "all": "1"}).status_code == 403
    assert viewer.client.get("/sessions/", {"format": "json"}).json()["sessions"]  # a page as data is no file
    assert ids(teammate) == [row.session_id]


def test_ends_when_the_right_is_taken_away_meanwhile(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BATCH", 2)
    for _ in range(5):
        make_session()
    response: Any = viewer.client.get(URL, {"format": "jsonl"})
    take_export_away("viewer")
    with pytest.raises(ExportCut):
        async_to_sync(whole)(response)
