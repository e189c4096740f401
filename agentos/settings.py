"""Every setting, in one file, each from the environment with a default that is safe on one's own machine.

`docs/settings.md` describes them for the person who runs the program; a test fails when one is missing there.
"""

import os
import re
import secrets
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

DATA_DIR = Path(env.str("AGENTOS_DATA_DIR", str(BASE_DIR / "data")))


def _secret_key() -> str:
    """Return SECRET_KEY, or the key kept in the data folder, made on first use and readable by its owner alone."""
    if key := env.str("SECRET_KEY", ""):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was first: use its key
            pass
        else:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(50))
    return path.read_text()


SECRET_KEY = _secret_key()
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
BEHIND_HTTPS = env.bool("BEHIND_HTTPS", False)
# The address people type; printed sign-in links start with it.
AGENTOS_URL = env.str("AGENTOS_URL", "http://127.0.0.1:8000")

# --- Data -------------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.dj_db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'agentos.db'}", conn_max_age=0)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).absolute().parent.mkdir(parents=True, exist_ok=True)
    # IMMEDIATE: a transaction that will write takes the lock at its start, where waiting is safe.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # As many as pages are made at once (agentos.handler), and some for the threads beside them.
    # A page waits for one no longer than for a source.
    _pool = {"min_size": 2, "max_size": 24, "timeout": 10}
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"].get("OPTIONS", {}), "pool": _pool}
    # Connections that the server's restart has cut are not handed out.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASE_ROUTERS = ["agentos.db.router.SourceRouter"]

# Where Agno's tables are: "name=url, name=url". Read by agentos.db.sources.
AGENTOS_SOURCES = env.str("AGENTOS_SOURCES", f"demo=sqlite:///{DATA_DIR / 'agno.db'}")
# Seconds any single statement may take on a source: its tables are someone else's.
AGENTOS_SOURCE_TIMEOUT = env.float("AGENTOS_SOURCE_TIMEOUT", 10.0)
# Who looks at the sources while pages are open: a thread of the web process, or each request itself.
AGENTOS_FOLLOW = env.str("AGENTOS_FOLLOW", "thread", validate=validate.OneOf(("thread", "request")))
# Who puts reads on record: a thread of the process, within a second, or each request itself before it answers.
AGENTOS_AUDIT_READS = env.str("AGENTOS_AUDIT_READS", "thread", validate=validate.OneOf(("thread", "request")))

# Days for which what is deleted can be restored, before it goes for good; 0: until somebody deletes it for good.
AGENTOS_DELETED_DAYS = env.int("AGENTOS_DELETED_DAYS", 30)
AGENTOS_JOB_REPORT_DAYS = env.int("AGENTOS_JOB_REPORT_DAYS", 90)

# --- The model --------------------------------------------------------------------------------------------------
OPENAI_API_KEY = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "")
# Seconds without a byte from the model server before a turn fails.
AGENTOS_MODEL_TIMEOUT = env.float("AGENTOS_MODEL_TIMEOUT", 120.0)
# Kinds of secrets that are masked wherever stored text is shown.
AGENTOS_MASK = env.list("AGENTOS_MASK", ["keys", "tokens", "passwords", "cards"])
# Expressions of a company's own secrets, as `masking/rules.py` takes them, with spaces between them.
AGENTOS_MASK_RULES = env.str("AGENTOS_MASK_RULES", "").split()
# Agents, teams and workflows of this process that answer in their sessions: "module:attribute, …".
AGENTOS_AGENTS = env.str("AGENTOS_AGENTS", "")
# Messages that are often sent, offered above the field: "Shorter, please | Explain it to a beginner".
AGENTOS_QUICK_PROMPTS = [one for part in env.str("AGENTOS_QUICK_PROMPTS", "").split("|") if (one := part.strip())]
# AgentOS servers elsewhere that answer in the sessions of what they serve: "name=https://…, …".
AGENTOS_REMOTES = env.str("AGENTOS_REMOTES", "")
# Their keys or tokens: AGENTOS_REMOTE_<NAME>_KEY, or the file that AGENTOS_REMOTE_<NAME>_KEY_FILE names.
AGENTOS_REMOTE_KEYS = {
    name: value for name, value in os.environ.items() if re.fullmatch(r"AGENTOS_REMOTE_\w+_KEY(_FILE)?", name)
}
# Seconds without news from a remote server before a turn that it answers fails.
AGENTOS_REMOTE_TIMEOUT = env.float("AGENTOS_REMOTE_TIMEOUT", 300.0)
# Who carries turns out: threads of the web process, or processes of `manage.py worker`.
AGENTOS_TURNS = env.str("AGENTOS_TURNS", "thread", validate=validate.OneOf(["thread", "worker"]))
# Turns that one person may send within a minute and within an hour; 0: as many as they like.
AGENTOS_TURNS_PER_MINUTE = env.int("AGENTOS_TURNS_PER_MINUTE", 30)
AGENTOS_TURNS_PER_HOUR = env.int("AGENTOS_TURNS_PER_HOUR", 600)
# Whether people say why they act in the session of somebody else, once for each session.
AGENTOS_ACTING_REASON = env.bool("AGENTOS_ACTING_REASON", True)
# Turns carried out at once in one process.
AGENTOS_TURN_THREADS = env.int("AGENTOS_TURN_THREADS", 8)

