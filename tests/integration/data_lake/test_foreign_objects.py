"""What others put into the bucket is not read, and what they damage is named; neither ends a reader by a traceback."""

from __future__ import annotations

import boto3
import pytest
from typer.testing import CliRunner

from cinematch.adapters import s3_lake, s3_objects
from cinematch.adapters.s3_lake_folder import ForeignObject, LakeFolder
from cinematch.adapters.s3_objects import S3Objects
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.minio_server import MinioServer
from cinematch.settings import Settings
from data_lake.commands import lake as commands
from tests.environments import environment_of
from tests.histories import add
from tests.lakes import store_events

pytestmark = pytest.mark.integration
EVENTS = [add(number, f"m{number}", 7.5, user_id="ann") for number in range(1, 6)]
NAME = "{topic}-00000-00000000000000000000.parquet"
FOREIGN = (
    f"{EVENTS_FOLDER}/README.txt",
    f"{EVENTS_FOLDER}/dt=2026-01-19/notes.parquet",
    f"{EVENTS_FOLDER}/dt=2026-01-19/{{topic}}-00000-00000000000000000000.parquet.tmp",
    f"{EVENTS_FOLDER}/dt=2026-01-19/_temporary/0/part-00000.parquet",
    f"{EVENTS_FOLDER}/dt=2026-02-30/{NAME}",
    f"{EVENTS_FOLDER}/dt=someday/{NAME}",
    f"{EVENTS_FOLDER}/_manifests/latest.json",
    f"{EVENTS_FOLDER}/_manifests/1.json",
    f"somebody-elses/dt=2026-01-19/{NAME}",
    "\N{PILE OF POO}",
)


@pytest.fixture
def objects(minio_server: MinioServer, settings: Settings) -> S3Objects:
    store_events(settings, EVENTS[:3])
    store_events(settings, EVENTS[3:])
    return s3_objects.connect(settings)


def verify(settings: Settings) -> tuple[int, str]:
    outcome = CliRunner(env=environment_of(settings)).invoke(commands, ["verify", "--deep"])
    return outcome.exit_code, " ".join(outcome.output.split())


def test_objects_of_other_names_are_not_read(objects: S3Objects, settings: Settings) -> None:
    for key in FOREIGN:
        objects.put_new(key.format(topic=settings.events_topic), b"not a lake's file")
    assert s3_lake.connect(settings).events_after("ann", 0) == EVENTS
    assert verify(settings)[0] == 0
    store_events(settings, [add(6, "m6", user_id="ann")])
    assert len(s3_lake.connect(settings).events_after("ann", 0)) == 6


def test_an_object_that_only_has_the_name_of_a_link_is_named(objects: S3Objects, settings: Settings) -> None:
    key = f"{EVENTS_FOLDER}/dt=2026-01-19/{settings.events_topic}-00000-{5:020d}.parquet"
    objects.put_new(key, b"not a lake's file")
    with pytest.raises(ForeignObject, match=key):
        LakeFolder(objects, EVENTS_FOLDER).last_links()
    with pytest.raises(StoreUnavailable, match="lake verify"):
        s3_lake.connect(settings).events_after("ann", 0)


@pytest.mark.parametrize("kept", [0, 0.99])
def test_a_truncated_object_is_named_and_readers_wait(objects: S3Objects, settings: Settings, kept: float) -> None:
    key = next(iter(LakeFolder(objects, EVENTS_FOLDER).sizes()))
    truncate(settings, objects, key, kept)
    code, said = verify(settings)
    assert code == 1
    assert key.rpartition("/")[2][:20] in said
    assert "cannot be read" in said
    with pytest.raises(StoreUnavailable, match="lake verify"):
        s3_lake.connect(settings).events_after("ann", 0)


def truncate(settings: Settings, objects: S3Objects, key: str, kept: float) -> None:
    """Keep so many bytes of an object, or that part of it, and its metadata."""
    body, metadata = objects.get(key), objects.head(key).metadata
    size = int(kept * len(body)) if kept < 1 else int(kept)
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        region_name=settings.s3_region,
    )
    client.put_object(Bucket=settings.lake_bucket, Key=key, Body=body[:size], Metadata=dict(metadata))
