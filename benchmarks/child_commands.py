"""Commands of ours as child processes that end with us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping


def cinematch(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of `cinematch`; give its output. Raises CalledProcessError."""
    return module(environment, "cinematch", *arguments)


def module(environment: Mapping[str, str], name: str, *arguments: str) -> str:
    """Run `python -m name`; give its output. Raises CalledProcessError."""
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True).stdout
