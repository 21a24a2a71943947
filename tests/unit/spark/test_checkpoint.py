"""A stream's progress is what its checkpoint has committed, and nothing that is only begun or half-written."""

from __future__ import annotations

from pathlib import Path

from cinematch.contracts.log_record import LogPartition
from cinematch.spark.checkpoint import committed_offsets
from micro_batch import global_trends_stream, operator_routes, user_stats_stream

OFFSETS = 'v1\n{"batchWatermarkMs":0,"conf":{}}\n{"events":{"0":%d,"1":4}}'


def checkpoint(folder: Path, *, begun: int, committed: int) -> Path:
    """Write a checkpoint in which batch N ends at offset 10 N of partition 0."""
    for name, count in (("offsets", begun), ("commits", committed)):
        (folder / name).mkdir()
        for number in range(count):
            (folder / name / str(number)).write_text(OFFSETS % (10 * number))
            (folder / name / f".{number}.crc").write_text("a checksum")
    return folder


def test_a_batch_that_is_only_begun_does_not_count(tmp_path: Path) -> None:
    reached = committed_offsets(checkpoint(tmp_path, begun=12, committed=11))
    assert reached == {LogPartition("events", 0): 100, LogPartition("events", 1): 4}


def test_without_a_committed_batch_nothing_is_known(tmp_path: Path) -> None:
    assert committed_offsets(tmp_path / "nowhere") is None
    assert committed_offsets(checkpoint(tmp_path, begun=1, committed=0)) is None


def test_a_half_written_file_is_no_progress(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, begun=2, committed=2)
    (folder / "offsets" / "1").write_text('v1\n{}\n{"events":{"0":')
    assert committed_offsets(folder) is None


def test_the_panel_looks_where_the_streams_write() -> None:
    assert operator_routes.USER_STATS == user_stats_stream.NAME
    assert operator_routes.GLOBAL_TRENDS == global_trends_stream.NAME
