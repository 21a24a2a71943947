"""Names of Kafka headers that are no text; the driver writes only text by itself."""

from __future__ import annotations


class RawName(str):
    """A name that is written as these bytes."""

    _written: bytes

    def __new__(cls, written: bytes) -> RawName:
        name = super().__new__(cls, written.decode(errors="replace"))
        name._written = written
        return name

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Give the bytes that the driver is to write."""
        return self._written
