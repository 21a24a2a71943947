"""Reads records whose headers have names that are no text, which the driver refuses.

Kafka takes any bytes for a name. The driver decodes them strictly, so one such record would hold up its partition for
ever. The Java client, by which Spark reads, puts a sign in place of what is no UTF-8, and gives the record; so does
this, with a sign of one byte. Key, value and the values of headers are as they were written.
"""

from __future__ import annotations

from typing import Any, Final

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_SIGN: Final = ord("?")
_NUMBERS_BEFORE_NAMES: Final = 7
"""Length, attributes, time, offset, length of the key, length of the value, number of headers; then a name and a value
take turns, each after its length."""


def read_any_name() -> None:
    """Let every consumer of the driver in this process read such records: it offers no other way than to be replaced
    where it makes its batches."""
    memory_records.DefaultRecordBatch = _TolerantBatch


class _TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]  # the driver ships no types
    """A batch as it was fetched; a record is read once more, with its names mended, where one is no text."""

    def _read_msg(self, decode_varint: Any = decode_varint) -> Any:
        try:
            return super()._read_msg(decode_varint)
        except UnicodeDecodeError:
            return super()._read_msg(_Mending())


class _Mending:
    """Decodes the numbers of one record, and makes each name readable before the driver comes to it."""

    def __init__(self) -> None:
        self._numbers = 0

    def __call__(self, buffer: bytearray, place: int) -> tuple[int, int]:
        number, start = decode_varint(buffer, place)
        after_the_first = self._numbers - _NUMBERS_BEFORE_NAMES
        if after_the_first >= 0 and after_the_first % 2 == 0:
            end = start + max(0, number)
            buffer[start:end] = _readable(buffer[start:end])
        self._numbers += 1
        return number, start


def _readable(name: bytearray) -> bytearray:
    """Give a name of as many bytes that is text."""
    try:
        name.decode()
    except UnicodeDecodeError:
        return bytearray(each if each < 128 else _SIGN for each in name)
    return name
