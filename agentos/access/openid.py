"""Sign-in by OpenID Connect through django-allauth: its flow, with what it leaves out.

allauth makes the redirect with state and PKCE, keeps them in the browser's session, exchanges the code and reads the
claims. Added here: a nonce, the signature of the id token whatever way it came, the issuer that it and the discovery
document name, the person that userinfo is about, and bounds in time and size on what is asked (ADR 27). What comes out
is who somebody is; who that is here, `single_sign_on` says. Imported only when such a sign-in is set up.
"""

import logging
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import jwt
import requests
import urllib3
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.http import HttpRequest
from django.urls import reverse

from agentos.access.oidc import Setup, is_safe, setup
from agentos.access.single_sign_on import Claimed, Failed, groups_in

# Seconds without a byte, and for a whole answer; bytes of an answer.
SILENCE: Final = 5
DEADLINE: Final = 10
LARGEST: Final = 1_000_000
# Seconds that the provider's clock may differ from ours.
LEEWAY: Final = 60
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
NAMES: Final = ("preferred_username", "email", "name")
# What answers that are not as they should be make allauth and PyJWT raise.
GARBAGE: Final = (
    OAuth2Error,
    jwt.PyJWTError,
    requests.RequestException,
    ImproperlyConfigured,
    SuspiciousOperation,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
STALE: Final = "This sign-in was not begun in this browser, or too long ago. Begin it anew."
BROKEN_OFF: Final = "The sign-in was broken off before its end. Begin it anew, or sign in another way."
OUT_OF_REACH: Final = "The sign-in service cannot be reached now. Try again in a minute, or sign in another way."
UNPROVEN: Final = "What the sign-in service answered does not prove who you are. An administrator finds why in the log."
logger = logging.getLogger(__name__)


class _Proven(Exception):
    """Carries out of allauth's flow what it found, before it would look for an account or make one."""

    def __init__(self, login: Any) -> None:
        super().__init__()
        self.login = login


def begin(request: HttpRequest, then: str) -> str:
    """Return the provider's address to send the browser to, and keep in its session what the answer is held against.

    `then`: the path of ours to go to in the end. Raises `Failed`.
    """
    nonce = secrets.token_urlsafe(32)
    try:
        provider = Client(request, _setup().issuer).get_provider()
        answer = provider.redirect(
            request, process="login", next_url=then, data={"nonce": nonce}, auth_params={"nonce": nonce}
        )
        return str(answer.url)
    except GARBAGE as error:
        _fail(error)


def finish(request: HttpRequest) -> tuple[Claimed, str]:
    """Return who somebody is by the provider's answer in the request, and the path they began with. Raises `Failed`."""
    try:
        OAuth2CallbackView.adapter_view(Client(request, _setup().issuer))(request)
    except _Proven as proven:
        login = proven.login
    except GARBAGE as error:
        _fail(error)
    else:
        raise Failed(UNPROVEN, 502, "no answer")
    data = login.account.extra_data
    claims, told = data["id_token"], data["userinfo"]
    if claims.get("nonce") != login.state["data"]["nonce"]:
        _fail(OAuth2Error("The id token is of another sign-in: wrong nonce."))
    everything = {**told, **claims}
    names = tuple(name for key in NAMES if isinstance(name := everything.get(key), str))
    groups = groups_in(claims, _setup().claim) | groups_in(told, _setup().claim)
    return Claimed(claims["sub"], groups, names), login.state.get("next", "")


def fault_of_provider() -> str:
    """Ask the provider to describe itself; return what is wrong with the answer, "" if nothing is."""
    try:
        return "" if Client(HttpRequest(), _setup().issuer).openid_config else "it describes nothing"
    except GARBAGE as error:
        return _told(error)


class Adapter(DefaultSocialAccountAdapter):
    """What of allauth goes another way here: where its provider comes from, how it asks, and where it ends."""

    def list_apps(self, request: Any, provider: Any = None, client_id: Any = None) -> list[Any]:
        """Return the one provider of the settings; nothing in a table makes another."""
        found = _setup()
        app = SocialApp(provider="openid_connect", provider_id=found.issuer, name=found.name)
        app.client_id, app.secret = found.client_id, found.secret
        app.settings = {
            "server_url": found.issuer.rstrip("/"),
            "oauth_pkce_enabled": True,
            "scope": list(found.scopes),
        }
        return [app] if provider in (None, app.provider, app.provider_id) else []

    def get_requests_session(self) -> requests.Session:
        """Return what the provider is asked with."""
        return _Bounded()

    def on_authentication_error(
        self, request: Any, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> NoReturn:
        """Leave allauth's flow, which would show a page of its own."""
        if exception is not None:
            _fail(exception)
        if error == AuthError.CANCELLED or "error" in request.GET:
            raise Failed(BROKEN_OFF, 403, "broken off at the provider")
        raise Failed(STALE, 400, "not begun in this browser")

    def pre_social_login(self, request: Any, sociallogin: Any) -> NoReturn:
        """Leave allauth's flow with what it found, before it would sign anybody in, or make an account."""
        raise _Proven(sociallogin)


class Client(OpenIDConnectOAuth2Adapter):
    """allauth's client, which checks what allauth's does not."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's own description, if it is of this issuer and its addresses may be asked."""
        config: dict[str, Any] = super().openid_config
        if config["issuer"] != self.provider_id:
            raise OAuth2Error(f"The provider calls itself {str(config['issuer'])[:200]!r}, not {self.provider_id!r}.")
        for name in ENDPOINTS:
            if not is_safe(config[name]):
                raise OAuth2Error(f"The provider's {name} is not an https address.")
        return config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return where the provider sends the browser back to."""
        return request.build_absolute_uri(reverse("oidc_callback"))

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Return what allauth makes of the claims: of the id token, and of userinfo if it is about the same person."""
        claims = self._decode_id_token(app, kwargs["response"]["id_token"])
        if not claims["sub"].isprintable():
            raise OAuth2Error("The provider's id of the person cannot be stored.")
        about = {"sub": claims["sub"]}
        told = self._fetch_user_info(token.token) if "userinfo_endpoint" in self.openid_config else about
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise OAuth2Error("Userinfo is about somebody else than the id token.")
        data = {"id_token": claims, "userinfo": told}
        return self.get_provider().sociallogin_from_response(request, data)

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        """Return the claims of an id token for us, of this issuer, signed by it and of now."""
        header = jwt.get_unverified_header(id_token)
        algorithm = header["alg"]
        if algorithm not in ALGORITHMS:
            raise OAuth2Error(f"The id token is signed by {str(algorithm)[:20]!r}.")
        claims = jwt.decode(
            id_token,
            self._key(header.get("kid"), algorithm),
            algorithms=[algorithm],
            audience=app.client_id,
            issuer=self.provider_id,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("The id token was made for another client.")
        return claims

    def _key(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """Return the provider's key of that id; one without ids may have a single key."""
        with Adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        keys = [key for key in answer.json()["keys"] if key.get("use", "sig") == "sig"]
        fitting = [key for key in keys if key.get("kid") == kid] if kid is not None else keys
        if len(fitting) != 1:
            raise OAuth2Error(f"The provider has {len(fitting)} keys that fit the id token, not one.")
        return jwt.PyJWK(fitting[0], fitting[0].get("alg") or algorithm)


class Provider(OpenIDConnectProvider):
    """allauth's provider, which asks by our client."""

    oauth2_adapter_class = Client


class _Bounded(requests.Session):
    """Asks over https alone, or on this machine, within a time, for answers of a size, and follows nobody elsewhere."""

    def request(self, method: Any, url: Any, **kwargs: Any) -> requests.Response:
        """Send a request and read its answer whole."""
        if not is_safe(str(url)):
            raise requests.exceptions.InvalidURL("The provider's address is not an https address.")
        kwargs |= {"timeout": SILENCE, "allow_redirects": False, "stream": True}
        until = time.monotonic() + DEADLINE
        with super().request(method, url, **kwargs) as answer:
            answer._content = b"".join(_parts(answer.raw, until))
        return answer


def _parts(raw: Any, until: float) -> Iterator[bytes]:
    """Yield an answer as it comes. requests itself waits for a whole block, however slowly its bytes come."""
    size = 0
    try:
        while part := raw.read1(65536, decode_content=True):
            size += len(part)
            if size > LARGEST or time.monotonic() > until:
                raise requests.Timeout("The provider's answer is too long in coming, or too long.")
            yield part
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError("The provider's answer broke off.") from error


def _setup() -> Setup:
    found = setup()
    if found is None:
        raise ImproperlyConfigured("OpenID Connect is not set up.")
    return found


def _fail(error: BaseException) -> NoReturn:
    """Raise `Failed` with the sentence for a fault; the fault itself, which may quote the provider, is for the log."""
    code = re.search(r'"error"\s*:\s*"([\w.-]{1,60})"', str(error)) if isinstance(error, OAuth2Error) else None
    told = f"the provider answered {code[1]}" if code else _told(error)
    logger.warning("Sign-in by OpenID Connect failed: %s", told)
    silent = (requests.ConnectionError, requests.Timeout)
    if isinstance(error, silent):
        raise Failed(OUT_OF_REACH, 502, "the provider cannot be reached") from error
    raise Failed(UNPROVEN, 502, "not proven by the provider") from error


def _told(error: BaseException) -> str:
    """Return a fault on one line, without an answer that may hold a token."""
    if isinstance(error, OAuth2Error) and "access token" in str(error):
        return "the provider gave no access token for the code."
    return f"{type(error).__name__}: {str(error)[:300]!r}"
