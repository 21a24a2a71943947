"""The rules of the speed view: one suite for the twin in memory, a Redis, and a Redis Cluster of three masters."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinematch.adapters import redis_speed_view
from cinematch.adapters.redis_client import RedisClient, connect, connect_async
from cinematch.adapters.redis_speed_reader import RedisSpeedReader
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.redis_keys import UserKeys, user_keys
from cinematch.contracts.speed_view import Applied, SpeedSnapshot, SpeedView
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Watchlist, replay
from cinematch.errors import DamagedView, StoreUnavailable
from cinematch.local_stack.redis_server import RedisServer
from cinematch.settings import Settings
from tests.histories import add, delete, update
from tests.strategies import histories
from tests.twins.memory_speed_view import MemorySpeedView

IDLE_SECONDS = 1_000.0
_numbers = itertools.count()


def new_user() -> str:
    """A user whom no other test knows; the id has what could upset a key."""
    return f"us{{er}}:{next(_numbers)} *[è]\\"


@pytest.fixture(params=["redis", "cluster"])
def redis_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of each kind of Redis."""
    if request.param == "cluster":
        cluster: Settings = request.getfixturevalue("cluster_settings")
        return cluster
    server: RedisServer = request.getfixturevalue("redis_server")
    return Settings(redis_url=server.url, redis_timeout_seconds=30.0)


@pytest.fixture
def client(redis_settings: Settings) -> Iterator[RedisClient]:
    """A client of each kind of Redis."""
    client = connect(redis_settings)
    yield client
    client.close()


@pytest.fixture
def redis_view(client: RedisClient) -> RedisSpeedView:
    """The speed view on each kind of Redis."""
    return RedisSpeedView(client, IDLE_SECONDS)


@pytest.fixture(params=["memory", "redis", "cluster"])
def view(request: pytest.FixtureRequest) -> Iterator[SpeedView]:
    """Every implementation."""
    if request.param == "memory":
        yield MemorySpeedView()
        return
    fixture = "cluster_settings" if request.param == "cluster" else "redis_server"
    source: Any = request.getfixturevalue(fixture)
    is_cluster = isinstance(source, Settings)
    client = connect(source if is_cluster else Settings(redis_url=source.url, redis_timeout_seconds=30.0))
    yield RedisSpeedView(client, IDLE_SECONDS)
    client.close()


def of(user_id: str, events: list[Event]) -> list[Event]:
    return [replace(event, user_id=user_id) for event in events]


def expected(log: list[Event], base: int, last: int) -> SpeedSnapshot:
    """The snapshot by definition: the difference of the user's lists at both ends."""
    before, after = replay(log[:base]), replay(log[:last])
    rated = [[entry.rating_tenths for entry in each.entries.values()] for each in (before, after)]
    sums = [sum(tenths for tenths in each if tenths is not None) for each in rated]
    counts = [sum(tenths is not None for tenths in each) for each in rated]
    genres = Counter(_genres(after))
    genres.subtract(_genres(before))
    return SpeedSnapshot(
        base_sequence=base,
        last_sequence=last,
        movie_count=len(after.entries) - len(before.entries),
        rating_count=counts[1] - counts[0],
        rating_sum_tenths=sums[1] - sums[0],
        genres={genre: count for genre, count in genres.items() if count},
        tail=tuple(log[base:last]),
    )


def _genres(watchlist: Watchlist) -> list[str]:
    return [genre for entry in watchlist.entries.values() for genre in set(entry.genres)]


class Model:
    """What must hold of one user: an interval of that user's log, or nothing."""

    def __init__(self) -> None:
        self.interval: tuple[int, int] | None = None

    def apply(self, sequences: list[int]) -> Applied:
        started_after = None
        if self.interval is None:
            started_after = sequences[0] - 1
            self.interval = (started_after, started_after)
        (base, start), duplicates, gap_at = self.interval, 0, None
        last = start
        for sequence in sequences:
            if sequence > last + 1:
                gap_at = last + 1
                break
            duplicates += sequence <= last
            last = max(last, sequence)
        self.interval = (base, last)
        return Applied(last - start, duplicates, gap_at, started_after)

    def advance(self, boundary: int) -> None:
        if self.interval is not None:
            base, last = self.interval
            self.interval = (max(base, min(boundary, last)), last)

    def replace(self, base: int, last: int) -> None:
        if self.interval is not None and self.interval[0] <= last and self.interval[1] >= base:
            base, last = min(base, self.interval[0]), max(last, self.interval[1])
        self.interval = (base, last)


