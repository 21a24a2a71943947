"""What the processes of a stack take (memory, open files, threads), and what its folders and stores hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import redis
from pymongo import MongoClient

from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts import collections
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.stack_status import current_status

Sample = dict[str, float]
MEGABYTE = 2**20


def usage(data_dir: Path) -> Sample:
    """Give memory in MiB, open files and threads of each server and layer, its children's included."""
    totals: dict[str, float] = defaultdict(float)
    for name, service in current_status(DataFolder(data_dir)).services().items():
        for process in family(service.pid):
            try:
                with process.oneshot():
                    totals[f"{name} memory MiB"] += process.memory_info().rss / MEGABYTE
                    totals[f"{name} files"] += process.num_fds()
                    totals[f"{name} threads"] += process.num_threads()
            except psutil.Error:  # it has ended meanwhile
                continue
    return {key: round(value, 1) for key, value in totals.items()}


def holdings(data_dir: Path, lake: LakeFolder) -> Sample:
    """Give what grows when nobody cleans up: checkpoints, the event log, the lake, the outbox, Redis, generations."""
    folder = DataFolder(data_dir)
    status = current_status(folder)
    files = [path for path in folder.checkpoints.rglob("*") if path.is_file()]
    segments = folder.service("kafka").rglob("user-movie-events-[0-9]*/*.log")
    objects = lake.sizes().values()
    with MongoClient[dict[str, Any]](status.addresses["mongodb"]) as client:
        database = client["cinematch"]
        generations = [name for name in database.list_collection_names() if name.startswith("user_stats_batch_g")]
        held = {
            "checkpoint files": len(files),
            "checkpoints MiB": sum(map(_size, files)) / MEGABYTE,
            "event log MiB": sum(map(_size, segments)) / MEGABYTE,
            "lake objects": len(objects),
            "lake MiB": sum(objects) / MEGABYTE,
            "outbox events": database[collections.OUTBOX].estimated_document_count(),
            "generations": len(generations),
        }
    with redis.Redis.from_url(status.addresses["redis"]) as connection:
        held["redis data MiB"] = connection.info("memory")["used_memory_dataset"] / MEGABYTE
    return {key: round(value, 2) for key, value in held.items()}


def family(pid: int | None) -> Iterator[psutil.Process]:
    """Give a process and all that it has started; nobody when it is not there."""
    if pid is None:
        return
    try:
        parent = psutil.Process(pid)
        yield from (parent, *parent.children(recursive=True))
    except psutil.NoSuchProcess:
        return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
