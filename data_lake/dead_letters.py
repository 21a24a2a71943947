"""The dead letters, wherever they are: in the lake, and behind its end still in Kafka only.

A letter is known by the identity of its record. Several layers may have rejected the same record; it is one letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

import orjson

from cinematch.adapters.s3_lake_files import LakeFiles
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.dead_letter import DeadLetter
from cinematch.contracts.event_codec import MAX_EVENT_BYTES, rfc3339
from cinematch.contracts.lake_schema import DEAD_LETTERS_SCHEMA, letters_from_table
from cinematch.contracts.log_record import LogPartition, LogRecord
from cinematch.errors import CineMatchError, Conflict, NotFound
from data_lake.tables import read_letter

REDRIVEN: Final = "_redriven/"
ReadLog = Callable[[Mapping[LogPartition, int]], Iterable[LogRecord]]
"""Reads the dead-letter topic from given offsets to its end."""


class Publisher(Protocol):
    """Who publishes a record again."""

    def publish(self, topic: str, key: bytes | None, value: bytes | None, traceparent: str | None) -> str:
        """Publish one record with its trace; gives `topic/partition/offset`."""


class CannotRedrive(CineMatchError):
    """The letter's record reaches no view by being published again."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """One rejected record: its letter, every layer that rejected it, and what became of it since."""

    letter: DeadLetter
    layers: tuple[str, ...]
    redriven_at: str | None = None
    redriven_as: str | None = None


class DeadLetterBox:
    """Lists rejected records and publishes those of the event log again. Raises StoreUnavailable."""

    def __init__(
        self, folder: LakeFolder, files: LakeFiles, read_log: ReadLog, publisher: Publisher, events_topic: str
    ) -> None:
        self._folder = folder
        self._files = files
        self._read_log = read_log
        self._publisher = publisher
        self._events_topic = events_topic

    def records(self) -> list[RejectedRecord]:
        """Give all rejected records by time of their first rejection."""
        found: dict[str, RejectedRecord] = {}
        for letter in self._letters():
            known = found.setdefault(letter.identity, RejectedRecord(letter, ()))
            found[letter.identity] = replace(known, layers=tuple(sorted({*known.layers, letter.layer})))
        redriven = self._redriven()
        records = [self._with_redrive(it, redriven) for it in found.values()]
        return sorted(records, key=lambda it: (it.letter.rejected_at, it.letter.identity))

    def record(self, identity: str) -> RejectedRecord:
        """Give one rejected record. Raises NotFound."""
        return self.chosen([identity])[0]

    def chosen(self, identities: Sequence[str]) -> list[RejectedRecord]:
        """Give these rejected records, each once, in this order. Raises NotFound when there is none of an identity."""
        records = {it.letter.identity: it for it in self.records()}
        for identity in identities:
            if identity not in records:
                raise NotFound(f"there is no dead letter {identity!r}; `cinematch dlq list` shows their ids")
        return [records[identity] for identity in dict.fromkeys(identities)]

    def redrive(self, record: RejectedRecord) -> str:
        """Publish the record as it was, with its trace, to its own topic, then note that; gives its new place.

        A crash between the two leaves the note out, and the record may be published twice: events have an identity.
        Raises CannotRedrive for what reaches no view however often it is published, Conflict for what was redriven.
        """
        letter = record.letter
        if record.redriven_at:
            raise Conflict(f"{letter.identity} was published again at {record.redriven_at} as {record.redriven_as}")
        if letter.value is None or len(letter.value) > MAX_EVENT_BYTES:
            raise CannotRedrive(f"{letter.identity}: its value is empty or too large to be an event")
        if letter.topic != self._events_topic:
            raise CannotRedrive(
                f"{letter.identity}: only records of {self._events_topic} reach every view, so only they are published "
                "again; what Redis alone lacks is put back by `cinematch speed rebuild`"
            )
        place = self._publisher.publish(letter.topic, letter.key, letter.value, letter.traceparent)
        note = {"redriven_at": rfc3339(datetime.now(UTC)), "redriven_as": place}
        try:
            self._folder.objects.put_new(self._note_key(letter.identity), orjson.dumps(note))
        except Conflict as error:
            raise Conflict(f"{letter.identity} was published by somebody else, too, at the same moment") from error
        return place

    def _letters(self) -> Iterator[DeadLetter]:
        last = self._folder.last_links()
        keys = self._folder.view().keys()
        yield from letters_from_table(self._files.rows(keys, DEAD_LETTERS_SCHEMA))
        for record in self._read_log({place: link.next_offset for place, link in last.items()}):
            yield read_letter(record)

    def _redriven(self) -> set[str]:
        return set(self._folder.objects.sizes(f"{self._folder.name}/{REDRIVEN}"))

    def _with_redrive(self, record: RejectedRecord, redriven: set[str]) -> RejectedRecord:
        key = self._note_key(record.letter.identity)
        return replace(record, **orjson.loads(self._folder.objects.get(key))) if key in redriven else record

    def _note_key(self, identity: str) -> str:
        return f"{self._folder.name}/{REDRIVEN}{identity}.json"
