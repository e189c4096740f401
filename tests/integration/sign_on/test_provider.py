"""A provider that is down, slow, wrong or hostile, and requests that nobody began: a sentence, and nobody comes in."""

import logging
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from agentos.access import openid
from agentos.access.models import SignInTries
from agentos.access.openid import BROKEN_OFF, OUT_OF_REACH, STALE, UNPROVEN
from agentos.audit.models import Entry
from tests.conftest import Person
from tests.integration.sign_on.conftest import START, Traveller
from tests.oidc_provider import DISCOVERY, Provider, key

pytestmark = pytest.mark.django_db
CALLBACK = "/sign-in/oidc/callback/"
CORRUPT = "secret-detail"


def assert_nobody(answer: Any, sentence: str, status: int, traveller: Traveller) -> None:
    assert (answer.status_code, sentence in answer.text) == (status, True), answer.text[-3000:]
    assert '<div class="sign-in">' in answer.text and "Sign in with" in answer.text, "the house's own page"
    for leak in (CORRUPT, "Traceback", "127.0.0.1", "id_token", "allauth"):
        assert leak not in answer.text
    assert traveller.user is None and not User.objects.exists()
    assert Entry.objects.filter(act="sign_in.unproven").exists() and not Entry.objects.filter(act="sign_in.ok").exists()


@pytest.mark.parametrize(
    "token",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": ["agentos", "another"], "azp": "another"},
        {"aud": None},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"sub": "u-2"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "u\x001"},
        {"sub": "u\ud8001"},
        {"sub": "x" * 300},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_right(traveller: Traveller, provider: Provider, token: dict[str, Any]) -> None:
    provider.token |= token
    if isinstance(token.get("sub"), str) and token["sub"] not in ("", "u-2"):
        provider.told["sub"] = token["sub"]
    assert_nobody(traveller.travel(), UNPROVEN, 502, traveller)


@pytest.mark.parametrize(
    ("algorithm", "signed_by", "header"),
    [
        ("RS256", "other", {"kid": "one"}),
        ("RS256", "other", {"kid": "two"}),
        ("RS256", "one", {"kid": "three"}),
        ("RS256", "one", {"kid": "two"}),
        ("none", "", {"kid": "one"}),
        ("HS256", "the public key is no secret, however long it may be", {"kid": "one"}),
    ],
)
def test_an_id_token_that_somebody_else_has_signed(
    traveller: Traveller, provider: Provider, algorithm: str, signed_by: str, header: dict[str, Any]
) -> None:
    provider.algorithm, provider.header = algorithm, header
    provider.signed_by = key(signed_by) if algorithm == "RS256" else signed_by or None
    assert_nobody(traveller.travel(), UNPROVEN, 502, traveller)


def test_a_key_without_an_id_and_a_clock_that_is_ahead_are_no_obstacle(
    traveller: Traveller, provider: Provider
) -> None:
    provider.header = {}
    provider.token["iat"] = int(time.time()) + 30
    traveller.travel()
    assert traveller.user is not None


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwks", "/userinfo"])
@pytest.mark.parametrize(
    "answer",
    [
        (500, "text/html", b"<h1>secret-detail</h1>"),
        (404, "application/json", b'{"detail": "secret-detail"}'),
        (200, "text/html", b"<script>alert('secret-detail')</script>"),
        (200, "application/json", b""),
        (200, "application/json", b"[]"),
        (200, "application/json", b"null"),
        (200, "application/json", b'{"keys": 7, "issuer": {}, "sub": [], "access_token": [], "id_token": 1e999}'),
        (200, "application/json", b'{"access_token": "a", "expires_in": 1e999, "id_token": "a.b.c", "keys": [7]}'),
        (200, "application/json", b"[" * 200_000),
        (200, "application/json", b'{"a": "' + b"x" * 2_000_000),
        (302, "text/html", b""),
    ],
    ids=lambda answer: f"{answer[0]} {answer[2][:20].decode()} {len(answer[2])}",
)
def test_garbage(traveller: Traveller, provider: Provider, path: str, answer: tuple[int, str, bytes]) -> None:
    back = "" if path == DISCOVERY else traveller.visit(traveller.depart())
    provider.answers[path] = answer
    ours = traveller.client.get(back) if back else traveller.client.post(START)
    assert_nobody(ours, OUT_OF_REACH if len(answer[2]) > 1_000_000 else UNPROVEN, 502, traveller)


@pytest.mark.parametrize(
    "config",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://169.254.169.254/"},
        {"jwks_uri": 7},
    ],
    ids=str,
)
def test_a_description_that_is_not_the_providers(
    traveller: Traveller, provider: Provider, config: dict[str, Any]
) -> None:
    provider.config |= config
    assert_nobody(traveller.client.post(START), UNPROVEN, 502, traveller)


def test_userinfo_at_an_address_that_is_not_safe(traveller: Traveller, provider: Provider) -> None:
    provider.config["userinfo_endpoint"] = "http://evil.example/userinfo"
    assert_nobody(traveller.travel(), UNPROVEN, 502, traveller)


def test_userinfo_about_somebody_else(traveller: Traveller, provider: Provider) -> None:
    provider.told["sub"] = "u-2"
    assert_nobody(traveller.travel(), UNPROVEN, 502, traveller)


def test_a_provider_that_is_down(traveller: Traveller, provider: Provider) -> None:
    back = traveller.visit(traveller.depart())
    provider.stop()
    assert_nobody(traveller.client.post(START), OUT_OF_REACH, 502, traveller)
    assert_nobody(traveller.client.get(back), OUT_OF_REACH, 502, traveller)


