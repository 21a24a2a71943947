"""How many users are described at once."""

from __future__ import annotations

import pyarrow as pa
import pytest

from batch_layer import writing
from batch_layer.state import state_row
from batch_layer.writing import portions
from cinematch.domain.watchlist import replay
from tests.histories import add
from tests.twins.memory_batch import STATE


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([1, 0, 1, 1, 0, 1, 1], [3, 3, 1]),
        ([2, 2, 2], [2, 1]),
        ([9, 1, 1], [1, 2]),
        ([1, 9, 1], [1, 1, 1]),
        ([0, 9], [1, 1]),
    ],
)
def test_a_portion_has_a_bounded_number_of_users_and_entries(
    lengths: list[int], expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "USERS_AT_ONCE", 3)
    monkeypatch.setattr(writing, "ENTRIES_AT_ONCE", 4)
    lists = [replay(add(n, f"m{n}") for n in range(1, length + 1)) for length in lengths]
    rows = [state_row(f"user {number}", watchlist) for number, watchlist in enumerate(lists)]
    batch = pa.RecordBatch.from_pylist(rows, schema=STATE)
    found = list(portions(batch))
    assert [portion.num_rows for portion in found] == expected
    assert [row for portion in found for row in portion.to_pylist()] == batch.to_pylist()
