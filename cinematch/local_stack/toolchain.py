"""Everything that the embedded stack runs, found or made ready: one object that knows where each thing is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cinematch.errors import ConfigurationError
from cinematch.local_stack import jars, minio_build, server_binaries
from cinematch.local_stack.download_cache import DownloadCache, default_cache_dir
from cinematch.local_stack.minio_build import MINIO_ENTRY
from cinematch.local_stack.prerequisites import MissingPrerequisite, find_java


class Toolchain:
    """Programs and jars by name; each is fetched or built on first use, which raises CineMatchError on failure."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._cache = DownloadCache(cache_dir or default_cache_dir())

    @cached_property
    def java(self) -> Path:
        """The `java` of a full JDK 17 or 21."""
        try:
            return find_java()
        except MissingPrerequisite as missing:
            raise ConfigurationError(str(missing)) from None

    @property
    def java_home(self) -> Path:
        """For JAVA_HOME, so that Spark takes the same one."""
        return self.java.resolve().parent.parent

    def spark_jars(self) -> Path:
        """The folder for the setting SPARK_JARS_DIR."""
        return jars.spark_jars(self._cache)

    def kafka_jars(self) -> Path:
        """The folder of the Kafka broker's jars."""
        return jars.kafka_jars(self._cache)

    def mongod(self) -> Path:
        """The MongoDB server."""
        return server_binaries.mongod()

    def redis_server(self) -> Path:
        """The Redis server."""
        return server_binaries.redis_server()

    def minio(self) -> Path:
        """The MinIO server."""
        return minio_build.minio(self._cache)

    @property
    def installed(self) -> bool:
        """Whether everything that must be fetched or built is there."""
        return jars.are_fetched(self._cache) and self._cache.has(MINIO_ENTRY)

    def install(self, console: Console) -> None:
        """Make everything ready, the slow parts at the same time, and show how long each takes."""
        steps: dict[str, Callable[[], Path]] = {
            "MinIO, built from source (minutes, once)": self.minio,
            "Spark's connectors": self.spark_jars,
            "Kafka broker": self.kafka_jars,
            "MongoDB server": self.mongod,
            "Redis server": self.redis_server,
        }
        with _progress(console) as progress, ThreadPoolExecutor(len(steps)) as pool:
            futures = [pool.submit(_tracked, progress, title, step) for title, step in steps.items()]
        for future in futures:
            future.result()


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
    )


def _tracked(progress: Progress, title: str, step: Callable[[], Path]) -> Path:
    task = progress.add_task(title, total=1)
    try:
        path = step()
    except BaseException:
        progress.update(task, description=f"{title}: failed")
        raise
    progress.update(task, completed=1)
    return path
