"""States of generations on a real MinIO: one whose removal was begun is none, wherever it was killed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from cinematch.adapters import s3_objects
from cinematch.adapters.s3_batch_states import S3BatchStates
from cinematch.adapters.s3_objects import S3Objects
from cinematch.contracts.batch_state import completion_marker, state_catalog_prefix, state_prefix
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings

pytestmark = pytest.mark.integration
PARTS = 5


class Killed(BaseException):
    """The process is no more."""


class MortalObjects:
    """Objects of a process that is killed at its so-and-so-many-th deletion of an object."""

    def __init__(self, objects: S3Objects, deletions: int) -> None:
        self._objects = objects
        self._deletions = iter([True] * deletions)

    def sizes(self, prefix: str) -> dict[str, int]:
        return self._objects.sizes(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        for key in sorted(keys):  # as a server may carry out one request in part, in an order of its own
            if not next(self._deletions, False):
                raise Killed
            self._objects.delete([key])


@pytest.fixture
def objects(minio_server: MinioServer, settings: Settings) -> Iterator[S3Objects]:
    objects = s3_objects.connect(settings)
    for generation in (1, 2):
        for part in range(PARTS):
            objects.put_new(f"{state_prefix(generation)}Part-{part}.parquet", b"rows")
        objects.put_new(f"{state_catalog_prefix(generation)}Part-0.parquet", b"films")
        objects.put_new(completion_marker(generation), b"")
    yield objects
    objects.delete(objects.sizes("batch-state/"))


@pytest.mark.parametrize("deletions", range(PARTS + 3))
def test_a_state_whose_removal_was_begun_is_not_complete(objects: S3Objects, deletions: int) -> None:
    states = S3BatchStates(objects)
    assert states.complete() == {1, 2}
    try:
        S3BatchStates(MortalObjects(objects, deletions)).drop(1)  # type: ignore[arg-type]
    except Killed:
        assert states.stored() == {1, 2}, "what is left must be found to be removed"
    assert states.complete() == ({1, 2} if deletions == 0 else {2})
    states.drop(1)
    assert states.stored() == states.complete() == {2}
    states.drop(1)


def test_a_state_that_was_never_finished_is_not_complete(objects: S3Objects) -> None:
    objects.put_new(f"{state_prefix(3)}Part-0.parquet", b"rows")
    states = S3BatchStates(objects)
    assert (states.stored(), states.complete()) == ({1, 2, 3}, {1, 2})
