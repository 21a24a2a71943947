"""Spans: how long each step of a sampled trace took, for whoever collects them (`export_spans` of adapters.otlp_spans).

Until somebody does, and for traces that are not sampled, a step costs next to nothing and leaves nothing. A span never
changes what is done: what fails inside of it is told as failed, and goes on failing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from cinematch.tracing import Trace, current_trace, within

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Span:
    """One step that has ended. Times are nanoseconds since 1970; `parent_id` is None for the first step of a trace."""

    name: str
    trace: Trace
    parent_id: str | None
    began_ns: int
    ended_ns: int
    attributes: Attributes
    failed: bool


Collect = Callable[[Span], None]


@dataclass(slots=True)
class _Collecting:
    collect: Collect | None = None
    ratio: float = 0.0


_state = _Collecting()


def collect_spans(collect: Collect | None, ratio: float = 1.0) -> None:
    """Have every span of this process collected, from any thread; `ratio` of the traces that begin here are sampled."""
    _state.collect = collect
    _state.ratio = ratio if collect is not None else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step that has begun; `trace` is what those who come after it have as their parent."""

    name: str
    trace: Trace
    parent_id: str | None
    began_ns: int
    attributes: Attributes

    def end(self, *, failed: bool = False) -> None:
        """Have it collected."""
        if _state.collect is not None:
            ended_ns = time.time_ns()
            _state.collect(
                Span(self.name, self.trace, self.parent_id, self.began_ns, ended_ns, self.attributes, failed)
            )


def first_trace(trace_id: str | None = None) -> Trace:
    """Begin a trace, sampled by chance."""
    begun = Trace.begun(trace_id)
    is_drawn = random.random() < _state.ratio  # noqa: S311 - a sample, and no secret
    return replace(begun, sampled=True) if is_drawn else begun


def begin(name: str, parent: Trace | None, attributes: Attributes, began_ns: int | None = None) -> Step | None:
    """Begin a step below `parent`, by default now; None where nobody would hear of it."""
    if _state.collect is None or parent is None or not parent.sampled:
        return None
    return Step(name, parent.step(), parent.span_id, began_ns or time.time_ns(), attributes)


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[None]:
    """Do the block as a step of the current trace."""
    step = begin(name, current_trace(), attributes)
    if step is None:
        yield
        return
    with within(step.trace), _ended(step):
        yield


@contextmanager
def first_span(name: str, trace: Trace, parent_id: str | None = None, **attributes: str | int) -> Iterator[None]:
    """Do the block within a trace of which it is this process's first step; `parent_id` is that of whoever asked."""
    if _state.collect is None or not trace.sampled:
        with within(trace):
            yield
        return
    with within(trace), _ended(Step(name, trace, parent_id, time.time_ns(), attributes)):
        yield


@contextmanager
def _ended(step: Step) -> Iterator[None]:
    try:
        yield
    except BaseException:
        step.end(failed=True)
        raise
    step.end()
