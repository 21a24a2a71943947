"""A collector of OpenTelemetry on loopback, as far as tests need one: it takes spans and keeps them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cinematch.local_stack.ports import LOOPBACK


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it came; ids in hexadecimal."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool


@dataclass
class OtlpCollector:
    """What was collected, and where to send it."""

    address: str
    collected: list[CollectedSpan] = field(default_factory=list)

    def spans(self, trace_id: str) -> dict[str, CollectedSpan]:
        """Give the spans of a trace by name."""
        return {span.name: span for span in list(self.collected) if span.trace_id == trace_id}

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {it.key: it.value.string_value for it in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.collected += [
                    CollectedSpan(
                        name=it.name,
                        service=named["service.name"],
                        trace_id=it.trace_id.hex(),
                        span_id=it.span_id.hex(),
                        parent_id=it.parent_span_id.hex(),
                        failed=it.status.code == it.status.STATUS_CODE_ERROR,
                    )
                    for it in scope.spans
                ]


@contextmanager
def collecting() -> Iterator[OtlpCollector]:
    """Run a collector until the block ends."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    collector = OtlpCollector(f"http://{LOOPBACK}:{server.server_port}")
    server.collector = collector  # type: ignore[attr-defined] # how a handler of http.server comes to anything
    thread = threading.Thread(target=server.serve_forever, name="collector", daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        is_ours = self.path == "/v1/traces"
        if is_ours:
            self.server.collector.take(body)  # type: ignore[attr-defined]
        self.send_response(200 if is_ours else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: tests have enough to say."""
