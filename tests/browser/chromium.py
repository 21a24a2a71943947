"""Finds the Chromium that the browser tests drive; as a program, installs one when there is none and it can be.

`python -m tests.browser.chromium` is what `make test` runs first. It never fails: without a browser the tests say why
they did not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS: Final = 600


def chromium() -> str | None:
    """Give the path of the system's Chromium, else of Playwright's own; None when there is neither."""
    system = next((found for program in PROGRAMS if (found := shutil.which(program))), None)
    return system or _downloaded()


def missing_reason() -> str:
    """Say why the browser tests cannot run, and what helps."""
    return f"no browser: none of {', '.join(PROGRAMS)} on PATH and none of Playwright's; `make browser` installs one"


@contextmanager
def launched(executable: str) -> Iterator[Browser]:
    """Run this Chromium, headless, until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def install() -> str | None:
    """Install the system's Chromium when we may, else Playwright's; give its path, None if neither worked."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        attempts.insert(0, ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
    for command in attempts:
        try:
            subprocess.run(command, timeout=INSTALL_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            sys.stderr.write(f"{command[0]}: {error}\n")
        found = chromium()
        if found:
            return found
    return None


def _downloaded() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


if __name__ == "__main__":
    if chromium() is None and install() is None:
        sys.stderr.write(f"The browser tests will not run: {missing_reason()}\n")
