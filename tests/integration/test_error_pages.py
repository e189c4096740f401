"""The pages that are answered instead of a page."""

import pytest
from django.template.loader import render_to_string
from django.test import Client

from tests.conftest import Person

pytestmark = pytest.mark.django_db


def test_an_unknown_address_is_a_sentence(viewer: Person) -> None:
    response = viewer.client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is no page at this address." in response.text


def test_an_unknown_address_as_data(viewer: Person) -> None:
    response = viewer.client.get("/nowhere/", headers={"Accept": "application/json"})
    assert (response.status_code, response.json()) == (404, {"error": "There is no page at this address."})


def test_the_view_s_own_sentence_is_shown(viewer: Person) -> None:
    response = viewer.client.get("/turns/6a3f9d52-51a6-4a53-9a01-7e4d9f0f3c11/")
    assert response.status_code == 404
    assert "There is no such turn, or it is not yours to see." in response.text


def test_a_form_without_its_token_is_refused_in_our_own_words(viewer: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(viewer.user)
    response = strict.post("/sign-out/")
    assert response.status_code == 403
    assert "Nothing was changed." in response.text


def test_a_wrong_host_is_a_sentence() -> None:
    response = Client().get("/sign-in/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "cannot be understood" in response.text
    assert "evil.example" not in response.text


def test_the_last_resort_needs_no_request() -> None:
    assert "Your sessions are not affected." in render_to_string("500.html")
