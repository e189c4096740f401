"""What the processes of these tests load: an agent with a slow tool, and, run as a program, a new installation.

python -m tests.faults.program SESSION …
"""

import os
import sys
import time
from pathlib import Path

from agentos import Agent, OpenAIChat

TOOLER = "tooler"


def dawdle() -> str:
    """Work until the test lets go."""
    gate = Path(os.environ["FAULTS_GATE"])
    until = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return "done dawdling"


tooler = Agent(id=TOOLER, name="Tooler", model=OpenAIChat(id="fake-large"), tools=[dawdle])


def main(session_ids: list[str]) -> None:
    """Make the tables, these sessions with a run each, the catalog, and an operator, whose token is printed."""
    import django

    django.setup()
    from django.core.management import call_command

    from agentos.access.models import ApiToken
    from agentos.access.roles import Role
    from agentos.db.postgres import PostgresDb
    from agentos.db.sqlite import SqliteDb
    from agentos.management.people import create_user

    url = os.environ["AGENTOS_SOURCES"].partition("=")[2]
    db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)
    for session_id in session_ids:
        agent_id = TOOLER if session_id.startswith("tool") else "plain"
        agent = Agent(id=agent_id, model=OpenAIChat(id="fake-large"), db=db)
        agent.run("[[say Welcome.]]", session_id=session_id, user_id="alice@example.com")
    call_command("migrate", verbosity=0)
    call_command("sync", verbosity=0, stdout=sys.stderr)
    print(ApiToken.objects.all().issue(create_user("operator", Role.OPERATOR)))


if __name__ == "__main__":
    main(sys.argv[1:])