steps = st.lists(
    st.tuples(
        st.sampled_from(["apply", "apply", "apply", "advance", "replace"]),
        st.integers(0, 40),
        st.integers(1, 12),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(length=40, films=12), schedule=steps)
def test_any_schedule_leaves_exactly_an_interval_of_the_log(
    view: SpeedView, history: Any, schedule: list[tuple[str, int, int, bool]]
) -> None:
    user_id = new_user()
    log, model = of(user_id, history.events), Model()
    for action, start, length, joins in schedule:
        if joins and model.interval is not None and action == "apply":
            start = model.interval[1]  # the common case: what comes next
        part = log[start : start + length]
        if action == "apply" and part:
            assert view.apply({user_id: part})[user_id] == model.apply([event.sequence for event in part])
        elif action == "advance":
            view.advance({user_id: start})
            model.advance(start)
        elif action == "replace" and start <= len(log):
            view.replace(user_id, start, part)
            model.replace(start, start + len(part))
        assert view.read(user_id) == (expected(log, *model.interval) if model.interval else None)
        assert view.boundaries([user_id]) == ({user_id: model.interval} if model.interval else {})


def test_a_user_without_keys_starts_before_the_first_event(view: SpeedView) -> None:
    user_id = new_user()
    assert view.apply({user_id: [add(7, "a", 8.5, user_id)]}) == {user_id: Applied(1, 0, None, 6)}


def test_events_beyond_a_gap_are_refused(view: SpeedView) -> None:
    user_id = new_user()
    events = [add(sequence, f"m{sequence}", 5.0, user_id) for sequence in (1, 2, 4, 5)]
    assert view.apply({user_id: events}) == {user_id: Applied(2, 0, 3, 0)}
    snapshot = view.read(user_id)
    assert snapshot is not None
    assert [event.sequence for event in snapshot.tail] == [1, 2]


def test_an_unknown_user_has_no_view(view: SpeedView) -> None:
    user_id = new_user()
    view.advance({user_id: 9})
    assert view.read(user_id) is None


def test_many_users_are_applied_at_once(view: SpeedView) -> None:
    users = [new_user() for _ in range(450)]
    outcomes = view.apply({user_id: [add(1, "a", 9.5, user_id), add(2, "b", None, user_id)] for user_id in users})
    assert outcomes == dict.fromkeys(users, Applied(2, 0, None, 0))
    assert set(users) <= set(view.users())


def test_a_long_group_of_one_user_is_applied_in_order(view: SpeedView) -> None:
    user_id = new_user()
    log = [add(sequence, f"m{sequence}", (sequence % 95 + 5) / 10, user_id) for sequence in range(1, 1_302)]
    assert view.apply({user_id: log}) == {user_id: Applied(1_301, 0, None, 0)}
    assert view.read(user_id) == expected(log, 0, 1_301)


def test_replace_refuses_events_with_a_gap(view: SpeedView) -> None:
    with pytest.raises(ValueError, match="gap"):
        view.replace(new_user(), 0, [add(2, "a")])


def test_sums_of_ratings_stay_exact_beyond_the_precision_of_redis(view: SpeedView) -> None:
    user_id = new_user()
    first = add(1, "m", 0.5, user_id)
    log = [first]
    for sequence in range(2, 900):
        log.append(add(sequence, f"m{sequence}", 9.9 if sequence % 3 else 0.7, user_id, genres=("Drama", "Drama")))
    for event in log[::7]:
        log.append(update(len(log) + 1, event, 3.3))
    for start in range(0, len(log), 11):
        view.apply({user_id: log[start : start + 11]})
    assert view.read(user_id) == expected(log, 0, len(log))


def test_the_hash_has_its_six_fields_in_plain_decimals(redis_view: RedisSpeedView, client: RedisClient) -> None:
    user_id = new_user()
    first, second = add(1, "a", 8.5, user_id, genres=("Drama",)), add(2, "b", 7.0, user_id)
    redis_view.apply({user_id: [first, second, update(3, second, None), add(4, "c", 7.5, user_id)]})
    assert client.hgetall(user_keys(user_id).speed) == {
        b"movie_count": b"3",
        b"rating_sum": b"16",
        b"rating_count": b"2",
        b"avg_rating_live": b"8.0000",
        b"base_sequence": b"0",
        b"last_sequence": b"4",
    }


def test_a_long_sum_is_written_without_digits_of_rounding(redis_view: RedisSpeedView, client: RedisClient) -> None:
    user_id = new_user()
    log = [add(sequence, f"m{sequence}", (sequence * 37 % 95 + 5) / 10, user_id) for sequence in range(1, 800)]
    for event in log:
        redis_view.apply({user_id: [event]})
    total = sum(round((event.rating or 0) * 10) for event in log)
    written: Any = client.hget(user_keys(user_id).speed, "rating_sum")
    assert written.decode() == f"{total / 10:.1f}".removesuffix(".0")


def test_counts_that_return_to_zero_leave_no_minus_and_no_genre(
    redis_view: RedisSpeedView, client: RedisClient
) -> None:
    user_id = new_user()
    first = add(1, "a", 8.5, user_id, genres=("Drama",))
    redis_view.apply({user_id: [first]})
    redis_view.apply({user_id: [delete(2, first)]})
    fields: dict[bytes, bytes] = client.hgetall(user_keys(user_id).speed)  # type: ignore[assignment]
    assert [fields[name] for name in (b"movie_count", b"rating_sum", b"rating_count", b"avg_rating_live")] == [b"0"] * 4
    assert not client.exists(user_keys(user_id).genres)


def test_keys_expire_only_while_the_tail_is_empty(redis_view: RedisSpeedView, client: RedisClient) -> None:
    user_id = new_user()
    keys = user_keys(user_id)
    redis_view.apply({user_id: [add(1, "a", 8.5, user_id, genres=("Drama",))]})
    assert [client.pttl(key) for key in keys] == [-1, -1, -1]
    redis_view.advance({user_id: 5})
    assert 0 < int(client.pttl(keys.speed)) <= IDLE_SECONDS * 1000
    assert not client.exists(keys.tail)
    assert not client.exists(keys.genres)
    client.pexpire(keys.speed, 5_000)
    redis_view.advance({user_id: 5})
    assert int(client.pttl(keys.speed)) <= 5_000, "every night would put the expiry off for ever"
    redis_view.apply({user_id: [add(2, "b", None, user_id)]})
    assert client.pttl(keys.speed) == -1


def test_replace_heals_a_view_that_lost_one_of_its_keys(redis_view: RedisSpeedView, client: RedisClient) -> None:
    user_id = new_user()
    log = [add(sequence, f"m{sequence}", 5.0, user_id, genres=("Drama",)) for sequence in range(1, 6)]
    for lost in user_keys(user_id):
        redis_view.apply({user_id: log})
        client.delete(lost)
        redis_view.replace(user_id, 0, log)
        assert redis_view.read(user_id) == expected(log, 0, 5)


DAMAGES: dict[str, Callable[[Any, UserKeys], object]] = {
    "the hash is a string": lambda client, keys: client.delete(keys.speed) and client.set(keys.speed, "x"),
    "the genres are a list": lambda client, keys: client.delete(keys.genres) and client.lpush(keys.genres, "x"),
    "the tail is a set": lambda client, keys: client.delete(keys.tail) and client.sadd(keys.tail, "x"),
    "a boundary is no number": lambda client, keys: client.hset(keys.speed, "last_sequence", "x"),
    "a counter is no number": lambda client, keys: client.hset(keys.speed, "movie_count", "x"),
    "a counter is a fraction": lambda client, keys: client.hset(keys.speed, "movie_count", "1.5"),
    "a counter is written otherwise": lambda client, keys: client.hset(keys.speed, "rating_count", "0x10"),
    "a sum is not finite": lambda client, keys: client.hset(keys.speed, "rating_sum", "nan"),
    "a counter is missing": lambda client, keys: client.hdel(keys.speed, "movie_count"),
    "a sum is no number": lambda client, keys: client.hset(keys.speed, "rating_sum", "x"),
    "a genre has no number": lambda client, keys: client.hset(keys.genres, "Drama", "x"),
    "an entry is no JSON": lambda client, keys: client.zadd(keys.tail, {"{": 2}),
}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest, client: RedisClient) -> Callable[[str], object]:
    """Damages what is stored of a user."""
    return lambda user_id: DAMAGES[request.param](client, user_keys(user_id))


