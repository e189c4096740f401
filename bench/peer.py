"""Serves a database with Agno's own server, AgentOS on uvicorn: what `lists.py` and others measure beside our pages.

python bench/peer.py URL PORT
"""

import os
import sys
from typing import Any

os.environ["AGNO_TELEMETRY"] = "false"


def app(url: str) -> Any:
    """Return the application for a database, with one agent, as it needs something to serve."""
    from agno.agent import Agent
    from agno.os import AgentOS

    if url.startswith("sqlite"):
        from agno.db.sqlite import SqliteDb

        db: Any = SqliteDb(db_url=url)
    else:
        from agno.db.postgres import PostgresDb

        db = PostgresDb(db_url=url.replace("postgresql://", "postgresql+psycopg://"))
    options: dict[str, Any] = {}
    if base_url := os.environ.get("OPENAI_BASE_URL"):  # it is to answer, too
        from agno.models.openai import OpenAIChat

        options = {"model": OpenAIChat(id="stamping", base_url=base_url), "add_history_to_context": True}
    return AgentOS(agents=[Agent(id="agent-0", db=db, telemetry=False, **options)], telemetry=False).get_app()


def main() -> None:
    """Serve until the process is ended."""
    import uvicorn

    url, port = sys.argv[1:3]
    uvicorn.run(app(url), host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
