"""`python -m tests.oracle.soak MINUTES`: an ordinary day for so long, and what grows meanwhile that must not.

Clients change and read lists, a batch and a compaction run every few minutes. Every answer is checked, as in the
schedules. The result compares the second quarter of the time with the last, by medians: the first is for warming up.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from cinematch.adapters.mongodb_outbox import Outbox
from tests.end_to_end.running_stack import RunningStack, catalog_films
from tests.oracle import results
from tests.oracle.client import Acknowledged, Crew, EventLogs, Reader, Writer
from tests.oracle.history import kept_on_failure
from tests.oracle.processes import Sample, holdings, usage

SAMPLE_SECONDS: Final = 10.0
BATCH_SECONDS: Final = 180.0
WRITE_SECONDS: Final = 0.05
READ_SECONDS: Final = 0.05
UNTIL_RETENTION: Final = frozenset({"outbox events"})
"""What grows for days, and then no more."""
SLACK: Final = {"MiB": 40.0, "files": 24.0, "threads": 12.0, "generations": 1.0}
"""By how much a figure may grow whatever it was, by the last word of its name."""
USERS: Final = [f"soaked-{number}" for number in range(50)]


def soak(minutes: float) -> results.Results:
    """Run a stack for so long; give the first and last of every figure. Raises WrongAnswer."""
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

            crew = Crew(write, read)
            samples = _sampled(stack, crew, minutes * 60)
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
    """Give what grew by more than a tenth and the slack of its kind, and must not."""
    return [
        f"{name}: {before:g} -> {after:g}"
        for name, (before, after) in figures.items()
        if name not in UNTIL_RETENTION and after > 1.1 * before + SLACK[name.rpartition(" ")[2]]
    ]


def _sampled(stack: RunningStack, crew: Crew, seconds: float) -> list[Sample]:
    samples, began, batch_at = [], time.monotonic(), 0.0
    while (passed := time.monotonic() - began) < seconds:
        if passed >= batch_at:
            stack.cinematch("batch", "run")
            stack.cinematch("lake", "compact")
            batch_at += BATCH_SECONDS
        samples.append(usage(stack.data_dir) | holdings(stack.data_dir))
        crew.pause(SAMPLE_SECONDS)
    return samples


def _tallies(tally: Counter[str]) -> dict[str, Any]:
    return {"figures": dict(tally)}


if __name__ == "__main__":
    outcome = soak(float(sys.argv[1]))
    sys.stdout.write(f"{results.write('soak', outcome)}\n")
    sys.exit("\n".join(grown(outcome["growth"])) or 0)
