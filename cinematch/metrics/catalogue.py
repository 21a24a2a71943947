"""Every metric of ours, by name: the only place where one is defined.

`docs/metrics.md` is made of this list (a test keeps it equal), and dashboards and alert rules may name nothing else
beside what Python's and HTTP's own collectors tell. A metric never names a user or a film: what a label may say is few.
"""

from __future__ import annotations

from typing import Final

from cinematch.metrics.metric import Kind, Metric, Unit

_STORE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_BATCH_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZE_BUCKETS: Final = (1, 10, 100, 1_000, 10_000, 50_000, 100_000)
_EVERY_LAYER: Final = ("api", "relay", "micro_batch", "speed_layer", "data_lake", "scheduler")

# ---- what comes in

EVENTS_ACCEPTED: Final = Metric(
    "cinematch_events_accepted_total",
    Kind.COUNTER,
    Unit.EVENTS,
    "Changes of lists that took effect, so each is one event, stored durably.",
    ("api",),
    labels=("event_type",),
)
PROBLEMS: Final = Metric(
    "cinematch_problems_total",
    Kind.COUNTER,
    Unit.REQUESTS,
    "Requests that were refused or failed; `reason` is the problem's type, such as invalid-request or unavailable.",
    ("api",),
    labels=("method", "route", "reason"),
)
OUTBOX_EVENTS: Final = Metric(
    "cinematch_outbox_lag_events",
    Kind.GAUGE,
    Unit.EVENTS,
    "Events in the outbox that are not marked as published.",
    ("relay",),
)
OUTBOX_SECONDS: Final = Metric(
    "cinematch_outbox_lag_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "Age of the oldest event in the outbox that is not marked as published; 0 when there is none.",
    ("relay",),
)
RELAYED: Final = Metric(
    "cinematch_relayed_events_total",
    Kind.COUNTER,
    Unit.EVENTS,
    "Events that Kafka acknowledged; repeats count again.",
    ("relay",),
)

# ---- how far the views are behind the log

VIEW_EVENTS: Final = Metric(
    "cinematch_view_lag_events",
    Kind.GAUGE,
    Unit.EVENTS,
    "Events of the log that a view (data_lake, speed_layer, user_stats, global_trends) has not taken in yet; no value "
    "while its layer cannot know where it stands.",
    ("micro_batch", "speed_layer", "data_lake"),
    labels=("view",),
)
VIEW_SECONDS: Final = Metric(
    "cinematch_view_lag_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long the oldest event that a view has not taken in has been in the log; 0 when there is none.",
    ("micro_batch", "speed_layer", "data_lake"),
    labels=("view",),
)

# ---- Spark's streams

_STREAMING: Final = ("micro_batch", "speed_layer")
STREAM_ROWS: Final = Metric(
    "cinematch_stream_rows_total",
    Kind.COUNTER,
    Unit.RECORDS,
    "Records that a streaming query (user_stats, global_trends; of the speed layer micro_batch or realtime) has read.",
    _STREAMING,
    labels=("query",),
)
STREAM_INPUT_RATE: Final = Metric(
    "cinematch_stream_input_rows_per_second",
    Kind.GAUGE,
    Unit.RECORDS_PER_SECOND,
    "Records that came in for a query's last batch, by the time since the one before.",
    _STREAMING,
    labels=("query",),
)
STREAM_PROCESSED_RATE: Final = Metric(
    "cinematch_stream_processed_rows_per_second",
    Kind.GAUGE,
    Unit.RECORDS_PER_SECOND,
    "Records of a query's last batch by the time that it took: what the query can do. Below the input it falls behind.",
    _STREAMING,
    labels=("query",),
)
STREAM_PHASE_SECONDS: Final = Metric(
    "cinematch_stream_phase_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "How long a query's batches took, by Spark's phases: addBatch is the work, triggerExecution is all of it.",
    _STREAMING,
    labels=("query", "phase"),
    buckets=_BATCH_BUCKETS,
)
STREAM_STATE_ROWS: Final = Metric(
    "cinematch_stream_state_rows",
    Kind.GAUGE,
    Unit.RECORDS,
    "Rows that a query keeps in Spark's own state; ours keep none.",
    _STREAMING,
    labels=("query",),
)
STREAM_LAG_EVENTS: Final = Metric(
    "cinematch_stream_lag_events",
    Kind.GAUGE,
    Unit.EVENTS,
    "Records between the end of a query's last batch and that of the log, as Spark saw it then.",
    _STREAMING,
    labels=("query",),
)
STREAM_LAG_SECONDS: Final = Metric(
    "cinematch_stream_lag_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long ago a query that is behind had last read all of the log; 0 when its last batch did.",
    _STREAMING,
    labels=("query",),
)
STREAM_RUNNING: Final = Metric(
    "cinematch_stream_running",
    Kind.GAUGE,
    Unit.RUNS,
    "1 while a query runs, 0 after its end.",
    _STREAMING,
    labels=("query",),
)
STREAMS_TERMINATED: Final = Metric(
    "cinematch_streams_terminated_total",
    Kind.COUNTER,
    Unit.RUNS,
    "Queries that have ended, by outcome: stopped, or failed. The process ends with its query, and is started again.",
    _STREAMING,
    labels=("query", "outcome"),
)
DEAD_LETTERS: Final = Metric(
    "cinematch_dead_letters_total",
    Kind.COUNTER,
    Unit.RECORDS,
    "Records that a layer refused as no event and reported; `reason` is the field at fault, or message for the whole.",
    ("micro_batch", "speed_layer", "data_lake"),
    labels=("layer", "reason"),
)

