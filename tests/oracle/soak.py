"""`python -m tests.oracle.soak MINUTES`: an ordinary day for so long, and what grows meanwhile that must not.

Clients change and read lists, a batch and a compaction run every few minutes. Every answer is checked, as in the
schedules. The result compares the second quarter of the time with the last, by medians: the first is for warming up.
Checkpoints keep fewer batches than usual, so that they reach what they keep in the time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from cinematch.adapters import s3_objects
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from tests.end_to_end.running_stack import RunningStack, catalog_films
from tests.oracle import results
from tests.oracle.client import Acknowledged, Crew, EventLogs, Reader, Writer
from tests.oracle.history import kept_on_failure
from tests.oracle.processes import Sample, holdings, usage

SAMPLE_SECONDS: Final = 10.0
BATCH_SECONDS: Final = 180.0
WRITE_SECONDS: Final = 0.05
READ_SECONDS: Final = 0.05
OUTBOX: Final = "outbox events"
WRITTEN: Final = "acknowledged changes"
GROWING: Final = frozenset({OUTBOX, WRITTEN, "event log MiB", "lake objects", "lake MiB"})
"""What grows with the events until its retention or for ever; the lake's objects do between two compactions, too."""
BOUNDS: Final = {
    "kafka memory MiB": 700.0,
    "mongodb memory MiB": 768.0,
    "minio memory MiB": 400.0,
    "generations": 4.0,
}
"""What fills up to a bound of its own, however long that takes: a heap (-Xmx512m), a cache (0.5 GB), Go's memory limit
(256 MiB), each with what its process has beside; and the generations kept (BATCH_GENERATIONS_KEPT) with one in the
making."""
SLACK: Final = {"memory MiB": 40.0, "MiB": 4.0, "files": 24.0, "threads": 40.0}
"""By how much a figure without a bound may grow whatever it was, by the first of these with which its name ends.

A JVM's pools have threads by what is under way just then.
"""
KEPT: Final = {"CHECKPOINT_BATCHES_KEPT": "20"}
OUTBOX_SLACK: Final = 50.0
"""Events of the seconds between the looks at outbox and writers."""
USERS: Final = [f"soaked-{number}" for number in range(50)]


def soak(minutes: float) -> results.Results:
    """Run a stack for so long; give the first and last of every figure. Raises WrongAnswer."""
    os.environ |= KEPT
    with tempfile.TemporaryDirectory() as folder, RunningStack.started(Path(folder)) as stack:
        stack.import_catalog()
        with kept_on_failure() as histories, stack.database() as database, stack.api() as client:
            history = histories.begin("soak")
            films, acknowledged = catalog_films(database), Acknowledged()
            writer = Writer(lambda: client, acknowledged, USERS, sorted(films), Random(1))
            reader = Reader(lambda: client, EventLogs(Outbox(database)), acknowledged, films)
            random = Random(2)

            def write() -> None:
                writer.change(history)
                time.sleep(WRITE_SECONDS)

            def read() -> None:
                reader.read(random.choice(USERS), history)
                time.sleep(READ_SECONDS)

            crew = Crew(write, read, _nights(stack))
            samples = _sampled(stack, crew, minutes * 60, lambda: writer.tally["events"])
            crew.end()
        return {"minutes": minutes, **_tallies(writer.tally + reader.tally), "growth": growth(samples)}


def growth(samples: list[Sample]) -> dict[str, list[float]]:
    """Give, of each figure, the median of the second quarter of the samples and that of the last."""
    quarter = max(1, len(samples) // 4)
    second, last = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    return {
        name: [round(median(sample.get(name, 0.0) for sample in part), 1) for part in (second, last)]
        for name in sorted(samples[-1])
    }


def grown(figures: Mapping[str, Sequence[float]]) -> list[str]:
    """Give what passed its bound, or grew by more than a tenth and the slack of its kind, and must not.

    The outbox may grow by what was written meanwhile.
    """
    return [
        f"{name}: {before:g} -> {after:g}, at most {limit:g}"
        for name, (before, after) in figures.items()
        if name not in GROWING and after > (limit := most(name, before))
    ] + _grown_outbox(figures)


def most(name: str, before: float) -> float:
    """Give what a figure may come to that was `before`."""
    if name in BOUNDS:
        return BOUNDS[name]
    return round(1.1 * before + next(slack for kind, slack in SLACK.items() if name.endswith(kind)), 1)


def _grown_outbox(figures: Mapping[str, Sequence[float]]) -> list[str]:
    (before, after), (first, last) = figures[OUTBOX], figures[WRITTEN]
    grown_by, written = after - before, last - first
    is_too_much = grown_by > 1.1 * written + OUTBOX_SLACK
    return [f"{OUTBOX}: {grown_by:g} more, and {written:g} {WRITTEN}"] if is_too_much else []


def _nights(stack: RunningStack) -> Callable[[], None]:
    """Give a work that runs a batch and a compaction when it is time."""
    due = time.monotonic()

    def look() -> None:
        nonlocal due
        if time.monotonic() < due:
            time.sleep(1)
            return
        due += BATCH_SECONDS
        stack.run_alone("batch", "run")
        stack.run_alone("lake", "compact")

    return look


def _sampled(stack: RunningStack, crew: Crew, seconds: float, written: Callable[[], int]) -> list[Sample]:
    samples, began = [], time.monotonic()
    lake = LakeFolder(s3_objects.connect(stack.settings()), EVENTS_FOLDER)
    while time.monotonic() < began + seconds:
        samples.append(usage(stack.data_dir) | holdings(stack.data_dir, lake) | {WRITTEN: written()})
        crew.pause(SAMPLE_SECONDS)
    return samples


def _tallies(tally: Counter[str]) -> dict[str, Any]:
    return {"figures": dict(tally)}


if __name__ == "__main__":
    outcome = soak(float(sys.argv[1]))
    sys.stdout.write(f"{results.write('soak', outcome)}\n")
    sys.exit("\n".join(grown(outcome["growth"])) or 0)
