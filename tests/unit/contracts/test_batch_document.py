"""Documents are carried over from night to night, so what they look like has a version."""

from __future__ import annotations

import hashlib
import zlib
from datetime import UTC, datetime

import orjson
from hypothesis import given

from cinematch.adapters.mongodb_generations import decode, encode
from cinematch.contracts.batch_document import DOCUMENT_VERSION, Document, batch_document, read_summary
from cinematch.contracts.generations import list_chunks
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from tests.histories import add, delete, update
from tests.strategies import EPOCH, History, histories

PINNED = {1: "da8f81cb16b78205", 2: "7b186a22736818e3"}


def unpacked(document: Document) -> Document:
    """The document without what depends on the machine's zlib."""
    summary = document["summary"]
    return document | {"summary": summary | {"rankings": zlib.decompress(summary["rankings"])}}


def of_version_1(document: Document) -> Document:
    """The document as version 1 wrote it: the rankings beside the totals, times as times."""
    summary = dict(document["summary"])
    rankings = orjson.loads(zlib.decompress(summary.pop("rankings")))
    for name in ("top_rated", "recent"):
        rows = rankings[name]["rows"]
        rankings[name]["rows"] = [[*row[:3], datetime.fromtimestamp(row[3] / 1000, UTC), row[4]] for row in rows]
    return document | {"summary": summary | rankings}


@given(histories())
def test_a_document_of_version_1_gives_back_its_summary(history: History) -> None:
    summary = summarise(replay(history.events), history.films)
    document = of_version_1(batch_document("user", summary, 1, EPOCH))
    assert read_summary(decode(encode(document))) == summary


def test_times_at_the_ends_of_the_calendar_come_back() -> None:
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)]
    summary = summarise(replay(add(n, f"m{n}", 7, watched_at=moment) for n, moment in enumerate(ends, 1)), {})
    assert read_summary(decode(encode(batch_document("user", summary, 1, EPOCH)))) == summary


def test_a_document_that_comes_out_differently_has_a_version_of_its_own() -> None:
    """Where this fails: raise DOCUMENT_VERSION, and pin the new digest beside it."""
    films = {
        f"m{n}": Film(f"m{n}", f"Film {n}", 1980 + n, ("Drama",), (f"D{n % 3}",), ("A", f"B{n}"), 80 + n, f"/{n}.svg")
        for n in range(1, 15)
    }
    events = [
        add(n, f"m{n}", (n % 10) + 0.5 if n % 4 else None, "ann", genres=("Drama",) * (n % 2)) for n in range(1, 17)
    ]
    events += [update(17, events[0], 9.5), delete(18, events[2])]
    watchlist = replay(events)
    document, chunks = batch_document("ann", summarise(watchlist, films), 7, EPOCH), list_chunks("ann", watchlist)
    assert digest(unpacked(document), *chunks) == PINNED[DOCUMENT_VERSION]
    assert digest(of_version_1(document), *chunks) == PINNED[1]


def digest(*documents: Document) -> str:
    return hashlib.sha256(b"".join(map(encode, documents))).hexdigest()[:16]
