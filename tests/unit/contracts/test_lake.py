"""The lake's names, files and manifests say what was put into them, and the current set is a prefix of every chain."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinematch.contracts.lake_file import decode_file, encode_file, read_account
from cinematch.contracts.lake_manifest import (
    Manifest,
    current_view,
    decode_manifest,
    encode_manifest,
    from_metadata,
    to_metadata,
)
from cinematch.contracts.lake_paths import (
    DEAD_LETTERS_FOLDER,
    EVENTS_FOLDER,
    ObjectName,
    compacted_key,
    compaction_number,
    day_of,
    first_day_needed,
    manifest_key,
    manifest_number,
    parse_object_name,
)
from cinematch.contracts.lake_schema import EVENTS_SCHEMA, KafkaPlace, from_table, timestamp_from_kafka, to_table
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import Event
from tests.histories import add
from tests.strategies import History, histories
from tests.unit.data_lake.links import DAY, chain, chains, link

NOW = datetime(2026, 1, 19, 12, tzinfo=UTC)
topics = st.from_regex(r"[a-zA-Z0-9._-]{1,40}", fullmatch=True)


@given(
    st.sampled_from((EVENTS_FOLDER, DEAD_LETTERS_FOLDER)),
    topics,
    st.integers(0, 99_999),
    st.dates(date(1970, 1, 1), date(9999, 12, 31)),
    st.integers(0, 2**63 - 1),
)
def test_a_name_is_read_back(folder: str, topic: str, partition: int, day: date, first: int) -> None:
    name = ObjectName(folder, LogPartition(topic, partition), day, first)
    assert parse_object_name(name.key) == name or compaction_number(name.key) is not None


def test_a_compacted_event_takes_no_more_than_forty_bytes() -> None:
    draw = random.Random(5)
    moments = (NOW + timedelta(milliseconds=draw.randrange(10**9)) for _ in range(20_000))
    rows = [(_watched(now, number, draw), KafkaPlace(0, number, now)) for number, now in enumerate(sorted(moments))]
    by_user = to_table(rows).sort_by([("user_id", "ascending"), ("sequence", "ascending")])
    _, body = encode_file(by_user, link(0, len(rows)), ("user_id", "sequence"))
    assert len(body) / len(rows) <= 40
    assert decode_file(body).equals(by_user.replace_schema_metadata(None))


def _watched(now: datetime, number: int, draw: random.Random) -> Event:
    identity = str(UUID(int=int(now.timestamp() * 1000) << 80 | draw.getrandbits(80)))
    film = draw.randrange(10_000)
    event = add(number // 200 + 1, f"film-{film:05d}", draw.randrange(5, 100) / 10)
    watched_at = now - timedelta(seconds=draw.randrange(60 * 10**6))
    return replace(
        event, event_id=identity, user_id=f"user-{number % 200}", event_time=now, watched_at=watched_at, added_at=now
    )


def test_names_sort_by_offset_within_a_partition_and_day() -> None:
    place = LogPartition("user-movie-events", 3)
    keys = [ObjectName(EVENTS_FOLDER, place, DAY, first).key for first in (0, 9, 10, 100, 2**62)]
    assert keys == sorted(keys)
    assert keys[1] == "user-events/dt=2026-01-19/user-movie-events-00003-00000000000000000009.parquet"


def test_compacted_objects_and_manifests_have_numbers_and_are_no_objects_of_a_sink() -> None:
    key = compacted_key(EVENTS_FOLDER, DAY, 7, LogPartition("user-movie-events", 3), 12, "ab12")
    assert (compaction_number(key), parse_object_name(key)) == (7, None)
    manifest = manifest_key(EVENTS_FOLDER, 7)
    assert (manifest_number(manifest), parse_object_name(manifest), compaction_number(manifest)) == (7, None, None)
    assert manifest_number(key) is None


def test_a_reader_since_a_moment_keeps_a_days_margin_for_clocks() -> None:
    assert first_day_needed(NOW) == date(2026, 1, 18)
    assert first_day_needed(NOW.astimezone(None)) == date(2026, 1, 18)
    assert day_of(NOW) == date(2026, 1, 19)


@pytest.mark.parametrize("milliseconds", [-1, 2**62])
def test_a_timestamp_that_no_calendar_has_is_none(milliseconds: int) -> None:
    assert timestamp_from_kafka(milliseconds) is None


def test_kafkas_timestamps_are_milliseconds_since_1970() -> None:
    assert timestamp_from_kafka(1_768_824_000_123) == NOW + timedelta(milliseconds=123)


@settings(max_examples=30, deadline=None)
@given(histories(length=20))
def test_a_file_gives_back_the_events_and_the_account(history: History) -> None:
    events = history.events
    table = to_table((event, KafkaPlace(0, 5 + n, event.event_time)) for n, event in enumerate(events))
    written, body = encode_file(table, replace(link(5, 9), rows=len(events)))
    assert written.size_bytes == len(body)
    assert from_table(decode_file(body)) == events
    assert read_account(written.key, body) == (written, len(events))


def test_columns_have_ids_that_the_file_keeps() -> None:
    _, body = encode_file(to_table([(add(1, "m1"), KafkaPlace(0, 0, None))]), link(0, 1))
    schema = pq.read_schema(BytesIO(body))
    ids = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in schema}
    assert ids == {name: number for number, name in enumerate(EVENTS_SCHEMA.names, start=1)}
    assert schema.metadata[b"cinematch.lake_schema_version"] == b"1"


def test_an_account_without_a_field_is_refused() -> None:
    metadata = to_metadata(link(0, 1))
    assert from_metadata(link(0, 1).key, 1_000, metadata) == link(0, 1)
    with pytest.raises(ValueError, match="no rows"):
        from_metadata("key", 1, {name: value for name, value in metadata.items() if name != "cinematch-rows"})


def test_a_manifest_is_read_back_and_an_unknown_version_refused() -> None:
    manifest = Manifest(3, NOW, (link(0, 10), link(10, 20), link(0, 5, partition=1)), {"old": NOW})
    document = encode_manifest(manifest)
    assert decode_manifest(document) == manifest
    assert manifest.boundaries() == {link(0, 1).place: 20, link(0, 1, partition=1).place: 5}
    with pytest.raises(ValueError, match="version 2"):
        decode_manifest(document.replace(b'"version": 1', b'"version": 2'))


@settings(max_examples=100, deadline=None)
@given(chains, chains, st.data())
def test_the_current_set_is_a_prefix_of_every_chain_whatever_the_listings_missed(
    ann: list[int], bob: list[int], data: st.DataObject
) -> None:
    """Objects appear while the first listing runs, so it shows an arbitrary part of them; the second shows them all."""
    links = chain(ann, links_a_day=1) + chain(bob, partition=1, links_a_day=1)
    complete = {it.key: it.size_bytes for it in links}
    before = {key: complete[key] for key in complete if data.draw(st.booleans())}
    compacted = data.draw(st.integers(0, len(ann)))
    covered = links[:compacted]
    big = replace(covered[-1], key="big", first_offset=0) if covered else None
    manifest = Manifest(1, NOW, (big,), {}) if big else None
    keys = current_view(manifest, before, complete).keys()
    for place in {it.place for it in links}:
        of_place = [it.key for it in links if it.place == place and it not in covered]
        shown = [key for key in keys if key in of_place]
        assert shown == of_place[: len(shown)]
        last_seen = max((of_place.index(key) for key in before if key in of_place), default=-1)
        assert len(shown) == last_seen + 1
    assert [key for key in keys if key == "big"] == (["big"] if big else [])
    assert not {it.key for it in covered} & set(keys)
