"""Setting it up: what is wrong is said in a sentence; without settings, or the library, nothing of it is there."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client

from agentos.access import oidc
from tests.integration.sign_on.conftest import START
from tests.oidc_provider import Provider

ROOT = Path(__file__).parents[3]
CALLBACK = f"{START}callback/"
# Run by a program of its own, which reads the settings from its environment.
LOOK = """
import sys
{before}
import django
django.setup()
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("makemigrations", "--check", "--dry-run", verbosity=0)
client = Client(headers={{"Host": "localhost"}})
page = client.get("/sign-in/")
print(page.status_code, "Sign in with" in page.text)
print(client.post("/sign-in/oidc/").status_code, client.get("/sign-in/oidc/callback/").status_code)
print([one.msg for one in run_checks()])
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("allauth", "jwt", "oauthlib")))
"""
GIVEN = {
    "AGENTOS_OIDC_ISSUER": "https://sign-in.example",
    "AGENTOS_OIDC_CLIENT_ID": "agentos",
    "AGENTOS_OIDC_CLIENT_SECRET": "secret",
    "AGENTOS_OIDC_ROLES": "support=operator",
}


def look(tmp_path: Path, before: str = "", **given: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTOS_", "DATABASE_URL"))}
    environment = clean | {
        "DJANGO_SETTINGS_MODULE": "agentos.settings", "AGENTOS_DATA_DIR": str(tmp_path), "AGENTOS_SOURCES": "", **given,
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOOK.format(before=before)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


@pytest.mark.sqlite_only
class TestProgram:
    def test_without_settings_nothing_of_it_is_there(self, tmp_path: Path) -> None:
        assert look(tmp_path) == ["200 False", "404 404", "[]", "[]"]

    @pytest.mark.parametrize("missing", ["allauth", "jwt"])
    def test_settings_without_the_library_say_what_to_install(self, tmp_path: Path, missing: str) -> None:
        found = look(tmp_path, f"sys.modules[{missing!r}] = None", **GIVEN)
        assert found == ["200 False", "404 404", str([oidc.EXTRA_MISSING]), str([missing])]

    def test_with_both_it_is_there(self, tmp_path: Path) -> None:
        page, _, said, modules = look(tmp_path, **GIVEN)
        assert (page, said) == ("200 True", "[]") and "allauth" in modules


class TestProblems:
    @pytest.fixture(autouse=True)
    def right(self, settings: Any) -> None:
        for name, value in GIVEN.items():
            setattr(settings, name, value)
        assert oidc.problems() == [] and oidc.setup() is not None

    @pytest.mark.parametrize(
        "issuer",
        [
            "http://sign-in.example", "sign-in.example", "ftp://sign-in.example", "https://", "https://a:b@c.example",
            "https://sign-in.example/?a=1", "https://sign-in.example/#a", "https://sign-in.example:x", "https:// x",
            "http://127.0.0.1.evil.example", "http://10.0.0.1", f"https://{'x' * 300}.example",
        ],
    )  # fmt: skip
    def test_the_issuer_is_an_https_address(self, settings: Any, issuer: str) -> None:
        settings.AGENTOS_OIDC_ISSUER = issuer
        assert oidc.setup() is None and "begins with https://" in oidc.problems()[0]

    @pytest.mark.parametrize("issuer", ["http://localhost:8080/realms/a", "http://127.0.0.2", "http://[::1]:80"])
    def test_but_on_this_machine(self, settings: Any, issuer: str) -> None:
        settings.AGENTOS_OIDC_ISSUER = issuer
        assert oidc.problems() == []

    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("CLIENT_ID", "", "AGENTOS_OIDC_CLIENT_ID is not"),
            ("CLIENT_SECRET", " ", "AGENTOS_OIDC_CLIENT_SECRET is not"),
            ("NAME", "", "AGENTOS_OIDC_NAME is not"),
            ("GROUPS_CLAIM", "", "AGENTOS_OIDC_GROUPS_CLAIM is not"),
            ("SCOPES", "profile", "names openid"),
            ("ROLES", "support", "'=support' is not"),
            ("ROLES", "support=operator, =admin", "'=admin' is not"),
            ("ROLES", "support=", "'support=' is not"),
            ("ROLES", "", "nobody could sign in"),
            ("HOURS", 0, "at least 1"),
            ("ISSUER", "", "is set without AGENTOS_OIDC_ISSUER"),
        ],
    )
    def test_what_else_is_wrong(self, settings: Any, client: Client, name: str, value: Any, sentence: str) -> None:
        setattr(settings, f"AGENTOS_OIDC_{name}", value)
        assert oidc.setup() is None
        assert any(sentence in said for said in oidc.problems())
        assert [one.id for one in run_checks() if one.is_serious()] == ["access.E001"]

    def test_a_group_may_have_an_equals_sign(self, settings: Any) -> None:
        settings.AGENTOS_OIDC_ROLES = " cn=support = case worker ,,audit=viewer,"
        found = oidc.setup()
        assert found is not None and found.roles == (("cn=support", "case worker"), ("audit", "viewer"))


@pytest.mark.django_db
def test_nothing_is_there_while_it_is_not_set_up(client: Client) -> None:
    assert "Sign in with" not in client.get("/sign-in/").text
    assert client.post(START).status_code == client.get(CALLBACK).status_code == 404


class TestDoctor:
    def said(self) -> str:
        out = io.StringIO()
        with pytest.raises(CommandError):  # no source is configured
            call_command("doctor", stdout=out)
        return out.getvalue()

    def test_asks_the_provider(self, provider: Provider) -> None:
        assert f"ok       Sign-in by OpenID Connect ({provider.issuer}): the provider answers." in self.said()
        provider.config["issuer"] = "https://evil.example"
        assert "The provider calls itself 'https://evil.example'" in self.said()

    def test_says_what_is_wrong(self, provider: Provider, settings: Any) -> None:
        settings.AGENTOS_OIDC_ROLES = "support=nobody knows"
        assert "problem  AGENTOS_OIDC_ROLES names the role 'nobody knows', which is not there." in self.said()
        settings.AGENTOS_OIDC_CLIENT_ID = ""
        assert "problem  AGENTOS_OIDC_ISSUER is set, but AGENTOS_OIDC_CLIENT_ID is not." in self.said()
