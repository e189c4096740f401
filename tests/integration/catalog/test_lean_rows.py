"""Rows of a list are what Django would make of them; counts of long lists are kept for a while."""

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from agentos.catalog import facets
from agentos.catalog.facets import counts
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from sessions_ui.presenters.columns import COLUMNS
from sessions_ui.rendering.list_rows import drawn_rows, fields_of

pytestmark = pytest.mark.django_db
ODD = "half \ud800 and \0"


@pytest.fixture
def rows() -> None:
    for number in range(5):
        CatalogSession.objects.create(
            source="lab", session_id=f"{number}{ODD}", session_key=index_key(f"{number}{ODD}"), session_type="agent",
            last_status="ERROR" if number else "COMPLETED", updated_at=1_790_000_000 + number, error_count=number,
            has_summary=bool(number % 2), run_strip=[["ERROR", number], ["COMPLETED", None]], tags=["vip"], cost=0.5,
            user_id=ODD, user_key=index_key(ODD), title="Titled",
        )  # fmt: skip


def asked(text: str) -> ListQuery:
    return ListQuery.from_url(QueryDict(text))


@pytest.mark.usefixtures("rows")
class TestLeanRows:
    def test_are_as_django_makes_them(self) -> None:
        lean, usual = CatalogSession.objects.all().page().rows, list(CatalogSession.objects.order_by("-updated_at"))
        assert lean == usual
        assert [model_to_dict(row) for row in lean] == [model_to_dict(row) for row in usual]
        assert lean[0].session_id == f"4{ODD}" and lean[0].run_strip == [["ERROR", 4], ["COMPLETED", None]]

    def test_can_be_saved(self) -> None:
        row = CatalogSession.objects.all().page().rows[0]
        row.title = "Changed"
        row.save()
        assert CatalogSession.objects.get(pk=row.pk).title == "Changed"
        assert CatalogSession.objects.get(pk=row.pk).mark == row.mark

    @pytest.mark.parametrize("sort", ["-updated", "-cost", "title", "size"])
    def test_what_is_drawn_is_all_that_is_read(self, sort: str) -> None:
        columns = tuple(COLUMNS)
        with CaptureQueriesContext(connection) as taken:
            page = CatalogSession.objects.all().page(sort, None, 3, only=fields_of(columns))
            drawn_rows(page.rows, columns, "/sessions/")
        assert len(taken) == 1


@pytest.mark.usefixtures("rows")
class TestKeptCounts:
    @pytest.fixture(autouse=True)
    def few_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(facets, "CAP", 2)

    def test_serve_the_next_page(self) -> None:
        first = counts(CatalogSession.objects.all(), asked("q=status:error"))
        assert first.over == 2 and first.made_at
        with CaptureQueriesContext(connection) as taken:
            assert counts(CatalogSession.objects.all(), asked("q=status:error")) is first
        assert not taken

    def test_are_of_one_query(self) -> None:
        counts(CatalogSession.objects.all(), asked("q=status:error"))
        assert counts(CatalogSession.objects.all(), asked("q=user:nobody")).sessions == 0

    def test_are_made_anew_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = counts(CatalogSession.objects.all(), asked("q=status:error"))
        monkeypatch.setattr(facets, "KEPT_SECONDS", 0)
        assert counts(CatalogSession.objects.all(), asked("q=status:error")) is not first

    def test_of_short_lists_are_never_kept(self) -> None:
        query = asked("q=status:completed")
        assert counts(CatalogSession.objects.all(), query).made_at == 0
        CatalogSession.objects.update(last_status="COMPLETED", error_count=0)
        assert counts(CatalogSession.objects.all(), query).over == 2
