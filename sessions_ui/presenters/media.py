"""What was attached to a run and what it made: each medium once, as a chip that shows it when asked.

Nothing is ever fetched from elsewhere, and no path that a run names is opened: only bytes that are stored with the run
are shown, and the view that sends them looks at them once more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from agentos.catalog.sizes import all_steps
from agentos.records import Media, Run, WorkflowRunOutput, build_forest, walk
from sessions_ui.presenters.served_medium import agrees

CHIPS = 50
"""Chips beside one message; the others follow at the end of the run."""

AT_ONCE = 200
"""Chips in one list."""

_Key = tuple[str, str]


@dataclass(frozen=True)
class MediumView:
    """An attachment as a labelled chip. `number`: its place among the run's media, by which its bytes are asked for.

    `shown_as`: image, audio or "", as far as its first bytes tell. `elsewhere`: the address or path that is stored
    instead of bytes; `reference`: where Agno's media storage keeps them.
    """

    number: int
    kind: str
    name: str
    media_type: str
    size: int | None
    shown_as: str
    is_stored: bool
    elsewhere: str
    reference: str
    words: str


def media_of(run: Run) -> list[Media]:
    """Return every medium of the run once, in the order of its messages, then what else was given and made.

    The same picture stands in the run's input, in a message and in what was made. Copies of earlier runs' messages are
    passed over, and so is what a workflow's steps hand on from runs inside it: it stands with those.
    """
    return list({key_of(medium): medium for medium in reversed(list(_all_media(run)))}.values())[::-1]


def _all_media(run: Run) -> Iterator[Media]:
    for message in run.own_messages:
        yield from message.media
        if message.audio_output is not None:
            yield message.audio_output
    yield from run.input_media
    yield from run.output_media
    if run.response_audio is not None:
        yield run.response_audio
    yield from _of_steps(run)


def _of_steps(run: Run) -> Iterator[Media]:
    """Yield what steps made that no run inside the workflow's holds: functions make media as well (format §3.9)."""
    if not isinstance(run, WorkflowRunOutput):
        return
    inside = [node.run for node in walk(build_forest([run])) if node.run is not run and isinstance(node.run, Run)]
    elsewhere = {key_of(medium) for one in inside for medium in (*one.output_media, *one.input_media)}
    for step in reversed(list(all_steps(run))):
        for medium in chain(step.images, step.videos, step.audio, step.files):
            if key_of(medium) not in elsewhere:
                yield medium


def key_of(medium: Media) -> _Key:
    """Return what tells a medium from another: its content, else where it lies, else its id."""
    reference = medium.media_reference
    stored_at = reference.storage_key or reference.media_id or reference.url if reference else None
    for name, value in (("content", medium.content), ("reference", stored_at), ("url", medium.url)):
        if isinstance(value, str) and value:
            return name, value
    return "other", f"{medium.filepath or ''}\n{medium.id or ''}"


class MediaBook:
    """The media of one run, handed out once each."""

    def __init__(self, run: Run) -> None:
        self._media = media_of(run)
        self._numbers = {key_of(medium): number for number, medium in enumerate(self._media)}
        self._taken: set[int] = set()

    def take(self, media: Iterable[Media]) -> list[MediumView]:
        """Return the chips of those of these media that no earlier call returned, CHIPS at most."""
        views: list[MediumView] = []
        for medium in media:
            number = self._numbers.get(key_of(medium))
            if number is None or number in self._taken or len(views) >= CHIPS:
                continue
            self._taken.add(number)
            views.append(medium_view(medium, number))
        return views

    def skip(self, media: Iterable[Media]) -> None:
        """Count these as handed out: they stand in another part of the run's page."""
        self._taken.update(number for medium in media if (number := self._numbers.get(key_of(medium))) is not None)

    def rest(self) -> tuple[list[MediumView], int]:
        """Return the chips that no earlier call returned, AT_ONCE at most, and how many there are besides."""
        left = [number for number in range(len(self._media)) if number not in self._taken]
        self._taken.update(left)
        return [medium_view(self._media[number], number) for number in left[:AT_ONCE]], max(0, len(left) - AT_ONCE)


def medium_view(medium: Media, number: int) -> MediumView:
    """Return a medium's chip. Where it lies, if not here, is text and is never followed."""
    name = medium.filename or getattr(medium, "name", None) or medium.id or medium.kind
    media_type = (medium.mime or "")[:80]
    is_stored = bool(medium.stored_size)
    sniffed = medium.sniffed_mime or ""
    return MediumView(
        number=number,
        kind=medium.kind,
        name=str(name)[:120],
        media_type=media_type,
        size=_size(medium, media_type),
        shown_as=sniffed.partition("/")[0] if agrees(medium, sniffed) else "",
        is_stored=is_stored,
        elsewhere=str(medium.url or medium.filepath or "")[:2000],
        reference=_reference(medium),
        words=str(getattr(medium, "alt_text", None) or getattr(medium, "transcript", None) or "")[:500],
    )


def _reference(medium: Media) -> str:
    """Return where Agno's media storage keeps it: backend, bucket and key."""
    found = medium.media_reference
    if found is None:
        return ""
    places = filter(None, (found.storage_backend, found.bucket, found.storage_key or found.media_id))
    return " / ".join(places)[:300] or "media storage"


def _size(medium: Media, media_type: str) -> int | None:
    """Return its bytes as far as they are known without decoding it."""
    if not medium.stored_size:
        return medium.media_reference.size if medium.media_reference else None
    return medium.stored_size if media_type.startswith("text/") else medium.stored_size * 3 // 4
