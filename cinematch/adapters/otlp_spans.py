"""Spans sent to an OpenTelemetry collector by OTLP over HTTP, in the background; needs the extra `telemetry`.

The SDK's own variables count as well (OTEL_EXPORTER_OTLP_HEADERS, OTEL_BSP_SCHEDULE_DELAY, ...). A collector that is
away costs spans and a warning, nothing else.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Final

from cinematch.settings import Settings
from cinematch.spans import Span, collect_spans
from cinematch.telemetry import get_logger

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

PATH: Final = "/v1/traces"
PREFIX: Final = "cinematch."
_log = get_logger(__name__)


def export_spans(settings: Settings, service: str) -> None:
    """Send this process's spans as those of `cinematch-<service>`; nothing happens without an address or the extra."""
    if settings.otel_exporter_otlp_endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but spans need the extra: pip install 'cinematch[telemetry]'")
        return
    address = str(settings.otel_exporter_otlp_endpoint).rstrip("/") + PATH
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=address))
    atexit.register(processor.shutdown)
    ratio = settings.trace_sample_ratio
    collect_spans(_Sender(processor, f"cinematch-{service}").send, 1.0 if ratio is None else ratio)


class _Sender:
    """Puts our spans into the SDK's form."""

    def __init__(self, processor: SpanProcessor, service: str) -> None:
        from opentelemetry.sdk.resources import Resource

        self._processor = processor
        self._resource = Resource.create({"service.name": service})

    def send(self, span: Span) -> None:
        """Hand one in; it is sent later."""
        self._processor.on_end(self._readable(span))

    def _readable(self, span: Span) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

        def context(span_id: str) -> SpanContext:
            flags = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(int(span.trace.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=flags)

        return ReadableSpan(
            name=span.name,
            context=context(span.trace.span_id),
            parent=None if span.parent_id is None else context(span.parent_id),
            resource=self._resource,
            attributes={PREFIX + name: value for name, value in span.attributes.items()},
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=InstrumentationScope("cinematch"),
        )
