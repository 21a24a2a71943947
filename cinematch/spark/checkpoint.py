"""How far a stream has come, read from its checkpoint by somebody else: no Spark is needed for that.

Spark writes `offsets/N` (where batch N ends) before it works on a batch and `commits/N` when all of it is done. Of the
last about hundred batches both are kept. The checkpoint must lie in a folder that this process can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from cinematch.contracts.log_record import LogPartition


def committed_offsets(checkpoint: Path) -> Mapping[LogPartition, int] | None:
    """Give, for each partition of Kafka, the offset behind the last committed batch; None without such a batch here."""
    newest = _newest(checkpoint / "commits")
    if newest is None:
        return None
    try:
        lines = (checkpoint / "offsets" / str(newest)).read_bytes().splitlines()
        topics = [orjson.loads(line) for line in lines[2:] if line.startswith(b"{")]  # after the version and metadata
    except (OSError, ValueError):  # removed, or half-written by a Spark that was killed
        return None
    return {
        LogPartition(topic, int(partition)): offset
        for source in topics
        for topic, partitions in source.items()
        for partition, offset in partitions.items()
    }


def _newest(commits: Path) -> int | None:
    try:
        return max((int(file.name) for file in commits.iterdir() if file.name.isdecimal()), default=None)
    except OSError:
        return None
