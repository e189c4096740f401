"""Exporting and importing in the browser: who may, what arrives, and what is refused."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from agentos.access.roles import Right, Role, give_role
from agentos.audit.models import Entry
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.transfer.formats import formats
from agentos.transfer.options import Options
from sessions_ui import uploads
from sessions_ui.permissions import SESSION_NOT_FOUND
from tests.conftest import Person

pytestmark = pytest.mark.django_db
FORMS = ("json", "markdown", "html", "jsonl")


def whole(response: Any) -> bytes:
    """The body of a streamed answer."""

    async def read() -> bytes:
        return b"".join([part async for part in response])

    body: bytes = async_to_sync(read)()
    return body


@pytest.fixture
def session(lab: Source) -> CatalogSession:
    """One of Alice's sessions."""
    return CatalogSession.objects.get(source="lab", session_id="tools-trouble-01")


def address(row: CatalogSession) -> str:
    return f"/sessions/{row.source}/{row.quoted_id}/export/"


def download(person: Person, row: CatalogSession, form: str = "json", **query: str) -> bytes:
    response = person.client.get(address(row), {"format": form, **query})
    assert response.status_code == 200, response.text
    return whole(response)


def upload(person: Person, data: bytes, source: str = "fresh", session_id: str = "") -> Any:
    fields = {"file": BytesIO(data), "source": source, "session_id": session_id}
    return person.client.post("/import/", fields)


def confirm(person: Person, page: Any, masked: str = "1") -> Any:
    """Press the button; most of the cast export masked copies, which the box says may be imported."""
    return person.client.post("/import/", {"token": page.context["token"], "masked": masked})


def test_a_masked_copy_is_imported_only_when_that_is_said(teammate: Person, lab: Source) -> None:
    row = CatalogSession.objects.get(source="lab", session_id="tools-trouble-01")
    file = download(teammate, row)
    assert json.loads(file)["masked"] is True
    page = upload(teammate, file)
    assert "exported masked" in page.text and 'name="masked" value="1" required' in page.text
    refused = confirm(teammate, page, masked="")
    assert refused.status_code == 400 and "exported masked" in refused.text
    assert Reader(get_source("fresh")).session(row.session_id) is None
    assert confirm(teammate, upload(teammate, file)).status_code == 302
    assert Reader(get_source("fresh")).session(row.session_id) is not None
    [entry] = Entry.objects.filter(act="session.imported")
    assert json.loads(entry.details) == {"masked": True}


def test_an_exact_copy_is_not_asked_about(teammate: Person, lab: Source) -> None:
    exact = "".join(formats()["json"].write(lab, "tools-trouble-01", Options(secrets=True)))
    assert "masked" not in json.loads(exact)
    page = upload(teammate, exact.encode())
    assert 'name="masked"' not in page.text
    assert confirm(teammate, page, masked="").status_code == 302
    assert not Entry.objects.get(act="session.imported").details


