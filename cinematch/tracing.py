"""The trace of a request: the W3C trace context that goes with an event from the POST to every view.

It is no part of the event: it stands beside it, as the field `traceparent` of the outbox document and the header of
that name of a Kafka record. An event without one (old, imported, of another producer) is as good as any other.

A trace is *sampled* when its maker asked for the whole story: then each step of the event is told in the log of whoever
takes it. Of other events only what is wrong is told, with the same trace id.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Self

import structlog

TRACEPARENT: Final = "traceparent"
"""The header of HTTP and Kafka, and the field of the outbox."""
TRACEPARENT_MOST_BYTES: Final = 256
"""Of a header that is looked at: ours have 55, those of later versions may be longer."""
_FORM: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 0x01


@dataclass(frozen=True, slots=True)
class Trace:
    """One place in a trace: the id of the whole, the id of the step, and whether somebody wants to hear of it."""

    trace_id: str
    span_id: str
    sampled: bool = False

    @classmethod
    def begun(cls, trace_id: str | None = None) -> Self:
        """Begin a trace; 32 hexadecimal digits name it, random ones by default."""
        return cls(trace_id or secrets.token_hex(16), secrets.token_hex(8))

    def step(self) -> Trace:
        """Give another step of the same trace."""
        return Trace(self.trace_id, secrets.token_hex(8), self.sampled)

    def __str__(self) -> str:
        """Write it as `traceparent` has it, in version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"


def read_trace(header: str | bytes | None) -> Trace | None:
    """Read a `traceparent` that anybody may have written; None for what is none."""
    if not header or len(header) > TRACEPARENT_MOST_BYTES:
        return None
    form = _FORM.fullmatch(header.decode("latin-1") if isinstance(header, bytes) else header)
    if form is None or (form[1] == "00" and form[5] is not None):
        return None
    return Trace(form[2], form[3], bool(int(form[4], 16) & _SAMPLED))


_current: ContextVar[Trace | None] = ContextVar("cinematch_trace", default=None)


def current_trace() -> Trace | None:
    """Give the trace of the request that is being answered; None outside of one."""
    return _current.get()


@contextmanager
def within(trace: Trace, **fields: str) -> Iterator[None]:
    """Work within a trace: it is the current one, and every line of the log has its `trace_id`, and `fields`."""
    token = _current.set(trace)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=trace.trace_id, **fields):
            yield
    finally:
        _current.reset(token)


def tell_step(log: structlog.stdlib.BoundLogger, trace: Trace | None, step: str, **fields: object) -> None:
    """Tell one step of an event whose trace is sampled; of others nothing."""
    if trace is not None and trace.sampled:
        with within(trace):
            log.info(step, **fields)
