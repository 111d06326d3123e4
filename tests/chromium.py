"""Which Chromium do the browser tests drive? As a script it says so, and exits 1 where there is none that starts."""

import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_A_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """The machine's Chromium or Chrome, else the one that Playwright downloaded, else None."""
    for candidate in (*(shutil.which(name) for name in NAMES), *ON_A_MAC, _playwrights()):
        if candidate and Path(candidate).exists() and _starts(candidate):
            return candidate
    return None


def _playwrights() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(candidate: str) -> bool:
    """Ubuntu's chromium-browser without its snap is there but does not start; so is one without its libraries."""
    try:
        return subprocess.run([candidate, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    found = executable()
    print(f"Browser: {found}." if found else "Browser: none.")
    sys.exit(0 if found else 1)
