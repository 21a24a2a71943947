"""`python -m benchmarks.processor_time [REQUESTS_PER_SECOND ...]`: what the stack takes at rest and under POST /movies.

Processor seconds a second, by part of the stack and program, while nothing happens and then at each rate (default:
100); with the latencies that were seen. Valid on a busy machine, too, save that a stream that is short of processor
time takes larger and fewer micro-batches, which cost less. Programs that lived for less than the window do not count.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from benchmarks.embedded_stack import EmbeddedStack, embedded_stack
from benchmarks.machine import machine
from benchmarks.post_latency import REQUESTS_PER_SECOND, post_latency
from ingestion.seeding.catalog import invented_catalog

SEED: Final = 1
SETTLE_SECONDS: Final = 30
REST_SECONDS: Final = 30


def main() -> None:
    """Measure on a stack of its own; one line of JSON for each window."""
    rates = [int(argument) for argument in sys.argv[1:]] or [REQUESTS_PER_SECOND]
    _tell("machine", machine())
    with embedded_stack() as stack:
        stack.command("seed", "--users=200", "--events=5000", f"--seed={SEED}")
        time.sleep(SETTLE_SECONDS)
        _tell("at rest", processor_time(stack, partial(time.sleep, REST_SECONDS)))
        url, films = stack.status()["api"], [film.movie_id for film in invented_catalog(SEED)]
        for number, rate in enumerate(rates):
            new_to_all = films[number * len(films) // len(rates) :]
            _tell(f"{rate} POST/s", processor_time(stack, partial(post_latency, url, new_to_all, rate)))


def processor_time(stack: EmbeddedStack, work: Callable[[], Any]) -> dict[str, Any]:
    """Give what `work` gives, and the processor seconds a second that each part takes meanwhile, by `part program`."""
    before, began = _spent(stack), time.monotonic()
    result = work()
    after, seconds = _spent(stack), time.monotonic() - began
    parts: defaultdict[str, float] = defaultdict(float)
    for (part, pid), (program, spent) in after.items():
        parts[f"{part} {program}"] += spent - before.get((part, pid), (program, 0.0))[1]
    shares = {name: round(spent / seconds, 3) for name, spent in sorted(parts.items(), key=itemgetter(1))[::-1]}
    return {"total": round(sum(parts.values()) / seconds, 3), "parts": shares, "result": result}


def _spent(stack: EmbeddedStack) -> dict[tuple[str, int], tuple[str, float]]:
    spent = {}
    for part, processes in stack.processes().items():
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                spent[part, process.pid] = (Path(process.name()).name, times.user + times.system)
    return spent


def _tell(title: str, result: dict[str, Any]) -> None:
    print(f"{title}: {orjson.dumps(result).decode()}", flush=True)


if __name__ == "__main__":
    main()
