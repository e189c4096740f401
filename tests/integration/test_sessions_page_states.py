"""What the list of sessions says when there is little, nothing or something odd to show."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.catalog.models import SourceState
from agentos.catalog.sync import SyncReport
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db


def html_of(person: Person, **query: Any) -> str:
    response = person.client.get("/sessions/", query)
    assert response.status_code == 200
    return response.text


class TestNothingMatches:
    def test_each_filter_says_what_dropping_it_would_give(self, viewer: Person) -> None:
        for _ in range(3):
            make_session(user_id="bob")
        make_session(last_status="ERROR")
        html = html_of(viewer, user="bob", status="ERROR")
        assert "No session matches both filters" in html
        assert re.search(r"user: .*?bob.*?without it, .*?>1 session<", html, re.S)
        assert re.search(r"status: .*?error.*?without it, .*?>3 sessions<", html, re.S)

    def test_what_is_chosen_stays_in_its_facet(self, viewer: Person) -> None:
        make_session()
        html = html_of(viewer, user="nobody", status="PAUSED")
        assert re.search(r'name="user" value="nobody" checked', html)
        assert re.search(r'name="status" value="PAUSED" checked', html)

    def test_counts_ask_a_bounded_number_of_times(self, viewer: Person) -> None:
        make_session()
        with CaptureQueriesContext(connection) as asked:
            html_of(viewer, user=[f"user-{at}" for at in range(40)])
        assert len(asked) <= 20

    def test_a_bound_user_counts_only_their_own(self, owner: Person) -> None:
        make_session(user_id="bob", last_status="ERROR")
        make_session()
        html = html_of(owner, status="ERROR")
        assert re.search(r"without it, .*?>1 session<", html, re.S)


class TestNothingThere:
    def test_an_account_without_a_role_is_told_so(self, viewer: Person) -> None:
        make_session()
        viewer.user.groups.clear()
        assert "Your account has no role" in html_of(viewer)

    def test_a_page_that_lies_behind_the_end(self, viewer: Person) -> None:
        row = make_session()
        for number in range(60):
            make_session(updated_at=1_700_000_000 + number)
        after = viewer.client.get("/sessions/", {"format": "json"}).json()["next"]
        type(row).objects.filter(updated_at__lt=1_800_000_000).delete()
        assert "Nothing further" in html_of(viewer, after=after)

    def test_sources_that_do_not_answer(self, viewer: Person, sources: Any) -> None:
        sources("gone=sqlite:////nowhere/agno.db")
        html = html_of(viewer)
        assert "No sessions can be shown" in html
        assert "1 not answering" not in html and "not answering" in html
        assert SourceState.objects.get(source="gone").problem in html

    def test_a_setting_that_cannot_be_read(self, viewer: Person, settings: Any) -> None:
        settings.AGENTOS_SOURCES = "lab=oracle://nowhere"
        assert "is no database this program reads" in html_of(viewer)


class TestFreshness:
    """The page says how old what it shows is, and what is not there yet."""

    @pytest.fixture(autouse=True)
    def nobody_looks(self, sources: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        sources("lab=sqlite:////nowhere/agno.db, other=sqlite:////nowhere/other.db")
        monkeypatch.setattr("agentos.catalog.keeping.refresh_source", lambda *_, **__: SyncReport(done=True))

    def test_a_catalog_in_step_says_its_age(self, viewer: Person) -> None:
        make_session()
        for source, seconds in (("lab", 4), ("other", 150)):
            moment = timezone.now() - timedelta(seconds=seconds)
            SourceState.objects.create(source=source, checked_at=moment, full_pass_at=moment)
        html = re.sub(r"</?(time|bdi)[^>]*>|<span class=.stored.>|\xa0", " ", html_of(viewer))
        words = " ".join(re.sub(r"<[^>]*>", " ", html).split())
        assert "Index of lab 4 s old" in words and "Index of other 2 min old" in words

    def test_a_catalog_that_is_being_made_says_how_far_it_is(self, viewer: Person) -> None:
        SourceState.objects.create(
            source="lab", checked_at=timezone.now(), indexed_count=12_000, session_count=200_000, rate=1_000
        )
        SourceState.objects.create(source="other", checked_at=timezone.now())
        html = html_of(viewer)
        assert "is behind: indexed 12,000 of 200,000, about 3 min left." in html
        assert "is behind: indexed 0 of an unknown number." in html

    def test_a_source_that_cannot_be_read_says_since_when(self, viewer: Person, settings: Any) -> None:
        settings.TIME_ZONE = "UTC"
        today = timezone.now().replace(hour=0, minute=2)
        for source, since in (("lab", today), ("other", today - timedelta(days=400))):
            SourceState.objects.create(
                source=source,
                checked_at=timezone.now(),
                indexed_count=3,
                problem="It <b> is gone.",
                failing_since=since,
            )
        html = html_of(viewer)
        assert "cannot be read since 00:02: It &lt;b&gt; is gone. Shown is what was last read." in html
        assert re.search(r"cannot be read since \d+ \w+ \d{4}, 00:02: It", html)

    def test_the_moment_is_that_of_the_first_failure(self, viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        html_of(viewer)
        first = SourceState.objects.get(source="lab").failing_since
        SourceState.objects.update(checked_at=None)
        html_of(viewer)
        assert first is not None and SourceState.objects.get(source="lab").failing_since == first


class TestOddRows:
    HOSTILE = "<script>alert(1)</script>\"'>{{ 1234567*7 }}"

    def test_stored_text_is_text_everywhere(self, viewer: Person) -> None:
        names = ("title", "preview", "component_name", "component_id", "user_id", "last_status", "problem")
        texts = dict.fromkeys(names, self.HOSTILE) | {"last_status": self.HOSTILE[:40]}  # as long as the column
        make_session(**texts, session_id=self.HOSTILE, session_type="<script>")
        html = html_of(viewer, user=self.HOSTILE, q="script")
        assert "<script>alert" not in html and "8641969" not in re.sub(r"<svg.*?</svg>", "", html, flags=re.S)
        assert "&lt;script&gt;alert(1)" in html

    def test_ids_that_no_database_stores_are_shown_and_linked(self, viewer: Person) -> None:
        make_session(session_id="half \ud83d\0", user_id="\udc00 user", component_id="\ud800", component_name=None)
        html = html_of(viewer)
        link = re.search(r'<a href="(/sessions/lab/[^"]*)" data-row', html)
        assert link is not None
        assert viewer.client.get(link[1]).status_code == 503  # found, but its source is not configured
        assert viewer.client.get("/sessions/", {"format": "json"}).json()["sessions"][0]["user_id"] == "\udc00 user"

    def test_unknown_is_a_word_and_zero_a_number(self, viewer: Person) -> None:
        make_session(title="", user_id=None, component_id=None, component_name=None, total_tokens=None, updated_at=0)
        html = html_of(viewer)
        assert "Untitled session" in html and ">no user<" in html
        assert html.count(">unknown<") >= 4
        assert '<span class="zero">0</span>' in html

    def test_numbers_at_the_end_of_their_range(self, viewer: Person) -> None:
        top = 2**63 - 1
        make_session(updated_at=top, created_at=-top, total_tokens=top, cost=1e300, duration=1e300)
        make_session()
        html_of(viewer)
        assert viewer.client.get("/sessions/", {"format": "json"}).status_code == 200


class TestUrls:
    def test_the_fragment_names_the_one_url_of_its_state(self, viewer: Person) -> None:
        make_session()
        response = viewer.client.get(
            "/sessions/",
            {"q": "", "since": "", "sort": "-updated", "type": "agent", "junk": "1"},
            headers={"HX-Request": "true", "HX-Target": "list"},
        )
        assert response.headers["HX-Push-Url"] == "/sessions/?q=type%3Aagent"

    def test_going_back_asks_for_the_whole_page(self, viewer: Person) -> None:
        headers = {"HX-Request": "true", "HX-Target": "list", "HX-History-Restore-Request": "true"}
        assert "<html" in viewer.client.get("/sessions/", headers=headers).text

    def test_removing_a_chip_keeps_the_rest(self, viewer: Person) -> None:
        make_session()
        html = html_of(viewer, type="agent", user=["alice@example.com", "bob"], sort="-tokens", since="7d")
        link = re.search(r'<a href="([^"]*)" aria-label="Remove the filter user bob"', html)
        assert link is not None
        assert link[1].replace("&amp;", "&") == "?q=type%3Aagent+user%3Aalice%40example.com+updated%3A7d&sort=-tokens"

    def test_the_theme_is_rendered_by_the_server(self, viewer: Person) -> None:
        viewer.client.cookies["theme"] = "dark"
        assert '<html lang="en" data-theme="dark">' in html_of(viewer)
        viewer.client.cookies["theme"] = '"><script>'
        assert '<html lang="en">' in html_of(viewer)


class TestQuery:
    """One state for box, chips, facets and times; and a mistake loses nothing."""

    def test_chips_box_and_controls_share_the_query(self, viewer: Person) -> None:
        make_session(title="cats", tool_calls_by_name={"feed": 1})
        html = html_of(viewer, q="cats tool:feed -user:bob type:agent updated:30d or type:team")
        assert 'name="q" value="(type:agent' not in html
        html = html_of(viewer, q="cats tool:feed -user:bob type:agent")
        assert '<input type="hidden" name="q" value="-user:bob">' in html
        assert re.search(r'id="query" name="q" value="cats"', html)
        assert re.search(r'name="type" value="agent" checked', html)
        assert 'aria-label="Remove the filter not user bob"' in html and ">not</span>" in html
        assert 'aria-label="Remove the filter type agent"' in html
        assert html.count("data-row") == 1

    def test_what_the_form_sends_is_one_query(self, viewer: Person) -> None:
        make_session(title="cats")
        form = {"q": ["tool:feed", "cats"], "type": ["agent", "team"], "user": "", "since": "7d", "from": "", "to": ""}
        response = viewer.client.get("/sessions/", form, headers={"HX-Request": "true", "HX-Target": "list"})
        pushed = response.headers["HX-Push-Url"]
        assert pushed == "/sessions/?q=%28type%3Aagent+or+type%3Ateam%29+tool%3Afeed+updated%3A7d+cats"
        again = viewer.client.get(pushed, headers={"HX-Request": "true", "HX-Target": "list"})
        assert again.headers["HX-Push-Url"] == pushed

    def test_an_agent_chosen_by_name_is_chosen_in_its_facet(self, viewer: Person) -> None:
        make_session()
        html = html_of(viewer, q='agent:"Trip Planner"')
        assert re.search(r'name="agent" value="Trip Planner" checked>', html)
        assert 'name="agent" value="trip-planner"' not in html

    def test_a_mistake_is_marked_and_nothing_is_lost(self, viewer: Person) -> None:
        make_session()
        html = html_of(viewer, q=["tool:feed type:team", 'cats <b> user:"b'], since="7d")
        assert 'value="cats &lt;b&gt; user:&quot;b"' in html
        assert re.search(r"<mark>.*?&quot;b.*?</mark>", html) and "This quote is not closed." in html
        assert 'name="q" value="type:team tool:feed updated:7d"' in html
        assert "was not applied" in html and "data-row" not in html and "No session matches" not in html
        assert (
            'aria-invalid="true" aria-describedby="query-problem"' in html
            and "cats <b>" not in html
            and "0 sessions" not in html
        )
        assert '<option value="7d" selected' not in html
        pushed = viewer.client.get(
            "/sessions/", {"q": ["type:team", "user:"]}, headers={"HX-Request": "true", "HX-Target": "list"}
        ).headers["HX-Push-Url"]
        assert pushed == "/sessions/?q=type%3Ateam&q=user%3A"

    def test_programs_are_told_where_the_mistake_is(self, viewer: Person) -> None:
        make_session()
        answer = viewer.client.get("/sessions/", {"q": "cats user:a*b", "format": "json"})
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "A * stands for any text only at the end of a value. Put the value in quotes to mean a *.",
            "query": "cats user:a*b",
            "start": 11,
            "length": 1,
        }

    def test_it_takes_few_statements_and_no_payload(self, viewer: Person) -> None:
        make_session(title="cats", error_count=1)
        with CaptureQueriesContext(connection) as asked:
            html = html_of(viewer, q="cats -tool:x (model:a* or has:error) tokens:>1 after:2000-01-01 user:alice*")
        # Only inside of a transaction, as here and never in a request, the counts take their time limit back.
        sent = [one["sql"] for one in asked if one["sql"] != "SET LOCAL statement_timeout = DEFAULT"]
        assert html.count("data-row") == 1 and len(sent) <= 12
        assert not [sql for sql in sent if "DISTINCT" in sql]


def test_it_takes_as_many_statements_for_many_rows_as_for_one(viewer: Person) -> None:
    make_session()
    with CaptureQueriesContext(connection) as one:
        html_of(viewer)
    for _ in range(60):
        make_session()
    with CaptureQueriesContext(connection) as many:
        html_of(viewer)
    assert len(many) == len(one) <= 12
