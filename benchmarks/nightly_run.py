"""`python -m benchmarks.nightly_run full|incremental`: one batch run as a process of its own, told as JSON.

Settings come from the environment, as for `cinematch batch run`; here the start of Spark is timed apart.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import orjson

from batch_layer.batch_run import run_batch
from batch_layer.job import build
from batch_layer.store_connections import connected_stores
from cinematch.settings import load_settings
from cinematch.spark.session import create_spark_session
from cinematch.telemetry import configure_logging


def main() -> None:
    """Run it and print {session_seconds, seconds, users, films, events}."""
    settings = load_settings()
    configure_logging("WARNING", as_json=False)
    began = time.perf_counter()
    spark = create_spark_session(settings, "batch_layer")
    ready = time.perf_counter()
    with connected_stores(settings) as (stores, lease):
        it = run_batch(stores, lease, settings, partial(build, spark, settings), full=sys.argv[1] == "full")
    told = {"session_seconds": ready - began, "seconds": time.perf_counter() - ready}
    spark.stop()
    sys.stdout.write(orjson.dumps(told | {"users": it.users, "films": it.films, "events": it.events}).decode())


if __name__ == "__main__":
    main()