class TestExport:
    @pytest.mark.parametrize("form", FORMS)
    def test_cast(
        self, session: CatalogSession, form: str, owner: Person, stranger: Person, teammate: Person, admin: Person,
        client: Client,
    ) -> None:  # fmt: skip
        session_of_alice = CatalogSession.objects.filter(source="lab", user_id="alice@example.com").first()
        assert session_of_alice is not None
        assert len({download(person, session_of_alice, form)[-200:] for person in (owner, teammate, admin)}) == 1
        refused = stranger.client.get(address(session_of_alice), {"format": form})
        missing = stranger.client.get("/sessions/lab/no-such-session/export/", {"format": form})
        assert refused.status_code == missing.status_code == 404
        assert SESSION_NOT_FOUND in refused.text and SESSION_NOT_FOUND in missing.text
        assert client.get(address(session_of_alice), {"format": form}).status_code in (302, 401)

    @pytest.mark.parametrize("form", FORMS)
    def test_headers(self, session: CatalogSession, form: str, viewer: Person) -> None:
        response = viewer.client.get(address(session), {"format": form})
        assert response["Content-Disposition"].startswith('attachment; filename="session-tools-trouble-01.')
        assert "no-store" in response["Cache-Control"] and response["X-Content-Type-Options"] == "nosniff"
        assert whole(response)

    def test_rights_taken_away_cut_it_short(self, session: CatalogSession, viewer: Person) -> None:
        from sessions_ui.streaming.export import ExportCut

        response = viewer.client.get(address(session), {"format": "json"})
        viewer.user.groups.clear()
        with pytest.raises(ExportCut):
            whole(response)

    def test_the_right_to_export_taken_away_hides_it_and_cuts_it_short(
        self, session: CatalogSession, viewer: Person
    ) -> None:
        from sessions_ui.streaming.export import ExportCut

        response = viewer.client.get(address(session), {"format": "json"})
        Group.objects.get(name="viewer").permissions.remove(Permission.objects.get(codename=Right.EXPORT))
        with pytest.raises(ExportCut):
            whole(response)
        page = viewer.client.get(f"/sessions/lab/{session.quoted_id}/")
        assert page.status_code == 200 and address(session) not in page.text

    def test_asks_which(self, session: CatalogSession, viewer: Person) -> None:
        page = viewer.client.get(address(session))
        assert page.status_code == 200 and 'value="markdown"' in page.text
        assert address(session) in viewer.client.get(f"/sessions/lab/{session.quoted_id}/").text

    @pytest.mark.parametrize(
        "query",
        [
            {"format": "pdf"}, {"format": "jsonl", "for": "x"}, {"format": "jsonl", "history": "-1"},
            {"format": "jsonl", "history": "9" * 5000}, {"format": "jsonl", "history": "٣"}, {"format": "\0"},
        ],
    )  # fmt: skip
    def test_what_is_not_known_is_said(self, session: CatalogSession, viewer: Person, query: dict[str, str]) -> None:
        page = viewer.client.get(address(session), query)
        assert page.status_code == 400 and 'role="alert"' in page.text
        assert viewer.client.post(address(session)).status_code == 405

    @pytest.mark.parametrize("session_id", ["../../x", 'a"b\r\nSet-Cookie: x', "…", "x" * 3000, "\u202eevil", " "])
    def test_any_id_has_a_safe_file_name(self, lab: Source, viewer: Person, session_id: str) -> None:
        from agentos.db.writer import Writer
        from tests.integration.db.session_dbs import agent

        Writer(lab).create_session(agent(session_id))
        there = reverse("session_export", args=["lab", quote_id(session_id)])
        response = viewer.client.get(there, {"format": "markdown"})
        name = response["Content-Disposition"].partition('filename="')[2]
        assert name.endswith('.md"') and len(name) < 90 and not set(name[:-1]) & set('/\\"\r\n.') - {"."}
        assert name.count(".") == 1 and whole(response)


