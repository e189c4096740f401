"""The page of the price table: what stands on it, who changes it, and what it makes of hostile and bad input."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agentos.catalog import rollups
from agentos.catalog.models import CatalogRun
from agentos.prices import service
from agentos.prices.models import Price
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
URL = "/settings/prices/"
GOOD = {"act": "save", "model": "gpt-5*", "input": "1.25", "output": "10", "cached_inside": "yes"}
HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "</title><svg/onload=alert(1)>")


def html_of(person: Person, **query: str) -> str:
    response = person.client.get(URL, query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_begins_empty_and_says_why(admin: Person) -> None:
    html = html_of(admin)
    assert "The table begins empty" in html and "No price yet" in html and "Add price" in html


def test_a_row_is_added_changed_and_deleted(admin: Person) -> None:
    assert admin.client.post(URL, GOOD, follow=True).redirect_chain == [(URL, 302)]
    [price] = Price.objects.all()
    html = html_of(admin, edit=str(price.pk))
    assert 'value="gpt-5*"' in html and 'value="1.25"' in html and "Save price" in html
    assert html.count(">unknown<") == 5 and "always" in html
    admin.client.post(URL, {**GOOD, "price": str(price.pk), "output": "12.5", "valid_from": "2026-09-01"})
    html = html_of(admin)
    assert "12.5" in html and "2026-09-01" in html and "admin" in html
    page = admin.client.post(URL, {"act": "delete", "price": str(price.pk)}, follow=True).content.decode()
    assert "is deleted" in page and not Price.objects.exists()


def test_what_is_refused_keeps_what_was_typed(admin: Person) -> None:
    response = admin.client.post(URL, {**GOOD, "input": "one"})
    html = response.content.decode()
    assert (
        response.status_code == 422 and "no number: one" in html and 'value="one"' in html and 'value="gpt-5*"' in html
    )


def test_files_go_out_and_come_in(admin: Person) -> None:
    service.save(admin.user, GOOD)
    out = admin.client.get(URL, {"format": "csv"})
    assert out.headers["Content-Disposition"] == 'attachment; filename="prices.csv"'
    Price.objects.all().delete()
    page = admin.client.post(URL, {"act": "import", "file": SimpleUploadedFile("p.csv", out.content)}, follow=True)
    assert "1 prices are kept" in page.content.decode() and Price.objects.get().model == "gpt-5*"
    for bad in (b"", b"\xff\xfe", b"model,input\nx,y\n"):
        response = admin.client.post(URL, {"act": "import", "file": SimpleUploadedFile("p.csv", bad)})
        assert response.status_code == 422
    assert admin.client.post(URL, {"act": "import"}).status_code == 422


def test_it_is_data_too(admin: Person, viewer: Person) -> None:
    service.save(admin.user, GOOD)
    data = viewer.client.get(URL, {"format": "json"}).json()
    assert data["currency"] == "USD" and data["prices"][0]["input"] == 1.25 and data["prices"][0]["cached"] is None


def test_models_without_a_price_are_named_to_whom_they_may_be(admin: Person, owner: Person) -> None:
    session = make_session(model="needle-model", run_count=1, forest_run_count=1)
    CatalogRun.objects.create(
        session=session, ordinal=0, root_ordinal=0, position=0, kind="agent", run_id="r", model="needle-model",
        total_tokens=100, created_at=1_790_000_000, status="COMPLETED",
    )  # fmt: skip
    rollups.refresh(None)
    html = html_of(admin)
    assert "needle-model" in html and "?model=needle-model#price" in html
    assert "needle-model" not in html_of(owner)
    assert 'value="needle-model"' in html_of(admin, model="needle-model")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_text(admin: Person, hostile: str) -> None:
    service.save(admin.user, {**GOOD, "model": hostile, "provider": hostile})
    for html in (html_of(admin), html_of(admin, edit=str(Price.objects.get().pk)), html_of(admin, model=hostile)):
        for raw in ("<script>alert", "<img src=x", "<svg/onload", ">49<"):
            assert raw not in html
    assert hostile in admin.client.get(URL, {"format": "csv"}).content.decode().replace('""', '"')


@pytest.mark.parametrize(
    "post",
    [{}, {"act": "x"}, {"act": "save"}, {**GOOD, "price": "x"}, {**GOOD, "price": "9" * 30}, {"act": "delete"},
     {"act": "delete", "price": "77"}, {**GOOD, "model": "\0"}, {**GOOD, "valid_from": "x" * 5000}],
)  # fmt: skip
def test_bad_input_is_a_sentence_or_not_found(admin: Person, post: dict[str, str]) -> None:
    assert admin.client.post(URL, post).status_code in (404, 422)
    assert not Price.objects.exists()
    for query in ({"edit": "x"}, {"edit": "99999999999999999999"}, {"model": "\0" * 9}):
        assert admin.client.get(URL, query).status_code == 200


class TestOwnership:
    def test_others_read_and_do_not_change(
        self, admin: Person, viewer: Person, teammate: Person, owner: Person
    ) -> None:
        price = service.save(admin.user, GOOD)
        for person in (viewer, teammate, owner):
            html = html_of(person)
            assert "gpt-5*" in html and "Your role does not let you change prices" in html and "Add price" not in html
            for post in (GOOD, {"act": "delete", "price": str(price.pk)}, {"act": "import"}):
                assert person.client.post(URL, post).status_code == 403
        assert Price.objects.count() == 1

    def test_a_post_needs_its_token(self, admin: Person) -> None:
        from django.test import Client

        client = Client(enforce_csrf_checks=True)
        client.force_login(admin.user)
        assert client.post(URL, GOOD).status_code == 403 and not Price.objects.exists()

    def test_nobody_signed_in_is_sent_to_sign_in(self, client: Any) -> None:
        assert client.get(URL).status_code == 302
