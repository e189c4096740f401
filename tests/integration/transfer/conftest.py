"""A writable copy of a corpus database, and Alice's sessions in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source


@pytest.fixture
def lab(corpus_file: Callable[[str], Path], sources: Any, tmp_path: Path) -> Source:
    """The corpus as "lab", an empty source "fresh", and the corpus read-only as "frozen"."""
    path = corpus_file("agno-v3.db")
    found: list[Source] = sources(
        f"lab=sqlite:///{path}, fresh=sqlite:///{tmp_path / 'fresh.db'}, frozen=sqlite:///{path}?mode=ro"
    )
    refresh_source(found[0], budget=None)
    return found[0]


@pytest.fixture(autouse=True)
def data_folder(settings: Any, tmp_path: Path) -> None:
    """Keep uploads of a test in its own folder."""
    settings.DATA_DIR = tmp_path / "data"
