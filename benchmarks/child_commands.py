"""Commands of ours as child processes that end with us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from cinematch.local_stack.service import STEP_BACK


def cinematch(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of `cinematch`; give its output. Raises CalledProcessError."""
    return module(environment, "cinematch", *arguments)


def module(environment: Mapping[str, str], name: str, *arguments: str, niceness: int = 0) -> str:
    """Run `python -m name`, as nice as a layer of the stack; give its output. Raises CalledProcessError."""
    command = [sys.executable, "-m", name, *arguments]
    if niceness:
        command = ["sh", "-c", STEP_BACK, "sh", str(niceness), *command]
    return subprocess.run(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=niceness > 0,  # or our own session would step back
    ).stdout
