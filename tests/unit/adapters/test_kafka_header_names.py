"""A record whose headers have names that are no text is read like any other."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from cinematch.adapters import kafka_connection
from tests.header_names import RawName

assert kafka_connection  # every client of ours comes by it


def read(*headers: list[tuple[str, bytes | None]], compression: int = DefaultRecordBatch.CODEC_NONE) -> list[Any]:
    """Give the records of a batch, one with each of these headers, as a consumer reads them."""
    builder = MemoryRecordsBuilder(magic=2, compression_type=compression, batch_size=1_000_000)
    for number, own in enumerate(headers):
        builder.append(timestamp=1_000, key=b"\xffkey", value=f"value {number}".encode(), headers=own)
    builder.close()
    return list(MemoryRecords(builder.buffer()).next_batch())


@pytest.mark.parametrize("compression", [DefaultRecordBatch.CODEC_NONE, DefaultRecordBatch.CODEC_GZIP])
def test_names_that_are_no_text_are_read_with_a_sign_and_all_else_as_it_is(compression: int) -> None:
    bad: list[tuple[str, bytes | None]] = [
        ("città", b"\xff"),
        (RawName(b"\xc3\x28x"), b"\xc3\x28x"),
        ("", None),
        (RawName(b"\xff"), None),
    ]
    plain: list[tuple[str, bytes | None]] = [("traceparent", b"00")]
    records = read(plain, bad, plain, [], compression=compression)
    assert [record.headers for record in records] == [
        plain,
        [("città", b"\xff"), ("?(x", b"\xc3\x28x"), ("", None), ("?", None)],
        plain,
        [],
    ]
    assert [(record.offset, record.key, record.value) for record in records] == [
        (number, b"\xffkey", f"value {number}".encode()) for number in range(4)
    ]


def test_a_record_with_very_many_such_names_is_read() -> None:
    (record,) = read([(RawName(b"\xfe"), b"")] * 100_000)
    assert record.headers == [("?", b"")] * 100_000
