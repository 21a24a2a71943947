"""Generations of the batch view: their records, and what the layers that write and read them agree on.

A generation is one whole batch view: a document of every user who ever had an event (`batch_document`), and every whole
list beside it. It is written beside the published one and becomes visible in one step: the view `user_stats_batch` is
re-pointed. That step is the commit point; the records follow it. So what is published is read from the view, never from
a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from cinematch.contracts.batch_document import entry_document
from cinematch.domain.watchlist import ListEntry, Watchlist

CHUNK_ENTRIES: Final = 1_000
"""Entries of one document of whole lists: at most about 1 MB, far from the 16 MB of a MongoDB document."""
Document = dict[str, Any]


class GenerationState(StrEnum):
    """What has become of a generation."""

    BUILDING = "building"  # a run is at it, or was killed
    READY = "ready"  # complete: published, or it was, or it can be
    FAILED = "failed"
    DROPPED = "dropped"  # its documents are gone, past the retention


@dataclass(frozen=True, slots=True)
class Generation:
    """The record of one generation; a failed run leaves one, too.

    base: the generation whose state it builds on; None: none, but every event ever stored, or with from_lists the
    users' lists in MongoDB. as_of: only events before that time (None: all that the lake had). users, films: documents
    and list entries; events: those folded in by this run; waiting_users: users with events that had to wait, because
    an earlier one of theirs is missing (or by as_of); sent_again: events that lacked in the lake and that the outbox
    publishes once more; first_event_time, last_event_time: of all events that it contains. Lists do not tell when
    their events happened: they add nothing to the first, and to the last the moment when the run had computed.
    resume_offsets: "topic/partition" -> the first Kafka offset that it may not contain. document_version: the
    DOCUMENT_VERSION of its documents. is_published is told by the view, not by the record.
    """

    number: int
    state: GenerationState
    owner: str
    started_at: datetime
    base: int | None = None
    as_of: datetime | None = None
    from_lists: bool = False
    finished_at: datetime | None = None
    seconds: float | None = None
    users: int = 0
    films: int = 0
    events: int = 0
    waiting_users: int = 0
    sent_again: int = 0
    first_event_time: datetime | None = None
    last_event_time: datetime | None = None
    resume_offsets: Mapping[str, int] = field(default_factory=dict)
    published_at: datetime | None = None
    replaced_at: datetime | None = None
    deltas_reset_at: datetime | None = None
    reason: str | None = None
    document_version: int = 0
    is_published: bool = False

    @property
    def last_published_at(self) -> datetime | None:
        """Since when, or at least until when, readers had it; None: never.

        The view tells first, the records follow: of one whose run was killed in between they know only its end.
        """
        return max((at for at in (self.published_at, self.replaced_at) if at is not None), default=None)


class Generations(Protocol):
    """What a store of generations can do; every call may raise StoreUnavailable."""

    def create(self, owner: str, started_at: datetime, base: int | None, as_of: datetime | None) -> Generation:
        """Begin the next generation: its record (building) and its empty collections."""

    def write(self, number: int, documents: Sequence[Document], chunks: Sequence[Document]) -> None:
        """Add batch documents and chunks of whole lists. Repeats are harmless: what is there stays."""

    def carry_over(self, base: int, number: int, updated_at: datetime) -> None:
        """Put a copy of everything of `base` in place of what `number` holds, said to be of `number` and that time."""

    def remove(self, number: int, user_ids: Sequence[str]) -> None:
        """Remove the documents and whole lists of these users."""

    def update(self, number: int, **fields: Any) -> None:
        """Change fields of the record (see `Generation`)."""

    def publish(self, number: int, now: datetime) -> None:
        """Re-point the view, in one atomic step; then let the records follow."""

    def published(self) -> Generation | None:
        """Give the generation that the view points to."""

    def get(self, number: int) -> Generation:
        """Give one record. Raises NotFound."""

    def all(self) -> list[Generation]:
        """Give every record, newest first."""

    def drop(self, number: int) -> None:
        """Remove the documents, not the record. Never the published one (raises Conflict). Idempotent."""

    def stored(self) -> set[int]:
        """Give the generations of which any document may still exist."""

    def counts(self, number: int) -> tuple[int, int]:
        """Give how many batch documents and how many chunks are there."""

    def boundaries(self, number: int, user_ids: Sequence[str]) -> dict[str, int]:
        """Give as_of_sequence of those of the users that have a document in this generation."""

    def boundary_pages(self, number: int, size: int) -> Iterator[dict[str, int]]:
        """Give as_of_sequence of every user, in pages, ordered by user_id."""

    def document(self, user_id: str) -> Document | None:
        """Give a user's published batch document."""

    def entries(self, number: int, user_id: str) -> list[ListEntry]:
        """Give a user's whole list as of this generation."""


def list_chunks(user_id: str, watchlist: Watchlist) -> list[Document]:
    """Give a whole list as documents `{_id: {user_id, chunk}, user_id, chunk, entries}`, oldest entry first.

    Entries of equal `added_at` are ordered by movie_id. An empty list has no chunk.
    """
    ordered = sorted(watchlist.entries.values(), key=lambda entry: (entry.added_at, entry.movie_id))
    return [
        {
            "_id": {"user_id": user_id, "chunk": number},
            "user_id": user_id,
            "chunk": number,
            "entries": [entry_document(entry) for entry in ordered[start : start + CHUNK_ENTRIES]],
        }
        for number, start in enumerate(range(0, len(ordered), CHUNK_ENTRIES))
    ]
