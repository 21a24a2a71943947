"""The sink: from Kafka into the lake, every offset exactly once.

Enters: records of the partitions that the consumer group gives us. Leaves: objects that chain (see `lake_manifest`).

The commit protocol of one batch:
1. Letters of the records that are no events are published and acknowledged.
2. The object is written by a conditional PUT. This is the commit.
3. The offset is committed to Kafka, for those who watch the group's lag. Nothing relies on it.

A partition is started, and started again after a rebalance, where the lake says that it ends. A writer that lost its
partition without knowing (a zombie) is refused in step 2, drops what it holds and starts again. So a crash between any
two steps, a rebalance in the middle, or two writers at once neither lose nor double an offset; letters may be repeated,
and have an identity by which readers keep one.

Not guaranteed: that every partition makes progress. One whose topic was deleted and created again, or lost its end, is
refused with an error in the log, and named by `lake verify`, until somebody decides: its offsets no longer mean what
the lake says they mean.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cinematch.adapters.kafka_consumer import GroupConsumer, LogExtent
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.lake_file import OFFSET, decode_file, encode_file
from cinematch.contracts.lake_manifest import LakeObject
from cinematch.contracts.lake_paths import ObjectName
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import Conflict, NotFound, StoreUnavailable
from cinematch.metrics.catalogue import LAKE_FLUSH_BYTES, LAKE_FLUSH_ROWS, LAKE_FLUSH_SECONDS, LAKE_LOST
from cinematch.metrics.instruments import counter, histogram
from cinematch.telemetry import get_logger
from cinematch.tracing import tell_step
from data_lake.backoff import Backoff
from data_lake.continuity import is_same, last_row
from data_lake.record_batch import BatchBuilder, BatchLimits, OffsetsWentBack, RecordBatch
from data_lake.refusal import refusal
from data_lake.tables import LakeTable

POLL_SECONDS: Final = 0.5
REFUSED_RETRY_SECONDS: Final = 30.0
log = get_logger(__name__)


class DeadLetters(Protocol):
    """Who takes the letters."""

    def publish(self, letters: Iterable[DeadLetter]) -> None:
        """Publish letters; returns when they are safe."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one topic's records go: how they become rows, and the folder that keeps them."""

    table: LakeTable
    folder: LakeFolder


@dataclass(frozen=True, slots=True)
class Writer:
    """One partition's batches; `topic_id` is Kafka's, noted in every object."""

    builder: BatchBuilder
    topic_id: str


