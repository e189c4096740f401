"""What could be compared with what: sessions by words or the beginning of an id, runs beside the one that is chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.windows import find_run
from sessions_ui.presenters.compare_sides import Address
from sessions_ui.presenters.fetched_run import RUN_NOT_FOUND
from sessions_ui.presenters.palette import found_sessions

OFFERED: Final = 8


@dataclass(frozen=True)
class Offer:
    """Something to compare with. `kind` names an icon; `at`: unix seconds of its last change or its beginning."""

    kind: str
    label: str
    remark: str
    at: int | None
    url: str


@dataclass(frozen=True)
class Choice:
    """What is chosen and what is offered for the other side, named `wanted`. `chosen`: the session, `run` one of it."""

    a: str
    b: str
    wanted: str
    find: str
    chosen: CatalogSession | None
    run: CatalogRun | None
    offers: list[Offer]
    is_run: bool


def choice(
    visible: SessionQuerySet, addresses: Sequence[Address | None], sessions: Sequence[CatalogSession | None], find: str
) -> Choice:
    """Return what the form shows; `visible`: the sessions the user may see.

    Raises:
        Http404: the run that is chosen is not there.
    """
    wanted = "a" if addresses[0] is None else "b"
    other = 1 if wanted == "a" else 0
    address, session = addresses[other], sessions[other]
    is_run = address is not None and address.is_run
    run = None
    if session is not None and address is not None and is_run:
        run = find_run(session, unquote_id(address.qrun_id))
        if run is None:
            raise Http404(RUN_NOT_FOUND)
    if is_run:
        offers = list(_runs(session, run, wanted)) if session is not None and run is not None else []
    else:
        offers = list(_sessions(visible, session, find, wanted, address))
    texts = ["" if one is None else str(one) for one in addresses]
    return Choice(texts[0], texts[1], wanted, find, session, run, offers[: 2 * OFFERED], is_run)


def _sessions(
    visible: SessionQuerySet, chosen: CatalogSession | None, find: str, wanted: str, address: Address | None
) -> Iterator[Offer]:
    rows = found_sessions(visible, find) if find.strip() else _near(visible, chosen)
    for row in rows:
        if chosen is not None and (row.source, row.session_id) == (chosen.source, chosen.session_id):
            continue
        yield Offer(
            row.session_type,
            row.title or "Untitled session",
            row.component,
            row.updated_at,
            _url(wanted, Address.of(row), address),
        )


def _near(visible: SessionQuerySet, chosen: CatalogSession | None) -> list[CatalogSession]:
    """Return the sessions updated last, of the same component if one is chosen."""
    rows = visible.order_by("-updated_at", "-id")
    if chosen is not None and chosen.component_key is not None:
        rows = rows.filter(component_key=chosen.component_key)
    return list(rows[: OFFERED + 1])


def _runs(session: CatalogSession, run: CatalogRun, wanted: str) -> Iterator[Offer]:
    """Offer the session's own runs around a run, those before it first."""
    roots = CatalogRun.objects.filter(session=session, depth=run.depth)
    if run.depth:
        roots = roots.filter(component_id=run.component_id)
    before = list(roots.filter(ordinal__lt=run.ordinal).order_by("-ordinal")[:OFFERED])
    after = list(roots.filter(ordinal__gt=run.ordinal).order_by("ordinal")[:OFFERED])
    for one in (*before, *after):
        yield Offer(
            one.kind,
            one.input_preview or one.content_preview or "Without a text",
            "before" if one.ordinal < run.ordinal else "after",
            one.created_at,
            _url(wanted, Address.of(session, one), Address.of(session, run)),
        )


def _url(wanted: str, offered: Address, chosen: Address | None) -> str:
    query = {wanted: str(offered)}
    if chosen is not None:
        query["b" if wanted == "a" else "a"] = str(chosen)
    return f"{reverse('compare')}?{urlencode(sorted(query.items()))}"
