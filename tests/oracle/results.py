"""What a run of the schedules found, as a file: figures, outages and recoveries, and the machine they are of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.oracle.figures import Figures

FOLDER: Final = Path(__file__).parent / "measured"
Results = dict[str, Any]
RESULTS: pytest.StashKey[Results] = pytest.StashKey()
"""What tests leave beside their counts: `outages`, `recovery`, `seconds`."""


def write(name: str, results: Results, folder: Path = FOLDER) -> Path:
    """Write results with their time and machine; gives the file."""
    machine = {
        "cores": psutil.cpu_count(logical=True),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(psutil.getloadavg()[0], 1),
    }
    told = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, **results}
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return file


def of_schedules(figures: Figures, results: Results, seed: int, failed: int) -> Results:
    """Put together what `make chaos` found, from seed `seed` on."""
    return {
        "seed": seed,
        "failed": failed,
        "figures": {name: dict(tally) for name, tally in figures.items()},
        **results,
    }