def two_logs() -> list[list[Event]]:
    return [
        [add(sequence, f"m{sequence}", 5.0, user_id, genres=("Drama",)) for sequence in range(1, 7)]
        for user_id in (new_user(), new_user())
    ]


def test_damaged_keys_stop_nobody_and_are_rebuilt(redis_view: RedisSpeedView, damage: Callable[[str], object]) -> None:
    """The next events are either refused by the gap that the damage left, or begin a view that is reported."""
    ill, well = two_logs()
    redis_view.apply({log[0].user_id: log[:3] for log in (ill, well)})
    user_id = ill[0].user_id
    damage(user_id)
    outcomes = redis_view.apply({log[0].user_id: log[3:] for log in (ill, well)})
    assert redis_view.read(well[0].user_id) == expected(well, 0, 6)
    if redis_view.boundaries([user_id]) != {user_id: (0, 6)}:
        assert outcomes[user_id].gap_at or outcomes[user_id].started_after
    redis_view.replace(user_id, 0, ill)
    assert redis_view.read(user_id) == expected(ill, 0, 6)


def test_damaged_keys_can_be_replaced(redis_view: RedisSpeedView, damage: Callable[[str], object]) -> None:
    log, _ = two_logs()
    user_id = log[0].user_id
    redis_view.apply({user_id: log})
    damage(user_id)
    redis_view.replace(user_id, 0, log)
    assert redis_view.read(user_id) == expected(log, 0, 6)


