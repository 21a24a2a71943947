"""Documents are carried over from night to night, so what they look like has a version."""

from __future__ import annotations

import hashlib

from cinematch.adapters.mongodb_generations import encode
from cinematch.contracts.batch_document import DOCUMENT_VERSION, batch_document
from cinematch.contracts.generations import list_chunks
from cinematch.domain.summary import summarise
from cinematch.domain.watchlist import Film, replay
from tests.histories import add, delete, update
from tests.strategies import EPOCH

PINNED = {1: "da8f81cb16b78205"}


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
    document = batch_document("ann", summarise(watchlist, films), 7, EPOCH)
    encoded = b"".join(encode(each) for each in (document, *list_chunks("ann", watchlist)))
    assert hashlib.sha256(encoded).hexdigest()[:16] == PINNED[DOCUMENT_VERSION]
