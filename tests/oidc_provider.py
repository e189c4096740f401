"""A small provider of OpenID Connect on this machine: discovery, keys, authorize, token, userinfo; it can misbehave."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

CLIENT_ID = "agentos"
SECRET = "client:secret & more"
DISCOVERY = "/.well-known/openid-configuration"
Json = dict[str, Any]
# What is answered in place of what should be: status, type and bytes, or a function that writes for itself.
Answer = tuple[int, str, bytes] | Callable[[BaseHTTPRequestHandler], None]


@cache
def key(name: str) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """Signs in `person`, whose claims those are. The rest is what a test changes to have it misbehave."""

    def __init__(self) -> None:
        self.person: Json = {"sub": "u-1", "preferred_username": "dana", "groups": ["support"]}
        self.told: Json = {}  # what userinfo says otherwise
        self.token: Json = {}  # claims of the id token in place of the right ones; None: without it
        self.config: Json = {}  # what discovery says otherwise; None: without it
        self.header: Json = {"kid": "one"}
        self.algorithm = "RS256"
        self.signed_by: Any = key("one")
        self.answers: dict[str, Answer] = {}
        self.error = ""  # what authorize sends back in place of a code
        self.hop = False  # authorize goes by way of another origin, as where people are signed in elsewhere
        self.codes: dict[str, Json] = {}
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.elsewhere = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def discovery(self) -> Json:
        config = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return _changed(config, self.config)

    def keys(self) -> Json:
        one = jwt.algorithms.RSAAlgorithm.to_jwk(key("one").public_key(), as_dict=True)
        other = jwt.algorithms.RSAAlgorithm.to_jwk(key("other").public_key(), as_dict=True)
        return {"keys": [{**one, "kid": "one", "use": "sig"}, {**other, "kid": "two", "use": "enc"}]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes: back, with a code or an error."""
        right = {"client_id": CLIENT_ID, "response_type": "code", "code_challenge_method": "S256"}
        assert all(asked[name] == value for name, value in right.items()), asked
        assert "openid" in asked["scope"].split() and len(asked["nonce"]) > 20 and len(asked["state"]) >= 16
        if self.error:
            return f"{asked['redirect_uri']}?{urlencode({'error': self.error, 'state': asked['state']})}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form: dict[str, str]) -> tuple[int, Json]:
        """Return tokens for a code, once, to the client that began, with the verifier of its challenge."""
        asked = self.codes.pop(form.get("code", ""), None)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, SECRET):
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant", "error_description": "secret-detail"}
        now = int(time.time())
        claims = {
            **self.person, "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
        }  # fmt: skip
        token = jwt.encode(_changed(claims, self.token), self.signed_by, self.algorithm, self.header)
        return 200, {"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": token}


def _changed(right: Json, changes: Json) -> Json:
    return {name: value for name, value in (right | changes).items() if value is not None}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(_one_each(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form: dict[str, str]) -> None:
            url = urlsplit(self.path)
            provider.asked.append(url.path)
            other = provider.answers.get(url.path)
            if callable(other):
                other(self)
            elif other is not None:
                self._send(*other)
            elif url.path == "/authorize" and provider.hop:
                self._send(302, "text/html", b"", f"{provider.elsewhere}/elsewhere?{url.query}")
            elif url.path in ("/authorize", "/elsewhere"):
                self._send(302, "text/html", b"", provider.authorize(_one_each(url.query)))
            else:
                self._json(url.path, form)

        def _json(self, path: str, form: dict[str, str]) -> None:
            status, data = 200, {}
            if path == DISCOVERY:
                data = provider.discovery()
            elif path == "/jwks":
                data = provider.keys()
            elif path == "/token":
                status, data = provider.exchange(form)
            elif path == "/userinfo" and self.headers["Authorization"] == "Bearer access":
                data = _changed(provider.person, provider.told)
            else:
                status = 404
            self._send(status, "application/json", json.dumps(data).encode())

        def _send(self, status: int, kind: str, body: bytes, location: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def _one_each(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
