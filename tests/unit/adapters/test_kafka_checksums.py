"""kafka-python finds its native checksums: in Python alone they took a third of the relay's processor time."""

from kafka.record.util import crc32c_c


def test_checksums_are_computed_natively() -> None:
    assert crc32c_c is not None
    assert crc32c_c(b"123456789") == 0xE3069283  # the check value of CRC-32C, RFC 3720