# --- The application --------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "servestatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "csp",
    "agentos",
    "agentos.access",
    "agentos.audit",
    "agentos.db",
    "agentos.catalog",
    "agentos.moderation",
    "agentos.jobs",
    "agentos.masking",
    "agentos.prices",
    "agentos.remotes",
    "agentos.saved_views",
    "agentos.turns",
    "agentos.deletion",
    "agentos.redaction",
    "agentos.retention",
    "sessions_ui",
]
# Every entry must be async-capable: one that is not moves each request to a thread (a test holds this).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "sessions_ui.middleware.static_files",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sessions_ui.middleware.BearerTokenMiddleware",
    "sessions_ui.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "sessions_ui.middleware.PrivateResponseMiddleware",
]
ROOT_URLCONF = "agentos.urls"
ASGI_APPLICATION = "agentos.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sessions_ui.context.shell",
            ],
            "builtins": [f"sessions_ui.templatetags.{name}" for name in ("sessions", "rendered", "constants")],
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True

# --- Sign-in and the browser ------------------------------------------------------------------------------------
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "sessions"
LOGOUT_REDIRECT_URL = "sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["agentos.access.signed_in.Backend"]
SESSION_ENGINE = "agentos.access.signed_in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:"],  # a picture that is about to be sent is shown from the page's own memory
        "media-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Sign-in by OpenID Connect: `agentos.access.oidc` reads these and says what is wrong with them.
AGENTOS_OIDC_ISSUER = env.str("AGENTOS_OIDC_ISSUER", "")
AGENTOS_OIDC_CLIENT_ID = env.str("AGENTOS_OIDC_CLIENT_ID", "")
AGENTOS_OIDC_CLIENT_SECRET = env.str("AGENTOS_OIDC_CLIENT_SECRET", "")
# What the button calls it: "Sign in with …".
AGENTOS_OIDC_NAME = env.str("AGENTOS_OIDC_NAME", "single sign-on")
AGENTOS_OIDC_SCOPES = env.str("AGENTOS_OIDC_SCOPES", "openid profile email")
# The claim that names a person's groups, and the role of each group that has one: "group=role, …".
AGENTOS_OIDC_GROUPS_CLAIM = env.str("AGENTOS_OIDC_GROUPS_CLAIM", "groups")
AGENTOS_OIDC_ROLES = env.str("AGENTOS_OIDC_ROLES", "")
# The role of whoever is in none of these groups; "": they are refused.
AGENTOS_OIDC_OTHERS = env.str("AGENTOS_OIDC_OTHERS", "")
# Hours after which somebody who signed in so has to do it again, which asks for their groups anew.
AGENTOS_OIDC_HOURS = env.int("AGENTOS_OIDC_HOURS", 12)
if AGENTOS_OIDC_ISSUER and all(find_spec(name) for name in ("allauth", "requests", "jwt")):
    # Its apps for their classes: its pages are not in the URL configuration, its tables stay empty (ADR 27).
    INSTALLED_APPS += ["allauth.account", "allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    SOCIALACCOUNT_ADAPTER = "agentos.access.openid.Adapter"
    SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "agentos.access.openid.Provider"}}
    SOCIALACCOUNT_ONLY = True
    SOCIALACCOUNT_AUTO_SIGNUP = False
    SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
    SOCIALACCOUNT_STORE_TOKENS = False
    ACCOUNT_EMAIL_VERIFICATION = "none"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,  # True hides uvicorn's tracebacks of failing streams
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
}