# ---- the speed view

SPEED_EVENTS: Final = Metric(
    "cinematch_speed_events_total",
    Kind.COUNTER,
    Unit.EVENTS,
    "Events that the speed layer, its Spark workers included, brought to Redis; `outcome` is applied, or duplicate for "
    "one that was there already.",
    ("speed_layer",),
    labels=("outcome",),
)
SPEED_GAPS: Final = Metric(
    "cinematch_speed_gaps_total",
    Kind.COUNTER,
    Unit.USERS,
    "Users whose speed view was found to lack an event when later ones came, once in each batch; each is repaired.",
    ("speed_layer",),
)

SPEED_PENDING: Final = Metric(
    "cinematch_speed_pending_events",
    Kind.GAUGE,
    Unit.EVENTS,
    "Events in Redis that the published generation does not have, at the last audit (every SPEED_AUDIT_SECONDS).",
    ("speed_layer",),
)
SPEED_REPAIRS: Final = Metric(
    "cinematch_speed_repair_requests",
    Kind.GAUGE,
    Unit.USERS,
    "Users whose speed view a reader found broken, and who wait for its repair; up to 1000.",
    ("speed_layer",),
)

# ---- the lake

LAKE_FLUSH_SECONDS: Final = Metric(
    "cinematch_lake_flush_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "How long it took to encode and store one object of the lake.",
    ("data_lake",),
    labels=("folder",),
    buckets=_BATCH_BUCKETS,
)
LAKE_FLUSH_ROWS: Final = Metric(
    "cinematch_lake_flush_rows",
    Kind.HISTOGRAM,
    Unit.RECORDS,
    "Rows of one object that was stored in the lake.",
    ("data_lake",),
    labels=("folder",),
    buckets=_SIZE_BUCKETS,
)
LAKE_FLUSH_BYTES: Final = Metric(
    "cinematch_lake_flush_bytes_total",
    Kind.COUNTER,
    Unit.BYTES,
    "Bytes of the objects that were stored in the lake.",
    ("data_lake",),
    labels=("folder",),
)
LAKE_LOST: Final = Metric(
    "cinematch_lake_lost_records_total",
    Kind.COUNTER,
    Unit.RECORDS,
    "Records that Kafka's retention deleted before the lake had them.",
    ("data_lake",),
)

# ---- the nightly batch

