"""Which sources there are is told to nobody whose scope names another one."""

from pathlib import Path
from typing import Any

import pytest

from agentos.access.models import Grant
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source
from tests.conftest import Person

pytestmark = pytest.mark.django_db
PAGES = ("/sessions/", "/search/", "/overview/", "/users/", "/health/", "/views/")


@pytest.fixture
def two(sources: Any, corpus_file: Any, tmp_path: Path) -> None:
    sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}, zqaway=sqlite:///{tmp_path / 'missing' / 'agno.db'}")
    for name in ("lab", "zqaway"):
        refresh_source(get_source(name), budget=None)


@pytest.mark.parametrize("path", PAGES)
def test_a_scope_of_one_source_names_no_other(two: None, teammate: Person, path: str) -> None:
    assert "zqaway" in teammate.client.get(path).text
    Grant.objects.create(user=teammate.user, kind="source", value="lab")
    html = teammate.client.get(path).text
    assert "zqaway" not in html and ">lab<" in html.replace("\n", "").replace(" ", "")
    assert "zqaway" not in teammate.client.get(path, headers={"Accept": "application/json"}).text


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_nothing_reads_no_name(two: None, teammate: Person, path: str) -> None:
    teammate.user.groups.clear()
    assert "zqaway" not in teammate.client.get(path).text


def test_every_page_refuses_to_be_framed(two: None, teammate: Person) -> None:
    """Attack 17, on pages, refusals and what is not there alike."""
    for path in (*PAGES, "/sign-in/", "/audit/", "/people/", "/no-such-page/", "/sessions/lab/no-such/"):
        answer = teammate.client.get(path)
        assert answer.headers["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path


def test_where_htmx_is_sent_stays_here(two: None) -> None:
    """Attack 18: the address that the browser says it shows is not ours to trust."""
    from django.test import Client

    for shown in ("https://evil.example/a", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = Client().get("/sessions/", headers={"HX-Request": "true", "HX-Current-URL": shown})
        assert answer.headers["HX-Redirect"].startswith("/sign-in/?next="), shown
        assert "evil.example" not in answer.headers["HX-Redirect"] or "next=/" in answer.headers["HX-Redirect"]
