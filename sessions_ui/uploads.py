"""Files that were uploaded and wait for their sender to say yes: one for each user, for an hour, in the data folder."""

import secrets
import time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

# Bytes of one file: an exported session of 50 MB with room to spare.
LIMIT: Final = 100_000_000
# Bytes of a form beside the file in it.
_FIELDS: Final = 100_000
# Seconds that a file is kept.
KEPT: Final = 3600


def is_too_large(request: HttpRequest) -> bool:
    """Whether the request is larger than a file may be, by the length it states, which the server holds it to."""
    stated = request.META.get("CONTENT_LENGTH") or "0"
    return int(stated) > LIMIT + _FIELDS if stated.isdigit() else True


def keep(user_id: int, upload: "UploadedFile[Any]") -> str:
    """Keep a file in place of any other of this user, and return its name; files nobody came back for are removed."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        if old.name.startswith(f"{user_id}-") or time.time() - old.stat().st_mtime > KEPT:
            old.unlink(missing_ok=True)
    name = f"{user_id}-{secrets.token_urlsafe(16)}.json"
    with (folder / name).open("xb") as file:
        (folder / name).chmod(0o600)
        for chunk in upload.chunks():
            file.write(chunk)
    return name


def kept(user_id: int, name: str) -> Path | None:
    """Return the user's file of this name, None when it is not there any more or another's."""
    mine = {path.name: path for path in _folder().glob(f"{user_id}-*.json")}
    path = mine.get(name)
    return path if path is not None and time.time() - path.stat().st_mtime <= KEPT else None


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "imports"