def test_damaged_keys_stop_no_advance_of_others(redis_view: RedisSpeedView, damage: Callable[[str], object]) -> None:
    ill, well = two_logs()
    redis_view.apply({log[0].user_id: log for log in (ill, well)})
    damage(ill[0].user_id)
    redis_view.advance({log[0].user_id: 3 for log in (ill, well)})
    assert redis_view.read(well[0].user_id) == expected(well, 3, 6)


async def test_a_read_never_takes_damaged_keys_for_a_view(
    redis_view: RedisSpeedView, redis_settings: Settings, damage: Callable[[str], object]
) -> None:
    log, _ = two_logs()
    redis_view.apply({log[0].user_id: log})
    damage(log[0].user_id)
    reading = connect_async(redis_settings)
    try:
        with pytest.raises(DamagedView):
            redis_view.read(log[0].user_id)
        with pytest.raises(DamagedView):
            await RedisSpeedReader(reading).read(log[0].user_id)
    finally:
        await reading.aclose()


def test_a_server_that_refuses_is_unavailable_and_loses_nothing(redis_server: RedisServer) -> None:
    client: Any = connect(Settings(redis_url=redis_server.url, redis_timeout_seconds=30.0))
    view, (log, _) = RedisSpeedView(client, IDLE_SECONDS), two_logs()
    user_id = log[0].user_id
    view.apply({user_id: log[:3]})
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable):
            view.apply({user_id: log[3:]})
    finally:
        client.config_set("maxmemory", 0)
    assert view.read(user_id) == expected(log, 0, 3)
    client.close()


def test_a_server_that_forgot_the_scripts_is_taught_again(redis_view: RedisSpeedView, client: RedisClient) -> None:
    user_id = new_user()
    client.script_flush()
    log = [add(sequence, f"m{sequence}", None, user_id) for sequence in range(1, 1_200)]
    assert redis_view.apply({user_id: log})[user_id].gap_at is None
    client.script_flush()
    assert redis_view.read(user_id) == expected(log, 0, len(log))


