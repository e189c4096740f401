"""Works out what `lists.py` asks of a catalog: paths of pages, who asks, and what bare SQL takes for the like.

python bench/asked.py MANIFEST        (with the environment of our server; prints JSON)
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scale import set_up
from serving import SOURCE, sign_in

PAGE: Final = 50
PEERS_PAGE: Final = 20
DEEP: Final = 10_000
_HOP: Final = 20_000
_TIMES: Final = 60
_FLOOR: Final = (
    """CREATE TABLE bench_floor AS SELECT id, source, session_id, session_type, component_key, user_key, title, preview,
        last_status, updated_at, top_level_run_count, tool_call_count, tool_error_count, total_tokens, cost, duration
        FROM catalog_catalogsession""",
    "CREATE INDEX bench_floor_updated ON bench_floor (updated_at DESC, id DESC)",
    "CREATE INDEX bench_floor_user ON bench_floor (user_key, updated_at DESC, id DESC)",
    "CREATE INDEX bench_floor_tokens ON bench_floor (total_tokens DESC, id DESC)",
    "ANALYZE bench_floor",
)


def listed(**query: str) -> str:
    """Return the path of our list."""
    return f"/sessions/?{urlencode(query)}" if query else "/sessions/"


def peers(**query: str | int) -> str:
    """Return the path of Agno's list."""
    return f"/sessions?{urlencode({'limit': PEERS_PAGE, **query})}"


def place_of(page: int) -> tuple[str, tuple[int, int]]:
    """Return the cursor that begins a page of the list, from 2, and the row it stands behind: time and id."""
    from agentos.catalog.models import CatalogSession
    from agentos.catalog.paging import page_of

    rows, cursor, left = CatalogSession.objects.only("updated_at"), None, (page - 1) * PAGE
    while left:
        found = page_of(rows, "-updated", cursor, min(left, _HOP))
        left, cursor, last = left - len(found.rows), found.next, found.rows[-1]
    assert cursor
    return cursor, (last.updated_at, last.pk)


def cases(manifest: dict[str, Any]) -> tuple[list[dict[str, Any]], tuple[int, int]]:
    """Return what is asked (name, budget, our paths, Agno's or None), and where a deep page begins.

    Without a source there is nobody else to ask, and no index of words.
    """
    sessions, user, component = manifest["sessions"], manifest["user"]["id"], manifest["component"]["id"]
    deep, peers_deep = min(DEEP, max(2, sessions // PAGE)), min(500, max(2, sessions // PEERS_PAGE))
    cursor, behind = place_of(deep)
    of_peer = [peers(page=peers_deep)]
    found = [
        _case("page 1", "P1", [listed()], [peers(page=1)]),
        _case(f"page {deep:,} (theirs: {peers_deep})", "P2", [listed(after=cursor)], of_peer),
        _case("one user", "P2", [listed(q=f"user:{user}")], [peers(page=1, user_id=user)]),
        _case("by update", "P2", [listed(sort="updated")], [peers(page=1, sort_by="updated_at", sort_order="asc")]),
        _case("by tokens", "P2", [listed(sort="-tokens")], None),
        _case("by cost", "P2", [listed(sort="-cost")], None),
        _case("three facets", "P2", [listed(q=f"type:agent component:{component} status:completed")], None),
        *(_case(name, "", [listed(q=query)], None) for name, query in _others()),
    ]
    if manifest["monster"]:
        name = next(one["query"] for one in manifest["needles"] if one["where"] == "name")
        typical, quoted = _typical()
        both = [f"/sessions/{quote(typical)}?type=agent", f"/sessions/{quote(typical)}/runs?type=agent"]
        found += [
            _case("a word of a name", "P2", [listed(q=name)], [peers(page=1, session_name=name)]),
            _case("a common word", "", [listed(q=manifest["common"]["query"])], None),
            _case("a session and its runs", "P4", [f"/sessions/{SOURCE}/{quoted}/"], both),
        ]
    return found, behind


def _others() -> list[tuple[str, str]]:
    """Return names and queries of narrowed lists that no budget is about."""
    from agentos.catalog.models import SourceState

    values = SourceState.objects.get(source=SOURCE).totals["values"]
    # A value, a number of sessions, a label and a kind each, the most frequent first.
    [team, *_] = [value for value, _, _, kind in values["component"] if kind == "team"]
    [[tool, *_], *_] = values["tool"]
    return [
        ("one team", f"team:{team}"),
        ("a common tool", f"tool:{tool}"),
        ("without a status", "-status:completed"),
        ("a range of sizes", "size:>1MB"),
    ]


def _case(name: str, budget: str, ours: list[str], peer: list[str] | None) -> dict[str, Any]:
    return {"name": name, "budget": budget, "ours": ours, "peer": peer}


def _typical() -> tuple[str, str]:
    """Return a session of about ten runs, and its id as it stands in our paths."""
    from agentos.catalog.models import CatalogSession

    rows = CatalogSession.objects.filter(session_type="agent", run_count__gte=8, run_count__lte=12)
    row = rows.order_by("-updated_at")[0]
    return row.session_id, row.quoted_id


def statements(headers: tuple[str, ...]) -> int:
    """Return how many statements the first page takes, on all databases."""
    from contextlib import ExitStack

    from django.db import connections
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"cookie": headers[0].partition(": ")[2], "host": "localhost"})
    assert client.get("/sessions/").status_code == 200  # now sources are connected
    with ExitStack() as stack:
        taken = [stack.enter_context(CaptureQueriesContext(one)) for one in connections.all(initialized_only=True)]
        client.get("/sessions/")
    return sum(map(len, taken))


def floor(behind: tuple[int, int], user: str) -> dict[str, float]:
    """Return the milliseconds that bare SQL takes for 50 rows of a narrow table, and for a count that stops."""
    from django.db import connection

    order, rows = "ORDER BY updated_at DESC, id DESC LIMIT 50", "SELECT * FROM bench_floor"
    asked: dict[str, tuple[str, tuple[Any, ...]]] = {
        "page 1": (f"{rows} {order}", ()),
        "a deep page": (f"{rows} WHERE (updated_at, id) < (%s, %s) {order}", behind),
        "one user": (f"{rows} WHERE user_key = %s {order}", (user,)),
        "by tokens": (f"{rows} ORDER BY total_tokens DESC, id DESC LIMIT 50", ()),
        "a count up to 1,001": ("SELECT count(*) FROM (SELECT 1 FROM bench_floor LIMIT 1001) AS counted", ()),
    }
    with connection.cursor() as cursor:
        for statement in _FLOOR:
            cursor.execute(statement)
        return {name: _milliseconds(cursor, *question) for name, question in asked.items()}


def _milliseconds(cursor: Any, sql: str, given: tuple[Any, ...]) -> float:
    taken = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        cursor.execute(sql, given)
        cursor.fetchall()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def main() -> None:
    """Read the manifest that `scale.py` printed; print what to ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    manifest = json.loads(parser.parse_args().manifest.read_text())
    set_up()
    from django.db import connection

    from agentos.catalog.models import CatalogSession
    from agentos.catalog.totals import refresh

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    refresh(SOURCE)
    assert CatalogSession.objects.count() == manifest["sessions"], "The catalog is not complete"
    found, behind = cases(manifest)
    headers = sign_in()
    bare = floor(behind, manifest["user"]["id"])
    print(json.dumps({"headers": headers, "cases": found, "statements": statements(headers), "floor": bare}))


if __name__ == "__main__":
    main()
