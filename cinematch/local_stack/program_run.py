"""The run of a program that does one piece of work and ends, unlike servers and layers."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cinematch.errors import CineMatchError


def run_program(
    command: Sequence[str | Path],
    seconds: float,
    too_slow: CineMatchError,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Give the exit code of a program, whatever it is, and what it printed; its environment is ours unless given.

    One that takes longer than `seconds` is killed. Raises `too_slow` then.
    """
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise too_slow from None
