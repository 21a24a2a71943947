"""Times every request to S3, by the driver's own hooks; its retries are within, the reading of a body is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from cinematch.metrics.stores import S3, operation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BEGAN: Final = "cinematch_began"
FIRST_BAD_STATUS: Final = 500
"""What is below is an answer: a name that is taken (412), an object that is not there (404)."""


def time_requests(client: S3Client) -> None:
    """Have each request of this client timed."""
    events = client.meta.events
    events.register("before-call.s3", _begin)
    events.register("after-call.s3", _end)
    events.register("after-call-error.s3", _break)


def _begin(context: dict[str, Any], **_: Any) -> None:
    context[_BEGAN] = time.perf_counter()


def _end(model: Any, http_response: Any, context: dict[str, Any], **_: Any) -> None:
    timed = operation(S3, model.name)
    report = timed.failed if http_response.status_code >= FIRST_BAD_STATUS else timed.done
    report(time.perf_counter() - context[_BEGAN])


def _break(event_name: str, context: dict[str, Any], **_: Any) -> None:
    operation(S3, event_name.rpartition(".")[2]).failed(time.perf_counter() - context[_BEGAN])
