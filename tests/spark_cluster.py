"""A Spark standalone cluster on loopback: a master and two workers of one core each, as processes of their own.

Python on the workers cannot import this checkout: what runs there was shipped to it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from json import JSONDecodeError
from pathlib import Path
from urllib.request import urlopen

import psutil

from cinematch.local_stack.child_process import ChildProcess
from cinematch.local_stack.log_file import LogFile
from cinematch.local_stack.ports import free_port

PATIENCE_SECONDS = 120.0
_HIDE_CHECKOUT = """\
import sys
from pathlib import Path
sys.path[:] = [entry for entry in sys.path if not (Path(entry) / "cinematch" / "__init__.py").is_file()]
"""
"""Python runs a `sitecustomize` after the files that make an editable installation importable."""


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster; `master_url` is for SPARK_MASTER_URL, `workers` are the process ids of the two workers."""

    master_url: str
    workers: tuple[int, ...]

    def worker_of(self, pid: int) -> int | None:
        """Give the worker process that started the process `pid`, over whatever generations; None: not one of ours."""
        ancestors = {process.pid for process in psutil.Process(pid).parents()}
        return next((worker for worker in self.workers if worker in ancestors), None)


@contextmanager
def spark_cluster(folder: Path) -> Iterator[SparkCluster]:
    """Run a cluster below `folder` and end it."""
    hidden = folder / "hide-checkout"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(_HIDE_CHECKOUT)
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(hidden)}
    port, page = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    processes = [_start("master.Master", arguments, environment, folder, "master")]
    try:
        for number in range(2):
            arguments = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", str(free_port())]
            arguments += ["--work-dir", str(folder / f"work-{number}"), url]
            processes.append(_start("worker.Worker", arguments, environment, folder, f"worker-{number}"))
        _wait_for_workers(page)
        yield SparkCluster(url, tuple(process.pid for process in processes[1:]))
    finally:
        for process in reversed(processes):
            process.stop(10)


def _start(role: str, arguments: list[str], environment: dict[str, str], folder: Path, name: str) -> ChildProcess:
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "bin" / "spark-class"
    command: list[str | Path] = [program, f"org.apache.spark.deploy.{role}", *arguments]
    return ChildProcess(command, environment, folder, LogFile(folder / f"{name}.log"))


def _wait_for_workers(page: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{page}/json", timeout=5) as answer:
                if json.load(answer)["aliveworkers"] == 2:
                    return
        except (OSError, JSONDecodeError):  # on a busy machine also a time-out
            pass
        time.sleep(0.2)
    raise TimeoutError("the cluster has no two workers")
