"""How a process tells whoever started it that it is ready: it touches the file that `CINEMATCH_READY_FILE` names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

READY_FILE_VARIABLE: Final = "CINEMATCH_READY_FILE"


def announce_ready() -> None:
    """Touch the readiness file; without the variable nobody waits, and nothing happens."""
    path = os.environ.get(READY_FILE_VARIABLE)
    if path:
        Path(path).touch()
