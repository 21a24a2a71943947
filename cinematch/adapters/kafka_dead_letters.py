"""The dead-letter topic, written: letters are acknowledged by every in-sync replica before `publish` returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from cinematch.adapters.kafka_connection import Brokers, connection, unavailable
from cinematch.contracts.dead_letter import DeadLetter, blamed, encode
from cinematch.contracts.log_record import trace_headers
from cinematch.metrics.catalogue import DEAD_LETTERS
from cinematch.metrics.instruments import counter
from cinematch.telemetry import get_logger
from cinematch.tracing import read_trace, within

CONNECT_MS: Final = 5_000
TIMEOUT_SECONDS: Final = 30.0
"""For the acknowledgement of a letter."""
_log = get_logger(__name__)


class DeadLetterOffice:
    """A producer of letters; it connects when the first letter is sent."""

    def __init__(self, brokers: Brokers, topic: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._producer: KafkaProducer | None = None

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        """Publish letters and wait for their acknowledgement. Raises StoreUnavailable.

        After an error some letters may have been published: send them all again, readers keep one of each identity.
        """
        try:
            pending = [(letter, self._send(letter)) for letter in letters]
            for letter, future in pending:
                future.get(TIMEOUT_SECONDS)
                _tell(letter)
                count_letters(letter.layer, [blamed(letter.reason)])
        except KafkaError as error:
            self._give_up()
            raise unavailable(error, self._brokers) from error

    def close(self, timeout_seconds: float | None = None) -> None:
        """End the connection; the next letter makes a new one. Nothing is pending between two calls of `publish`."""
        if self._producer is not None:
            self._producer.close(timeout_seconds)
            self._producer = None

    def _give_up(self) -> None:
        """End the sender: an idempotent producer that has failed may refuse whatever comes after.

        Not by `close` of the driver, which waits for what is pending, and raises when that is too slow.
        """
        if self._producer is not None:
            self._producer._sender.force_close()
            self._producer = None

    def _send(self, letter: DeadLetter) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(  # acks=all and idempotent by default
                **connection(self._brokers), bootstrap_timeout_ms=CONNECT_MS, max_block_ms=CONNECT_MS
            )
        headers = trace_headers(letter.traceparent)
        return self._producer.send(self._topic, key=letter.identity.encode(), value=encode(letter), headers=headers)


def count_letters(layer: str, fields: Iterable[str]) -> None:
    """Count letters by the fields at fault: those of this process's office are, those of Spark's workers are not."""
    for field in fields:
        counter(DEAD_LETTERS).labels(layer, field).inc()


def _tell(letter: DeadLetter) -> None:
    """Tell the log of a letter whose request is known: whoever looks for that request must find how it ended."""
    trace = read_trace(letter.traceparent)
    if trace is not None:
        with within(trace):
            _log.warning("a record is no event", record=letter.identity, layer=letter.layer, reason=letter.reason)
