"""What a result was measured on: the machine's size and the versions, and nothing that names the machine."""

from __future__ import annotations

import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

PACKAGES: Final = ("pyspark", "kafka-python", "pymongo", "redis", "fastapi", "uvicorn", "pyarrow", "duckdb")
ADDITIONS: Final = 10_000_000


def machine() -> dict[str, Any]:
    """Give processor, cores, how busy they were in the second before, how fast one is, memory, system and versions."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=True),
        "busy_percent_before": psutil.cpu_percent(interval=1.0),
        "pace_seconds": _pace(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "java": _java(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def commit() -> str:
    """Give the commit that is measured, with a "+" when files differ from it; "unknown" outside of a checkout."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    others = [line for line in changed.stdout.splitlines() if "benchmarks/results" not in line]
    return head.stdout.strip() + ("+" if others else "")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _pace() -> float:
    """Give the seconds of ADDITIONS in Python, one by one: what a core that others share is worth at this moment."""
    began, total = time.perf_counter(), 0
    for number in range(ADDITIONS):
        total += number
    return round(time.perf_counter() - began, 2)


def _java() -> str:
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    return told.splitlines()[0] if told else "unknown"
