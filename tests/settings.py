"""Settings of the test run: no source until a test names one, no thread, nothing on the network, quick hashes."""

import os
import tempfile

os.environ.setdefault("AGENTOS_DATA_DIR", tempfile.mkdtemp(prefix="agentos-test-"))
os.environ["SECRET_KEY"] = "only-for-tests, and long enough to be taken for a key"
os.environ["AGENTOS_SOURCES"] = ""
# The apps for sign-in by OpenID Connect are there, so that tests can set it up; they begin without it.
for name in [name for name in os.environ if name.startswith("AGENTOS_OIDC_")]:
    del os.environ[name]
os.environ["AGENTOS_OIDC_ISSUER"] = "https://provider.test"
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DATABASE_URL", "DEBUG", "AGENTOS_REMOTES"):
    os.environ.pop(name, None)

from agentos.settings import *  # noqa: E402, F403  # settings are all names of a module, behind what they read

del os.environ["AGENTOS_OIDC_ISSUER"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SERVESTATIC_AUTOREFRESH = True
AGENTOS_FOLLOW = "request"
AGENTOS_OIDC_ISSUER = ""
# Tests of conduct set these; in the others the cast sends what it likes, without saying why each time.
AGENTOS_ACTING_REASON = False
AGENTOS_TURNS_PER_MINUTE = AGENTOS_TURNS_PER_HOUR = 0
