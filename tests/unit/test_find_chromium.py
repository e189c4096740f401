"""Bringing the browser: what is found, and the plain sentence when it cannot be brought."""

import os
import shutil
from pathlib import Path

import pytest

from tests.browser import find_chromium


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose PATH is one empty folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(find_chromium, "MAC_APPS", ())
    return tmp_path


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_known_names_in_their_order(bare: Path) -> None:
    assert find_chromium.find_chromium() is None
    chrome = program(bare, "google-chrome")
    assert find_chromium.find_chromium() == str(chrome)
    chromium = program(bare, "chromium")
    assert find_chromium.find_chromium() == str(chromium)


def test_named_by_the_environment(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "chromium")
    own = program(bare, "my-browser")
    monkeypatch.setenv("CHROMIUM", str(own))
    assert find_chromium.find_chromium() == str(own)


@pytest.mark.parametrize(
    ("platform", "programs", "sentence"),
    [
        ("linux", {}, "with your package manager"),
        ("linux", {"apt-get": "exit 0"}, "sudo apt-get install chromium"),
        ("linux", {"apt-get": "exit 0", "sudo": "exit 1"}, "sudo apt-get install chromium"),
        ("linux", {"apt-get": "exit 100", "sudo": 'shift; [ "$1" = true ] || exec "$@"'}, "Installing it failed"),
        ("linux", {"apt-get": "exit 0", "sudo": "exit 0"}, "set CHROMIUM to its path"),
        ("darwin", {}, "google.com/chrome"),
        ("darwin", {"brew": "exit 1"}, "Installing it failed"),
    ],
)
def test_what_cannot_be_brought_is_a_sentence(
    bare: Path, monkeypatch: pytest.MonkeyPatch, platform: str, programs: dict[str, str], sentence: str
) -> None:
    for name, script in programs.items():
        program(bare, name, script)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("sys.argv", ["find_chromium.py", "--install"])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match=sentence):
        find_chromium.main()


def test_installed_by_apt_when_allowed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.which("cp", path=os.defpath)
    program(bare, "apt-get", f'{copy} "$0" "{bare}/chromium"')
    monkeypatch.setattr("sys.argv", ["find_chromium.py", "--install"])
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    find_chromium.main()
    assert find_chromium.find_chromium() == f"{bare}/chromium"
