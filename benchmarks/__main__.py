"""`python -m benchmarks [--quick] [MEASURE ...]`: measure all or some, and merge the rows into the result files.

A measure that fails or takes too long is told, and the next one begins; the exit code is 1 then. The parts that it had
done (see `Findings.part`) are shown, and kept where no earlier run of its kind is. Ctrl-C and SIGTERM end whatever
runs, servers included, and keep the results of the measures that were done.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from benchmarks import results
from benchmarks.machine import commit, machine
from benchmarks.registry import NAMES, Measure, load
from benchmarks.report import table
from benchmarks.rows import Findings, Unfinished
from cinematch.telemetry import configure_logging

STOPPED: Final = 130
QUICK_SECONDS: Final = 590.0
"""All measures of a quick run together."""
console: Final = Console(width=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, or 1 when a measure failed, or 130 when we were stopped."""
    options = _options(arguments)
    chosen = options.measures or [name for name in NAMES if not options.quick or load(name).SECONDS[0] is not None]
    signal.signal(signal.SIGTERM, _interrupt)
    configure_logging("WARNING", as_json=False)
    until = time.monotonic() + (QUICK_SECONDS if options.quick else math.inf) * options.patience
    failed = []
    try:
        for place, name in enumerate(chosen, 1):
            console.rule(f"{place}/{len(chosen)} {name}: {load(name).TITLE}")
            if not _run(name, options.quick, _limit(name, options.quick, options.patience, until)):
                failed.append(name)
    except KeyboardInterrupt:
        console.print("stopped; what was measured before is kept")
        return STOPPED
    if failed:
        console.print(f"failed, in part or with their rows as they were before: {', '.join(failed)}")
    return 1 if failed else 0


def _limit(name: str, quick: bool, patience: float, until: float) -> float:
    """Give the seconds that a measure may take; what has no time left is left out, and counts as failed."""
    quick_seconds, full_seconds = load(name).SECONDS
    usual = quick_seconds if quick and quick_seconds is not None else full_seconds
    return min(usual * patience, until - time.monotonic())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", choices=[*NAMES, []], metavar="MEASURE", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="smaller sizes; all together under ten minutes")
    parser.add_argument("--patience", type=float, default=1.0, help="factor for the time that a measure may take")
    return parser.parse_args(arguments)


def _run(name: str, quick: bool, limit: float) -> bool:
    measure = load(name)
    run: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "commit": commit(),
        "machine": machine(),
    }
    began = time.monotonic()
    try:
        findings, is_whole = _measured(measure, quick, limit)
        run["seconds"] = round(time.monotonic() - began, 1)
        before = results.read()
        run |= results.repeated(before, name, findings, run)
        if is_whole or not before.has_run(name, quick):
            results.write(results.merge(before, name, findings, run, NAMES))
    except Exception:  # noqa: BLE001 - a measure may fail in any way, and the others go on
        _tell_error()
        return False
    console.print("\n".join(table(findings.rows)), markup=False, highlight=False, soft_wrap=True)
    for remark in findings.remarks:
        console.print(f"- {remark}", markup=False, highlight=False)
    console.print(f"{run['seconds']} s{_repetition(run)}")
    return is_whole


def _measured(measure: Measure, quick: bool, limit: float) -> tuple[Findings, bool]:
    """Give what was found, and whether that is all. Raises what the measure raises when it found nothing."""
    try:
        with _at_most(limit):
            return measure.measure(quick), True
    except Unfinished as unfinished:
        if not unfinished.findings.rows:
            raise
        _tell_error()
        return unfinished.findings, False


def _tell_error() -> None:
    console.print(traceback.format_exc(), markup=False, highlight=False)


def _repetition(run: dict[str, Any]) -> str:
    """Say how many ratios the run before had found, too."""
    if (told := run.get("repeated")) is None:
        return ""
    others = f"; not: {', '.join(told['apart'])}" if told["apart"] else ""
    return f"; {results.agreement(run)} ratios agree with those of {told['before']} within their spreads{others}"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this thread when the block takes longer."""
    if seconds <= 0:
        raise TimeoutError("there is no time left for this measure")
    signal.signal(signal.SIGALRM, _time_out)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _time_out(*_: object) -> None:
    raise TimeoutError("the measure took longer than it may")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
