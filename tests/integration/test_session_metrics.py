"""The tab of metrics: sums that are those of the runs, costs, why Agno's own totals differ, at any size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.keys import clean
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.pricing import reprice
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.prices import service
from sessions_ui.presenters import metric_reasons
from sessions_ui.presenters.session_metrics import BARS, session_metrics
from tests.conftest import SQLITE_FILES, Person
from tests.factories import make_session
from tests.integration.test_session_page import ATTACKS, attack_everywhere, url

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
ROW = {"model": "fake-*", "input": "1", "output": "2", "cached": "0.5", "cached_inside": "yes"}


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def tab(person: Person, session_id: str) -> str:
    headers = {"HX-Request": "true", "HX-Target": "inspector"}
    response = person.client.get(url(session_id), {"tab": "metrics"}, headers=headers)
    assert response.status_code == 200
    return str(response.content.decode())


def data(person: Person, session_id: str) -> Any:
    return person.client.get(url(session_id), {"tab": "metrics", "format": "json"}).json()["metrics"]


@pytest.mark.parametrize("name", SQLITE_FILES)
def test_sums_are_those_of_the_corpus(
    name: str, sources: Open, corpus_file: Callable[[str], Path], manifest: dict[str, Any], viewer: Person
) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file(name)}")
    refresh_source(source)
    expected = {one["session_id"]: one["run_tokens_sum"] for one in manifest[name]["sessions"]}
    reader = Reader(source)
    for row in CatalogSession.objects.all():
        session = reader.session(row.session_id)
        assert session is not None
        metrics = session_metrics(row, session)
        if row.session_id in expected:
            assert (metrics.whole.input or 0, metrics.whole.output or 0) == (
                expected[row.session_id]["input_tokens"], expected[row.session_id]["output_tokens"],
            )  # fmt: skip
        for parts in (metrics.roles, metrics.models):
            assert sum(part.tokens or 0 for part in parts) == (metrics.whole.tokens or 0)
        stored = session.session_metrics
        same = stored is not None and stored.tokens == metrics.whole.tokens
        assert bool(metrics.reasons) != (same or not metrics.whole.tokens), row.session_id
        assert not any("nothing stored says why" in sentence for sentence in metrics.reasons), row.session_id


@pytest.mark.parametrize(
    ("session_id", "sentence"),
    [
        ("wf-chat", metric_reasons.FRONT), ("wf-everything", metric_reasons.OVERWRITTEN),
        ("wf-sequential", metric_reasons.INNER), ("team-nested-plain", metric_reasons.UNSTORED),
        ("hitl-answered", metric_reasons.PAUSES),
    ],
)  # fmt: skip
def test_why_agno_counted_otherwise(lab: Path, viewer: Person, session_id: str, sentence: str) -> None:
    found = data(viewer, session_id)["reasons"]
    assert any(sentence[1:] in one for one in found), found
    html = tab(viewer, session_id)
    assert sentence[1:].replace("'", "&#x27;") in html and "differs" in html


def test_costs_are_marked_as_computed_and_unknown_is_unknown(lab: Path, viewer: Person, admin: Person) -> None:
    run = CatalogRun.objects.filter(depth=0, kind="agent", total_tokens__gt=0).select_related("session").first()
    assert run is not None
    session_id = run.session.session_id
    html = tab(viewer, session_id)
    assert "no row for" in html and "$" not in html
    assert data(viewer, session_id)["total"]["cost"] is None
    service.save(admin.user, ROW)
    assert "Costs are being made anew" in tab(viewer, session_id)
    reprice(None)
    html, found = tab(viewer, session_id), data(viewer, session_id)
    assert "computed" in html and "$" in html and "being made" not in html
    assert found["total"]["cost"] == pytest.approx(found["total"]["computed_cost"]) and found["total"]["cost"] > 0
    assert sum(one["cost"] or 0 for one in found["by_model"]) == pytest.approx(found["total"]["cost"])
    page = viewer.client.get(f"{url(session_id)}runs/{run.quoted_id}/").content.decode()
    assert "computed" in page and "Throughput" in page
    told = viewer.client.get(f"{url(session_id)}runs/{run.quoted_id}/", {"format": "json"}).json()
    assert told["computed_cost"] > 0 and told["usage"][0]["role"] == "model"
    assert "≈$" in viewer.client.get("/sessions/").content.decode()


def test_a_long_session_costs_what_a_short_one_does(viewer: Person, sources: Open, tmp_path: Path) -> None:
    row = make_session(session_id="long", run_count=2_000, forest_run_count=2_000)
    usage = [["model", "OpenAI", f"m{at}", 100, 20, 0, 0, 0, 0, 0, None] for at in range(3)]
    CatalogRun.objects.bulk_create(
        CatalogRun(session=row, ordinal=at, root_ordinal=at, position=at, kind="agent", run_id=str(at), usage=usage,
                   status="COMPLETED", duration=2.0, first_token=0.25, created_at=1_790_000_000 + at)
        for at in range(2_000)
    )  # fmt: skip
    from agentos.records import Session

    with CaptureQueriesContext(connection) as asked:
        metrics = session_metrics(row, Session.from_dict({}))
    assert len(asked) <= 5, [query["sql"] for query in asked.captured_queries]
    assert not any("preview" in query["sql"] for query in asked.captured_queries)
    assert metrics.whole.tokens == 2_000 * 360 and len(metrics.bars) <= BARS and len(metrics.models) == 3
    assert metrics.first_token is not None and metrics.first_token.middle == 0.25
    assert metrics.speed is not None and metrics.speed.most == 30.0 and metrics.whole.unknown == 2_000


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_is_text(lab: Path, viewer: Person, attack: str) -> None:
    attack_everywhere(lab, attack)
    refresh_source(get_source("lab"))
    row = CatalogSession.objects.get(session_id="attacked")
    run = row.runs.get()
    name = clean(attack)  # PostgreSQL keeps no NUL, and what reads the source lets none through
    run.usage = [[name, name, name, 5, 5, 0, 0, 0, 0, 0, None]]
    run.save()
    html = tab(viewer, "attacked")
    for raw in ("<script>", "<img src=x", "<svg onload", "<a hx-get", 'src="https://evil', 'href="javascript:'):
        assert raw not in html
    odd: list[Any] = ["x", {"a": 1}, [1, None, []], None]
    for nonsense in odd:
        CatalogRun.objects.filter(pk=run.pk).update(usage=nonsense)
        assert "Beside what Agno keeps" in tab(viewer, "attacked")


class TestOwnership:
    def test_a_stranger_sees_nothing(self, lab: Path, owner: Person, stranger: Person) -> None:
        row = CatalogSession.objects.filter(user_id="alice@example.com").first()
        assert row is not None
        assert owner.client.get(url(row.session_id), {"tab": "metrics"}).status_code == 200
        assert stranger.client.get(url(row.session_id), {"tab": "metrics"}).status_code == 404
