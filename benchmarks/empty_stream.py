"""`python -m benchmarks.empty_stream`: an empty Spark stream over the event log, as a floor.

Trigger, source and session are those of the micro-batch design; nothing is computed and no store is written. For each
record it appends `key time` to the file EMPTY_STREAM_TARGET (UNIX time, when the batch's function had the record). The
time between triggers comes from USER_STATS_TRIGGER_SECONDS.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from pyspark.sql import DataFrame

from cinematch.readiness import announce_ready
from cinematch.settings import load_settings
from cinematch.spark.kafka_source import kafka_records
from cinematch.spark.session import create_spark_session


def main() -> None:
    """Run until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings, target = load_settings(), Path(os.environ["EMPTY_STREAM_TARGET"])
    spark = create_spark_session(settings, "cinematch")

    def note(batch: DataFrame, _: int) -> None:
        keys = [bytes(row.key).decode() for row in batch.select("key").collect()]
        now = time.time()
        with target.open("a") as file:
            file.writelines(f"{key} {now}\n" for key in keys)

    stream = (
        kafka_records(spark, settings)
        .writeStream.foreachBatch(note)
        .trigger(processingTime=f"{settings.user_stats_trigger_seconds} seconds")
        .option("checkpointLocation", str(settings.checkpoint_dir / "empty"))
        .start()
    )
    while stream.lastProgress is None and not stop.wait(0.2):
        pass
    announce_ready()
    stop.wait()
    stream.stop()
    spark.stop()


if __name__ == "__main__":
    main()
