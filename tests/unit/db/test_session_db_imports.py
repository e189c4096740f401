"""What is behind the store interface is nobody else's business: neither Django nor a database driver."""

import subprocess
import sys
from pathlib import Path


def test_the_interface_and_memory_know_no_database() -> None:
    modules = "agentos.db.base, agentos.db.in_memory, agentos.db.writer_errors"
    script = (
        f"import sys, {modules}; print({{m.split('.')[0] for m in sys.modules}} & {{'django', 'psycopg', 'sqlite3'}})"
    )

    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    ).stdout

    assert printed == "set()\n"
