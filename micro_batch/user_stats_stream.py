"""Stream 1: the statistics of every user who appears in the event log, recomputed within a second."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from cinematch.adapters.kafka_dead_letters import count_letters
from cinematch.settings import Settings
from cinematch.telemetry import get_logger
from micro_batch.partition import LAYER, OUTCOME_COLUMNS, process_partition
from micro_batch.transform import user_requests

NAME: Final = "user_stats"
log = get_logger(__name__)


def start_user_stats_stream(parsed_stream: DataFrame, *, settings: Settings) -> StreamingQuery:
    """Start the stream; it fails as a whole, and repeats its micro-batch when it is started again."""
    return (
        parsed_stream.writeStream.queryName(NAME)
        .foreachBatch(partial(process_batch, settings=settings))
        .option("checkpointLocation", str(settings.checkpoint_dir / "micro_batch" / NAME))
        .trigger(processingTime=f"{settings.user_stats_trigger_seconds} seconds")
        .start()
    )


def process_batch(batch_df: DataFrame, batch_id: int, *, settings: Settings) -> None:
    """Bring each user of the micro-batch to one worker and have `process_partition` do the work there.

    When it returns, every rejected record is in the dead-letter topic and every user's statistics reach at least their
    last event of the batch; only then does Spark commit the batch. `batch_id` is for the log: it identifies nothing.
    """
    started = time.monotonic()
    requests = user_requests(batch_df, batch_df.sparkSession.sparkContext.defaultParallelism)
    outcomes = requests.mapInArrow(partial(process_partition, settings=settings), OUTCOME_COLUMNS).collect()
    for outcome in outcomes:
        if outcome.behind is not None:
            log.warning("an event is ahead of its user's list in MongoDB", user_id=outcome.behind)
    rejected = [field for outcome in outcomes for field in outcome.rejected]
    count_letters(LAYER, rejected)
    log.info(
        "user statistics written",
        batch=batch_id,
        users=sum(outcome.users for outcome in outcomes),
        rejected=len(rejected),
        workers=sorted({outcome.worker for outcome in outcomes}),
        seconds=round(time.monotonic() - started, 3),
    )