BATCH_GENERATION: Final = Metric(
    "cinematch_batch_published_generation",
    Kind.GAUGE,
    Unit.GENERATION,
    "The number of the published generation; no value while there is none.",
    ("scheduler",),
)
BATCH_AGE: Final = Metric(
    "cinematch_batch_age_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long ago the run of the published generation began: what happened later is in the speed view. While none was "
    "ever published, how long ago the first run began; no value before that.",
    ("scheduler",),
)
BATCH_SECONDS: Final = Metric(
    "cinematch_batch_run_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long the last run took that came to an end, whatever its outcome.",
    ("scheduler",),
)
BATCH_RUNS: Final = Metric(
    "cinematch_batch_runs",
    Kind.GAUGE,
    Unit.RUNS,
    "Runs on record by what became of them: building, ready, failed, dropped.",
    ("scheduler",),
    labels=("state",),
)
BATCH_LAST_FAILED: Final = Metric(
    "cinematch_batch_last_run_failed",
    Kind.GAUGE,
    Unit.RUNS,
    "1 when the last run that came to an end failed, else 0.",
    ("scheduler",),
)
BATCH_EVENTS: Final = Metric(
    "cinematch_batch_events",
    Kind.GAUGE,
    Unit.EVENTS,
    "Events that the run of the published generation folded in.",
    ("scheduler",),
)
BATCH_USERS: Final = Metric(
    "cinematch_batch_users",
    Kind.GAUGE,
    Unit.USERS,
    "Users of the published generation.",
    ("scheduler",),
)
BATCH_WAITING: Final = Metric(
    "cinematch_batch_waiting_users",
    Kind.GAUGE,
    Unit.USERS,
    "Users of the published generation with events that had to wait for an earlier one.",
    ("scheduler",),
)
BATCH_NEXT_RUN: Final = Metric(
    "cinematch_batch_next_run_timestamp_seconds",
    Kind.GAUGE,
    Unit.TIME,
    "When the scheduler runs the batch next; no value where another one starts the runs.",
    ("scheduler",),
)
DELTAS_RESET: Final = Metric(
    "cinematch_deltas_reset_timestamp_seconds",
    Kind.GAUGE,
    Unit.TIME,
    "When the speed view was last cut at the boundaries of the published generation.",
    ("scheduler",),
)


# ---- what goes out

ANSWERS: Final = Metric(
    "cinematch_answers_total",
    Kind.COUNTER,
    Unit.ANSWERS,
    "Answers of GET /stats by STATS_MODE and freshness: complete, or what is missing: events_missing (issued, not in "
    "the answer), view_unreadable (Redis is silent, or has lost events, and the batch document answers alone). What "
    "the dashboard's pages look at is not counted.",
    ("api",),
    labels=("mode", "freshness"),
)

MERGES: Final = Metric(
    "cinematch_merges_total",
    Kind.COUNTER,
    Unit.ANSWERS,
    "Answers of GET /stats in STATS_MODE=lambda by how the two views met: boundary_only (nothing after the batch), "
    "at_boundary, batch_ahead (a batch was published that the speed view is not cut at yet; the tail is folded), "
    "batch_behind (the document is older than the speed view, also when read twice), view_broken (events lost), "
    "view_unreadable. What the dashboard's pages look at is not counted.",
    ("api",),
    labels=("outcome",),
)

AUDIT_USERS: Final = Metric(
    "cinematch_audit_users",
    Kind.GAUGE,
    Unit.USERS,
    "Users of the last audit by what came of comparing their answer with a replay of their events: equal, drift (never "
    "to be seen), without_history (events erased or expired), unanswered.",
    ("scheduler",),
    labels=("outcome",),
)
AUDIT_AGE: Final = Metric(
    "cinematch_audit_age_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long ago the last audit ended.",
    ("scheduler",),
)
AUDIT_DRIFT_AGE: Final = Metric(
    "cinematch_audit_drift_age_seconds",
    Kind.GAUGE,
    Unit.SECONDS,
    "How long ago the last audit that found a drift ended, whatever came after it; no value while none is on record.",
    ("scheduler",),
)

# ---- the stores, as their clients see them

STORE_SECONDS: Final = Metric(
    "cinematch_store_seconds",
    Kind.HISTOGRAM,
    Unit.SECONDS,
    "How long a store (mongodb, redis, s3) took for one operation, failed ones included, as its client in the process "
    "that tells it saw it. What Spark's workers ask is told by nobody: how micro_batch computes lists, how the speed "
    "layer applies events with SPEED_TRIGGER=micro_batch, and what a batch run reads and writes.",
    _EVERY_LAYER,
    labels=("store", "operation"),
    buckets=_STORE_BUCKETS,
)
STORE_ERRORS: Final = Metric(
    "cinematch_store_errors_total",
    Kind.COUNTER,
    Unit.ERRORS,
    "Operations of a store that failed; conflicts of concurrent writers are among them. By the same processes as "
    "cinematch_store_seconds.",
    _EVERY_LAYER,
    labels=("store", "operation"),
)

METRICS: Final = tuple(each for each in globals().values() if isinstance(each, Metric))
"""All of them, in the order of this file."""