def test_many_users_at_once_get_each_their_events_in_order(
    redis_view: RedisSpeedView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some have more events than go into one call, so their calls must not be run side by side."""
    monkeypatch.setattr(redis_speed_view, "EVENTS_PER_CALL", 2)
    monkeypatch.setattr(redis_speed_view, "CALLS_PER_PIPELINE", 3)
    for lengths in ((40,), (1, 40), (40, 1), (7, 40, 7), (5,) * 30):
        logs = [
            [add(it, f"m{it}", None, user) for it in range(1, length + 1)] for length in lengths if (user := new_user())
        ]
        applied = redis_view.apply({log[0].user_id: log for log in logs})
        assert [applied[log[0].user_id] for log in logs] == [Applied(len(log), 0, started_after=0) for log in logs]
        assert [redis_view.read(log[0].user_id) for log in logs] == [expected(log, 0, len(log)) for log in logs]


def test_what_was_answered_before_a_server_forgot_the_scripts_is_told(cluster_settings: Settings) -> None:
    """One node of the cluster knows the script, the others have to be taught: nothing is done twice meanwhile."""
    client: Any = connect(cluster_settings)
    view, users = RedisSpeedView(client, IDLE_SECONDS), [new_user() for _ in range(30)]
    client.script_flush()
    view.apply({user_id: [add(1, "a", None, user_id)] for user_id in (new_user(), new_user(), new_user())})
    node = client.get_node_from_key(user_keys(users[0]).speed)
    for other in client.get_primaries():
        if other.name != node.name:
            client.execute_command("SCRIPT FLUSH", target_nodes=other)
    applied = view.apply({user_id: [add(1, "a", None, user_id)] for user_id in users})
    assert applied == dict.fromkeys(users, Applied(1, 0, started_after=0))
    client.close()


async def test_the_async_reader_reads_what_the_view_reads(
    redis_view: RedisSpeedView, client: RedisClient, redis_settings: Settings
) -> None:
    user_id = new_user()
    reading = connect_async(redis_settings)
    client.script_flush()
    try:
        reader = RedisSpeedReader(reading)
        assert await reader.read(user_id) is None
        redis_view.apply({user_id: [add(1, "a", 8.5, user_id, genres=("Sci-Fi", "Città"), watched_at=None)]})
        assert await reader.read(user_id) == redis_view.read(user_id)
    finally:
        await reading.aclose()


async def test_users_who_are_read_at_once_get_each_their_own(
    redis_view: RedisSpeedView, client: RedisClient, redis_settings: Settings
) -> None:
    """In the group are a damaged view, and a user who has none."""
    logs = [[add(1, "a", 8.5, new_user(), genres=("Città",))] for _ in range(9)]
    for log in logs:
        redis_view.apply({log[0].user_id: log})
    ill, nobody = logs.pop()[0].user_id, new_user()
    client.delete(user_keys(ill).tail)
    client.set(user_keys(ill).tail, "no tail")
    client.script_flush()
    reading = connect_async(redis_settings)
    try:
        reader = RedisSpeedReader(reading)
        users = [ill, nobody, *(log[0].user_id for log in logs)]
        damaged, none, *found = await asyncio.gather(*map(reader.read, users), return_exceptions=True)
    finally:
        await reading.aclose()
    assert isinstance(damaged, DamagedView)
    assert none is None
    assert found == [expected(log, 0, 1) for log in logs]


def test_the_cluster_spreads_the_users(cluster_settings: Settings) -> None:
    client: Any = connect(cluster_settings)
    view = RedisSpeedView(client, IDLE_SECONDS)
    users = [new_user() for _ in range(60)]
    view.apply({user_id: [add(1, "a", None, user_id)] for user_id in users})
    owners = {client.get_node_from_key(user_keys(user_id).speed).name for user_id in users}
    assert len(owners) == 3
    assert set(users) <= set(view.users())
    client.close()
