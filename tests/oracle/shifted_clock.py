"""One Python layer in a process whose clock is wrong, jumps to the right time, and back again, every few seconds:

    python -m tests.oracle.shifted_clock SECONDS MODULE ...

What Python asks for the time (`datetime.now`, `time.time`) is shifted by so many seconds or not at all, by turns; the
monotonic clock is not, nor are the clocks of a JVM that the process starts, as on two machines of which one is wrong.
"""

from __future__ import annotations

import datetime as module
import runpy
import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import pandas  # noqa: F401 - its times are made in C of the right datetime; imported behind the shift it fails

JUMP_SECONDS: Final = 5.0
"""A schedule of faults is long enough for several of these."""


class _IsDatetime(type):
    """Whatever is a datetime is one of the shifted class: values come from C code, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, datetime)


def shift(seconds: float, jump_seconds: float = JUMP_SECONDS) -> None:
    """Shift the clock of this process, for every module that is imported from now on; it is wrong to begin with."""
    right, began = time.time, time.monotonic()

    def error() -> float:
        return 0.0 if int((time.monotonic() - began) / jump_seconds) % 2 else seconds

    class Shifted(datetime, metaclass=_IsDatetime):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return datetime(*args, **kwargs)  # noqa: DTZ001 - as it is called

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=error())

        @classmethod
        def utcnow(cls) -> Any:
            return datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=error())

    time.time = lambda: right() + error()
    time.time_ns = lambda: int((right() + error()) * 1e9)
    module.datetime = Shifted  # type: ignore[misc]


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
