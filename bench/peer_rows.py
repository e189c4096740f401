"""Fills Agno's tables with the sessions and runs that a catalog has, so that its server lists the same as our pages.

The catalog was made by SQL (`catalog_rows.py`), and a source as large would take an hour to be written and read. What
nobody lists is short here: a run has the beginnings of its texts, its status, its model and its tokens.
"""

from typing import Final

import psycopg
from scale import Server, create_tables

_OF_KIND: Final = ", ".join(f"CASE WHEN {{kind}} = '{kind}' THEN {{id}} END" for kind in ("agent", "team", "workflow"))
_SESSIONS: Final = f"""
    SELECT session_id, session_type, {_OF_KIND.format(kind="session_type", id="component_id")}, user_id,
        jsonb_strip_nulls(jsonb_build_object('session_name', coalesce(session_name, title), 'session_metrics',
            jsonb_build_object('total_tokens', total_tokens, 'cost', cost))),
        jsonb_build_object('name', component_name), '{{}}'::jsonb, created_at, updated_at
    FROM catalog_catalogsession ORDER BY id"""
_RUNS: Final = f"""
    SELECT coalesce(run.run_id, run.id::text), session.session_id, run.kind,
        {_OF_KIND.format(kind="run.kind", id="run.component_id")}, session.user_id, run.parent_run_id, run.status,
        run.ordinal, jsonb_build_object('run_id', run.run_id, 'session_id', session.session_id, 'status', run.status,
            'model', run.model, 'content', run.content_preview, 'metrics',
            jsonb_build_object('input_tokens', run.input_tokens, 'output_tokens', run.output_tokens),
            'messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', run.input_preview),
                jsonb_build_object('role', 'assistant', 'content', run.content_preview))),
        run.created_at, run.created_at
    FROM catalog_catalogrun AS run JOIN catalog_catalogsession AS session ON session.id = run.session_id"""
_COPIED: Final = (
    (
        _SESSIONS,
        "agno_sessions (session_id, session_type, agent_id, team_id, workflow_id, user_id, session_data, agent_data,"
        " metadata, created_at, updated_at)",
    ),
    (
        _RUNS,
        "agno_runs (run_id, session_id, run_type, agent_id, team_id, workflow_id, user_id, parent_run_id, status,"
        " run_index, run_data, created_at, updated_at)",
    ),
)


def fill_peer(own: str, peer: str) -> None:
    """Copy what the catalog at the URL `own` has into Agno's tables in the empty database at `peer`."""
    create_tables(peer, "table")
    place = Server(peer)
    with psycopg.connect(own) as from_us, psycopg.connect(peer) as to_them:
        to_them.execute("SET session_replication_role = replica")
        for asked, table in _COPIED:
            given = from_us.cursor().copy(f"COPY ({asked}) TO STDOUT".encode())
            taken = to_them.cursor().copy(f"COPY ai.{table} FROM STDIN".encode())
            with given as out, taken as into:
                for piece in out:
                    into.write(piece)
    place.finish()


def main() -> None:
    """Fill the database whose URL is the second argument from the one of the first."""
    import sys

    from scale import set_up

    set_up()
    fill_peer(*sys.argv[1:3])


if __name__ == "__main__":
    main()