class LakeSink:
    """One process of the sink; any number of them share the partitions. For one thread."""

    def __init__(
        self,
        consumer: GroupConsumer,
        shelves: Mapping[str, Shelf],
        dead_letters: DeadLetters,
        limits: BatchLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._shelves = shelves
        self._dead_letters = dead_letters
        self._limits = limits
        self._monotonic = monotonic
        self._writers: dict[LogPartition, Writer] = {}
        self._refused_until: dict[LogPartition, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop`, whatever goes down meanwhile; then flush what is held and leave the group."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                self.step(POLL_SECONDS)
                backoff.reset()
            except (StoreUnavailable, NotFound) as error:  # not found: compaction removed it while we looked
                log.warning("the lake sink waits", reason=str(error), seconds=backoff.next_seconds)
                self._wait(backoff.fail(), stop)
        self._leave()

    def step(self, poll_seconds: float) -> None:
        """One round. Raises StoreUnavailable; nothing that was taken is forgotten, so the next round tries again."""
        self._start_waiting()
        self._poll(poll_seconds)
        now = self._monotonic()
        for writer in list(self._writers.values()):
            self._flush(writer, lambda builder: builder.due(now))

    def _start_waiting(self) -> None:
        assigned, waiting = self._consumer.assigned(), self._consumer.waiting()
        self._writers = {place: it for place, it in self._writers.items() if place in assigned - waiting}
        now = self._monotonic()
        ready = {place for place in waiting if self._refused_until.get(place, now) <= now}
        for topic in {place.topic for place in ready}:
            last = self._shelves[topic].folder.last_links()
            for place in sorted(it for it in ready if it.topic == topic):
                self._start(place, last.get(place))

    def _start(self, place: LogPartition, last: LakeObject | None) -> None:
        first = last.next_offset if last else 0
        extent = self._consumer.extent(place)
        if last and (reason := _refusal(last, extent, same_record=self._goes_on(last, extent))):
            self._refused_until[place] = self._monotonic() + REFUSED_RETRY_SECONDS
            log.error("the partition is not the one that the lake has", partition=str(place), reason=reason)
            return
        self._writers[place] = Writer(BatchBuilder(place, first, self._limits), extent.topic_id)
        self._consumer.start(place, max(first, extent.first))
        log.info("the lake sink starts a partition", partition=str(place), offset=first)

    def _goes_on(self, last: LakeObject, extent: LogExtent) -> bool:
        """Say whether Kafka has the lake's last record, as far as both still have it to be compared."""
        shelf = self._shelves[last.topic]
        try:
            row = last_row(decode_file(shelf.folder.objects.get(last.key)), shelf.table)
        except ValueError as error:  # `lake verify` names it
            log.warning("the lake's last object cannot be read", object=last.key, reason=str(error))
            return True
        if row is None or not extent.first <= row[OFFSET] < extent.end:
            return True
        record = self._consumer.record_at(last.place, row[OFFSET])
        return record is None or is_same(row, record, shelf.table)

    def _poll(self, seconds: float) -> None:
        try:
            polled = self._consumer.poll(seconds)
        except StoreUnavailable:
            for place in list(self._writers):  # the driver may have passed over records that it did not give us
                self._start_again(place)
            raise
        for place, records in polled.items():
            self._take(place, records)

    def _take(self, place: LogPartition, records: Sequence[LogRecord]) -> None:
        """Take all records, or forget the partition: what was polled and not taken would look like a hole later."""
        try:
            writer = self._writers[place]
            for record in records:
                writer.builder.add(record, self._monotonic(), self._lost_before(record, writer.builder))
        except (KeyError, OffsetsWentBack, StoreUnavailable) as error:
            log.warning("the lake sink starts a partition again", partition=str(place), reason=str(error))
            self._start_again(place)

    def _lost_before(self, record: LogRecord, builder: BatchBuilder) -> int:
        """Count the offsets before `record` that Kafka's retention took before we came."""
        if record.offset <= builder.expected_offset:
            return 0
        first_kept = self._consumer.extent(record.place).first
        lost = max(0, min(first_kept, record.offset) - builder.expected_offset)
        if lost:
            log.error("Kafka deleted records that the lake had not read", partition=str(record.place), lost=lost)
        return lost

    def _flush(self, writer: Writer, choose: Callable[[BatchBuilder], RecordBatch | None]) -> None:
        while batch := choose(writer.builder):
            began = time.perf_counter()
            try:
                link = self._store(batch, writer.topic_id)
            except Conflict as error:
                log.info("another writer was first", partition=str(batch.place), reason=str(error))
                self._start_again(batch.place)
                return
            writer.builder.remove_oldest()
            _measure(self._shelves[batch.place.topic].folder.name, link, time.perf_counter() - began)
            _tell_steps(batch, link)
            log.info("stored", object=link.key, rows=link.rows, rejected=link.rejected, bytes=link.size_bytes)
            self._commit(link)

    def _store(self, batch: RecordBatch, topic_id: str) -> LakeObject:
        shelf = self._shelves[batch.place.topic]
        encoded = shelf.table.encode(batch.records)
        self._dead_letters.publish(encoded.rejected)  # 1
        link = LakeObject(
            key=ObjectName(shelf.folder.name, batch.place, batch.day, batch.first_offset).key,
            topic=batch.place.topic,
            topic_id=topic_id,
            partition=batch.place.partition,
            day=batch.day,
            first_offset=batch.first_offset,
            next_offset=batch.next_offset,
            rows=encoded.table.num_rows,
            rejected=len(encoded.rejected),
            lost=batch.lost,
        )
        link, body = encode_file(encoded.table, link)
        shelf.folder.append(link, body)  # 2
        return link

    def _commit(self, link: LakeObject) -> None:
        try:
            self._consumer.commit({link.place: link.next_offset})  # 3
        except StoreUnavailable as error:
            log.info("the offset is not committed; the lake knows it", partition=str(link.place), reason=str(error))

    def _start_again(self, place: LogPartition) -> None:
        self._writers.pop(place, None)
        self._consumer.restart(place)

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        """Let time pass with all partitions held, but keep polling: who does not poll is put out of the group."""
        until = self._monotonic() + seconds
        self._consumer.hold(True)
        while self._monotonic() < until and not stop.is_set():
            try:
                self._poll(POLL_SECONDS)
            except StoreUnavailable:
                stop.wait(POLL_SECONDS)
        self._consumer.hold(False)

    def _leave(self) -> None:
        try:
            for writer in list(self._writers.values()):
                self._flush(writer, lambda builder: builder.oldest())
            self._consumer.close()
        except StoreUnavailable as error:
            log.warning("the lake sink leaves without a flush; the records are still in Kafka", reason=str(error))


def _refusal(last: LakeObject, extent: LogExtent, *, same_record: bool) -> str | None:
    return refusal(
        last.place,
        lake_id=last.topic_id,
        lake_end=last.next_offset,
        topic_id=extent.topic_id,
        log_end=extent.end,
        same_record=same_record,
    )


def _tell_steps(batch: RecordBatch, link: LakeObject) -> None:
    for record in batch.records:
        tell_step(log, record.trace, "a record is in the lake", object=link.key, offset=record.offset)


def _measure(folder: str, link: LakeObject, seconds: float) -> None:
    histogram(LAKE_FLUSH_SECONDS).labels(folder).observe(seconds)
    histogram(LAKE_FLUSH_ROWS).labels(folder).observe(link.rows)
    counter(LAKE_FLUSH_BYTES).labels(folder).inc(link.size_bytes)
    counter(LAKE_LOST).inc(link.lost)