class TestImport:
    def test_there_and_back(self, session: CatalogSession, teammate: Person) -> None:
        document = download(teammate, session)
        page = upload(teammate, document)
        assert page.status_code == 200 and "tools-trouble-01" in page.text
        assert Reader(get_source("fresh")).stamp("tools-trouble-01") is None
        done = confirm(teammate, page)
        assert done.status_code == 302 and done.url == "/sessions/fresh/tools-trouble-01/"
        stored = CatalogSession.objects.get(source="fresh")
        again = json.loads(download(teammate, stored))
        first = json.loads(document)
        assert again["session"] == first["session"] and again["runs"] == first["runs"]
        assert not list((Path(uploads._folder())).glob("*.json"))
        assert confirm(teammate, page).status_code == 400

    def test_under_another_id_in_the_same_source(self, session: CatalogSession, teammate: Person) -> None:
        document = download(teammate, session)
        taken = upload(teammate, document, "lab")
        assert "already" in taken.text and "token" not in taken.context["found"].problems
        assert 'name="token"' not in taken.text
        page = upload(teammate, document, "lab", "copy of it")
        assert "new ones" in page.text and confirm(teammate, page).status_code == 302
        copies = list(Reader(get_source("lab")).iter_runs("copy of it"))
        originals = list(Reader(get_source("lab")).iter_runs("tools-trouble-01"))
        assert len(copies) == len(originals) > 0
        assert {run.session_id for run in copies} == {"copy of it"}  # type: ignore[union-attr]  # no BadRun
        assert not {run.run_id for run in copies} & {run.run_id for run in originals}  # type: ignore[union-attr]  # no BadRun

    def test_taken_between_preview_and_confirmation(self, session: CatalogSession, teammate: Person) -> None:
        page = upload(teammate, download(teammate, session))
        assert confirm(teammate, page).status_code == 302
        again = upload(teammate, download(teammate, session), session_id="other")
        from agentos.db.writer import Writer
        from tests.integration.db.session_dbs import agent

        Writer(get_source("fresh")).create_session(agent("other"))
        refused = confirm(teammate, again)
        assert refused.status_code == 400 and "already" in refused.text

    def test_who_may(
        self, session: CatalogSession, viewer: Person, owner: Person, stranger: Person, teammate: Person, client: Client
    ) -> None:
        document = download(teammate, session)
        for reader in (viewer, owner):
            assert reader.client.get("/import/").status_code == 403
            assert upload(reader, document).status_code == 403
        assert upload(stranger, document).status_code == 403  # an operator, but of mallory's sessions alone
        assert client.get("/import/").status_code == 302
        assert teammate.client.get("/import/").status_code == 200
        assert Reader(get_source("fresh")).stamps() == []

    def test_a_bound_operator_imports_their_own(self, lab: Source, session: CatalogSession, owner: Person) -> None:
        give_role(owner.user, Role.OPERATOR)
        row = CatalogSession.objects.filter(source="lab", user_id="alice@example.com", run_count=1).first()
        assert row is not None
        assert confirm(owner, upload(owner, download(owner, row))).status_code == 302

    def test_anothers_confirmation_is_nothing(self, session: CatalogSession, teammate: Person, admin: Person) -> None:
        page = upload(teammate, download(teammate, session))
        assert confirm(admin, page).status_code == 400
        forged = teammate.client.post("/import/", {"token": page.context["token"] + "x"})
        assert forged.status_code == 400 and confirm(teammate, page).status_code == 302

    def test_a_role_lost_meanwhile(self, session: CatalogSession, teammate: Person) -> None:
        page = upload(teammate, download(teammate, session))
        User.objects.get(pk=teammate.user.pk).groups.clear()
        assert confirm(teammate, page).status_code == 403

    def test_other_sites_cannot_ask(self, session: CatalogSession, teammate: Person) -> None:
        document = download(teammate, session)
        client = Client(enforce_csrf_checks=True)
        client.force_login(teammate.user)
        fields: dict[str, Any] = {"file": BytesIO(document), "source": "fresh"}
        assert client.post("/import/", fields).status_code == 403

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "no JSON object"), (b"\xff\xfe\x00", "UTF-8"), (b"[]", "no JSON object"), (b"{}", "no session"),
            (b'{"format": "other"}', "no session"), (b'{"format": "agentos-session", "version": 2}', "version"),
            (b'{"format": "agentos-session", "version": 1, "runs": [', "cannot be read"),
            (b'{"a": ' + b"[" * 100_000, "too deeply"), (b'{"a": NaN}', "cannot be read"),
            (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read"), (b'{"a": 1, "a": 2}', "twice"),
            (b'{"format": "agentos-session", "version": 1, "runs": [], "session": 3}', "no session"),
        ],
    )  # fmt: skip
    def test_what_is_no_session(self, lab: Source, teammate: Person, data: bytes, said: str) -> None:
        page = upload(teammate, data)
        assert page.status_code == 400 and said in page.text and "Nothing was imported" in page.text

    def test_neither_file_nor_source(self, lab: Source, teammate: Person) -> None:
        assert teammate.client.post("/import/", {"source": "fresh"}).status_code == 400
        for source in ("nowhere", "", "\0"):
            assert upload(teammate, b"{}", source).status_code == 400
        assert upload(teammate, b"{}", "frozen").status_code == 403
        assert upload(teammate, b"{}", session_id="x" * 20_000).status_code == 400

    def test_too_large(self, lab: Source, teammate: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploads, "LIMIT", 1_000)
        page = upload(teammate, b"x" * 300_000)
        assert page.status_code == 413 and not list(Path(uploads._folder()).glob("*"))
        assert "larger" in upload(teammate, b"x" * 2_000).text
