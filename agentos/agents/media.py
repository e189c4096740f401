"""Media that a caller hands over by the path of a file: read once, when the run begins.

Only what a caller hands over is read. A path in a stored run may have been written by anybody.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from agentos.records import File, Media

M = TypeVar("M", bound=Media)


def loaded(media: Sequence[M] | None) -> tuple[M, ...]:
    """Return the media with the content of those that are named by path.

    Raises:
        OSError: a file cannot be read.
    """
    return tuple(_loaded(medium) for medium in media or ())


def _loaded(medium: M) -> M:
    if not medium.filepath or medium.content is not None:
        return medium
    data = Path(medium.filepath).read_bytes()
    mime = medium.mime or ""
    # Agno keeps a file of a text type as text, everything else as base64 (format §3.7).
    as_text = isinstance(medium, File) and mime.startswith("text/")
    content = data.decode("utf-8", "replace") if as_text else base64.b64encode(data).decode()
    known = {"mime_type": mime} if mime else {}
    return type(medium).from_dict({**medium.raw, **known, "content": content})
