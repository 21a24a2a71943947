"""Publishes events to the event log: idempotent, acknowledged by every in-sync replica, each user's in order.

Why order holds: a user's events go to one partition (key = user_id); the driver has one batch of a partition under way
at a time, and retries it until it is accepted, without a limit in time. Should a batch be refused for good, nothing
that was handed in after it is sent any more: the sender is stopped in the very callback that reports the refusal,
before it takes up the next batch. The publisher is of no use then; whoever owns it makes a new one and publishes again
from the first event that was not acknowledged.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.contracts.event_codec import encode
from cinematch.contracts.log_record import trace_headers
from cinematch.domain.events import Event
from cinematch.errors import StoreUnavailable
from cinematch.spans import begin
from cinematch.tracing import read_trace

_FOR_EVER_MS: Final = 2**31 - 1
"""24 days: whoever waits for acknowledgements has given up long before."""
_CONNECT_MS: Final = 2_000
_RECONNECT_MAX_MS: Final = 1_000
_BATCH_BYTES: Final = 131_072
_END_SECONDS: Final = 2.0


class EventPublisher:
    """A producer of events; it connects when the first one is published. For one thread."""

    def __init__(self, brokers: Brokers, topic: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._producer: KafkaProducer | None = None
        self._changed = threading.Condition()
        self._outstanding = 0
        self._failure: BaseException | None = None

    def publish(self, event: Event) -> None:
        """Hand one event in; it is on its way, not yet acknowledged.

        Raises StoreUnavailable when Kafka cannot be reached, or refused an event before: this publisher has ended.
        """
        self._check()
        step = begin("publish", read_trace(event.traceparent), {"topic": self._topic}) if event.traceparent else None
        traceparent = str(step.trace) if step else event.traceparent
        try:
            future = self._connected().send(
                self._topic, key=event.user_id.encode(), value=encode(event), headers=trace_headers(traceparent)
            )
        except KafkaError as error:
            self._fail(error)
            raise unavailable(error, self._brokers) from error
        with self._changed:
            self._outstanding += 1
        if step:
            future.add_callback(lambda _: step.end())
        future.add_callback(self._acknowledge)
        future.add_errback(self._fail)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until everything that was handed in is acknowledged; False when time is up before.

        Raises StoreUnavailable when Kafka refused an event for good.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or not self._outstanding, timeout_seconds)
        self._check()
        return not self._outstanding

    def close(self) -> None:
        """End the connection; what is not acknowledged is given up, though Kafka may have it."""
        if self._producer is not None:
            self._stop_sending()
            self._producer._sender.join(_END_SECONDS)
            self._producer = None

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(  # acks=all and idempotent
                **connection(self._brokers),
                client_id="cinematch-relay",
                allow_auto_create_topics=False,
                batch_size=_BATCH_BYTES,
                bootstrap_timeout_ms=_CONNECT_MS,
                delivery_timeout_ms=_FOR_EVER_MS,
                max_block_ms=_CONNECT_MS,
                max_in_flight_requests_per_connection=1,
                reconnect_backoff_max_ms=_RECONNECT_MAX_MS,
            )
        return self._producer

    def _check(self) -> None:
        if self._failure is not None:
            raise StoreUnavailable("kafka", f"an event was refused: {self._failure!r}")

    def _acknowledge(self, _: Any) -> None:
        with self._changed:
            self._outstanding -= 1
            if not self._outstanding:
                self._changed.notify_all()

    def _fail(self, error: BaseException) -> None:
        """Stop everything; called in the sender's own thread when a batch is refused."""
        self._stop_sending()
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _stop_sending(self) -> None:
        """End the sender without sending what is pending: `close` of the driver would try to, and wait."""
        if self._producer is not None:
            self._producer._sender.force_close()
