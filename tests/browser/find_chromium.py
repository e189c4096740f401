"""Find a Chromium for the browser tests; with --install, bring one when there is none.

Standard library only, so that `make test` can run it before anything else is looked at.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MAC_APPS = (
    "Chromium.app/Contents/MacOS/Chromium",
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
MISSING = "The browser tests need Chromium or Chrome, and none was found."


def find_chromium() -> str | None:
    """Return the path of the browser: CHROMIUM if set, else the first known name or application that is there."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    folders = (Path("/Applications"), Path.home() / "Applications")
    return next((str(folder / app) for folder in folders for app in MAC_APPS if (folder / app).exists()), None)


def install() -> None:
    """Install Chromium with the machine's own package manager.

    Raises:
        SystemExit: this machine has none that may be used; says what to do by hand.
    """
    if sys.platform == "darwin":
        _install_with_brew()
    elif shutil.which("apt-get"):
        _install_with_apt()
    else:
        raise SystemExit(f"{MISSING} Install it with your package manager, or set CHROMIUM to its path.")


def _install_with_brew() -> None:
    if not shutil.which("brew"):
        raise SystemExit(f"{MISSING} Install Chrome from https://www.google.com/chrome/ and run this again.")
    subprocess.run(["brew", "install", "--cask", "google-chrome"], check=True)


def _install_with_apt() -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode):
        raise SystemExit(f"{MISSING} This account may not install packages. Run: sudo apt-get install chromium")
    print("Installing Chromium for the browser tests …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        subprocess.run([*sudo, *command], check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    """Make sure there is a browser."""
    if find_chromium() is None and "--install" in sys.argv:
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{MISSING} Installing it failed: {error}") from error
    found = find_chromium()
    if found is None:
        raise SystemExit(f"{MISSING} Install it, or set CHROMIUM to its path.")
    if "--install" not in sys.argv:
        print(found)


if __name__ == "__main__":
    main()
