"""What a failed Spark job is said to have failed of."""

from __future__ import annotations

import pytest

from batch_layer.job import first_cause

IN_WORKER = """An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "job.py", line 1, in write
    raise StoreUnavailable("mongodb", "no answer")
cinematch.errors.StoreUnavailable: mongodb is unavailable: no answer

JVM stacktrace:
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
"""
IN_JVM = """An error occurred while calling o218.collectToPython.
: org.apache.spark.SparkException: Exception thrown in awaitResult:
\tat org.apache.spark.Job.run(Job.scala:1)
Caused by: org.apache.spark.SparkException: Encountered error while reading file
\tat org.apache.spark.Job.run(Job.scala:1)
Caused by: java.lang.RuntimeException: it is not a Parquet file
\t... 27 more
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (IN_WORKER, "cinematch.errors.StoreUnavailable: mongodb is unavailable: no answer"),
        (IN_JVM, "java.lang.RuntimeException: it is not a Parquet file"),
        ("An error occurred\n: java.io.IOException: disk\n\tat x", "java.io.IOException: disk"),
        ("only this\nand that", "only this"),
        ("", "it gave no reason"),
    ],
)
def test_the_line_that_says_it_is_found(text: str, cause: str) -> None:
    assert first_cause(text) == cause
