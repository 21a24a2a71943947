"""How one of our own errors ends a process: by one sentence for people and an exit code, never by a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import Final

from cinematch.errors import AccessRefused, CineMatchError, StoreUnavailable

REASON_CHARACTERS: Final = 80
"""What is shown of a driver's own words, which go on for lines."""
ADDRESS_VARIABLES: Final = {
    "kafka": "KAFKA_BOOTSTRAP_SERVERS",
    "mongodb": "MONGODB_URL",
    "redis": "REDIS_URL",
    "s3": "S3_ENDPOINT_URL",
}


def sentence(error: CineMatchError) -> str:
    """What happened and what to do; of a driver's words only the beginning."""
    if not isinstance(error, StoreUnavailable):
        return str(error)
    if isinstance(error, AccessRefused):
        return f"{error.store}: {error.detail}; see {error.settings}"
    reason = shorten(error.detail, REASON_CHARACTERS, placeholder=" ...")
    variable = ADDRESS_VARIABLES.get(error.store, f"{error.store.upper()}_URL")
    return (
        f"{error.store} does not answer ({reason}): start it with `cinematch up`, or let {variable} lead to it, "
        "and run the same command again"
    )


@contextmanager
def ending_in_a_sentence(program: str) -> Iterator[None]:
    """End the process with code 1 and one sentence on standard error when one of our own errors leaves the block."""
    try:
        yield
    except CineMatchError as error:
        sys.exit(f"{program}: {sentence(error)}")