def test_a_provider_that_does_not_answer(
    traveller: Traveller, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "SILENCE", 0.2)
    provider.answers[DISCOVERY] = lambda handler: time.sleep(1)
    assert_nobody(traveller.client.post(START), OUT_OF_REACH, 502, traveller)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_provider_that_answers_byte_by_byte(
    traveller: Traveller, provider: Provider, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(openid, "DEADLINE", 0.3)

    def dribble(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "100000")))
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b"1\r\n \r\n" if chunked else b" ")
            except OSError:
                return
            time.sleep(0.05)

    provider.answers[DISCOVERY] = dribble
    began = time.monotonic()
    assert_nobody(traveller.client.post(START), OUT_OF_REACH, 502, traveller)
    assert time.monotonic() - began < 5, "it was not waited for to the end"


def test_a_state_that_is_not_ours(traveller: Traveller, provider: Provider) -> None:
    back = traveller.visit(traveller.depart())
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    for state in ({"state": "made-up"}, {"state": ""}, {}):
        forged = f"{CALLBACK}?{urlencode({'code': query['code'], **state})}"
        assert_nobody(traveller.client.get(forged), STALE, 400, traveller)
    other = Traveller()  # whose browser somebody is led to with a link: another's sign-in is not theirs
    assert_nobody(other.client.get(back), STALE, 400, other)
    assert "/token" not in provider.asked
    assert traveller.client.get(back).status_code == 302


def test_an_answer_counts_once(traveller: Traveller, provider: Provider) -> None:
    back = traveller.visit(traveller.depart())
    assert traveller.client.get(back).status_code == 302
    traveller.client.post("/sign-out/")
    again = traveller.client.get(back)
    assert again.status_code == 400 and STALE in again.text and provider.asked.count("/token") == 1


def test_a_code_that_was_used_elsewhere(traveller: Traveller, provider: Provider, caplog: Any) -> None:
    back = traveller.visit(traveller.depart())
    provider.codes.clear()
    with caplog.at_level(logging.WARNING):
        assert_nobody(traveller.client.get(back), UNPROVEN, 502, traveller)
    assert "the provider answered invalid_grant" in caplog.text and CORRUPT not in caplog.text


def test_a_code_of_another_sign_in_fails_by_its_verifier(traveller: Traveller, provider: Provider) -> None:
    mine, theirs = traveller.visit(traveller.depart()), traveller.visit(traveller.depart())
    code, state = parse_qs(urlsplit(theirs).query)["code"][0], parse_qs(urlsplit(mine).query)["state"][0]
    mixed = f"{CALLBACK}?{urlencode({'code': code, 'state': state})}"
    assert_nobody(traveller.client.get(mixed), UNPROVEN, 502, traveller)


def test_a_wrong_secret(traveller: Traveller, settings: Any) -> None:
    settings.AGENTOS_OIDC_CLIENT_SECRET = "another"
    assert_nobody(traveller.travel(), UNPROVEN, 502, traveller)


def test_what_was_begun_is_over_after_ten_minutes(traveller: Traveller, provider: Provider) -> None:
    with time_machine.travel(0, tick=True) as clock:
        clock.move_to(1_800_000_000)
        back = traveller.visit(traveller.depart())
        clock.shift(601)
        assert_nobody(traveller.client.get(back), STALE, 400, traveller)


@pytest.mark.parametrize("error", ["access_denied", "login_required", "<script>alert(1)</script>"])
def test_broken_off_at_the_provider(traveller: Traveller, provider: Provider, error: str) -> None:
    provider.error = error
    answer = traveller.travel()
    assert_nobody(answer, BROKEN_OFF, 403, traveller)
    assert "alert(1)" not in answer.text


@pytest.mark.parametrize(
    "then",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "http:///evil", "\x00", ""],
)
def test_only_pages_of_ours_come_next(traveller: Traveller, then: str) -> None:
    assert traveller.travel(then).headers["Location"] == "/sessions/"


def test_parameters_of_the_request_do_not_change_what_is_asked_for(traveller: Traveller) -> None:
    page = traveller.client.post(f"{START}?scope=everything&auth_params=prompt%3Dnone&process=connect&action=rerequest")
    assert "everything" not in page.text and "prompt" not in page.text


def test_whoever_is_signed_in_already_goes_on(provider: Provider, viewer: Person) -> None:
    answer = viewer.client.post(START, {"next": "/overview/"})
    assert answer.headers["Location"] == "/overview/" and provider.asked == []


def test_a_form_of_another_site_begins_nothing(provider: Provider) -> None:
    assert Client(enforce_csrf_checks=True).post(START).status_code == 403 and provider.asked == []


def test_too_many_are_made_to_wait(traveller: Traveller, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.access.throttle.MOST_STEPS", 3)
    assert [traveller.client.get(CALLBACK).status_code for _ in range(4)] == [400, 400, 400, 429]
    refused = traveller.client.post(START)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0 and provider.asked == []
    assert Entry.objects.filter(act="sign_in.unproven").count() == 3
    SignInTries.objects.all().delete()
    assert traveller.travel().status_code == 302


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/signup/", "/accounts/3rdparty/", "/oidc/openid_connect/login/", "/accounts/email/"],
)
def test_pages_of_the_library_are_not_there(provider: Provider, admin: Person, path: str) -> None:
    assert admin.client.get(path).status_code == 404
