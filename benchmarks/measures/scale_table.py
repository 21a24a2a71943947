"""The design's scale table: 10,000, 100,000 and 1,000,000 users with 50,000 to 50,000,000 events a day, that is 0.6,
5.8, 58 and 579 events a second. MongoDB has the lists (20 films each) of 10,000 users, then of 100,000; the
micro-batch layer (trigger of one second) and the speed layer (real time) run as in production, one after the other,
each fed at the table's rates from 5.8/s (as 6) on and faster, until one is too much for it; at 0.6/s a run of 15
seconds would have nine events. 1,000,000 users are neither loaded nor drawn: what is measured of them is their rates,
with the lists of fewer. Before both layers, at the same rates, the design's own recipe written plainly: a consumer in
one Python process that finds and recomputes a user for each event.

A latency counts from the moment when the event was due at the producer to the moment when its view has it (a change
stream on `user_stats`; Redis' notifications). Every event is of another user, which is the worst case: no recomputation
serves two events. Redis begins empty, and Lambda's events are of users who are new to it: it never reads the lists in
MongoDB, so how many there are says nothing about it, and its two curves are two runs of the same.

The model of micro-batch (`benchmarks/scale_model.py`) is a server that takes whatever waits as its next batch; what a
batch and an event in it cost is fitted to the measured points. The plain recipe and Lambda have no model: what is said
of them is read off the measured points.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.event_log import additions, publish_on_schedule, records
from benchmarks.measures.speed_latency import event_latencies, publisher
from benchmarks.plain_recipe import PLAIN_STATS
from benchmarks.population import load_catalog, user_name
from benchmarks.quantiles import percentile
from benchmarks.rows import Curve, Findings, Row, alone, compared
from benchmarks.scale_model import BatchServer, Point, fitted, passed_at, steady_up_to
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client
from cinematch.adapters.mongodb_client import SyncDatabase
from cinematch.contracts.collections import MOVIES, USER_SEQUENCES, USER_STATS
from cinematch.contracts.movie_document import movie_document

TITLE: Final = "The design's claim: where micro-batch ends"
LIMIT: Final = (
    "Micro-batch: at low rates its trigger of a second and its batch, then one recomputation of a whole list for each "
    "event, on two cores. Lambda: what real-time mode and the appliers of a partition take; on this machine the two "
    "cores, shared with the producer."
)
SECONDS: Final = (None, 1_800.0)
FILMS_A_USER: Final = 20
THRESHOLDS_MS: Final = (100, 500, 1_000)
MODEL_RATES: Final = tuple(round(0.5 * 1.25**step, 3) for step in range(35))
GROUP: Final = 2_000
LOST_SECONDS: Final = 15.0
MOST_MS: Final = 20_000.0
"""The top of the picture."""
GIVE_UP_MS: Final = 10_000.0
"""A p99 beyond it: the layer does not keep up, and higher rates are left out."""


@dataclass(frozen=True, slots=True)
class _Size:
    users: tuple[int, ...]
    rates: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _View:
    """A collection with a document of each user, and the topic that feeds it."""

    collection: str
    topic: str


PLAIN: Final = _View(PLAIN_STATS, "plain-recipe")
QUICK: Final = _Size(users=(10_000,), rates=(6, 58, 200, 579), seconds=4.0)
FULL: Final = _Size(users=(10_000, 100_000), rates=(6, 58, 116, 200, 300, 579, 1_000), seconds=15.0)


def measure(quick: bool) -> Findings:
    """Measure the designs at each size, then fit the model to the largest."""
    size = QUICK if quick else FULL
    findings = Findings()
    for users in size.users:
        with servers("kafka", "mongodb", "redis") as running, publisher() as pool:
            lists = _Lists(running, users)
            plain = _recomputed(running, pool, lists, size, "benchmarks.plain_recipe", PLAIN)
            view = _View(USER_STATS, running.settings.events_topic)
            micro = _recomputed(running, pool, lists, size, "micro_batch", view)
            live = _lambda(running, pool, size)
        for design, points in (("plain recipe", plain), ("micro-batch", micro), ("Lambda", live)):
            findings.rows += _rows(design, users, points, dict(plain) if design == "micro-batch" else {})
            findings.curves.append(_curve(f"{design}, {_stored(users)}", points))
        findings.rows += _threshold_rows(users, plain, {"micro-batch": micro, "Lambda": live})
    _conclude(findings, fitted([(rate, p99 / 1000) for rate, p99 in micro]), size.users[-1])
    return findings


def _recomputed(
    running: Servers, pool: ProcessPoolExecutor, lists: _Lists, size: _Size, module: str, view: _View
) -> list[Point]:
    """Measure a process that recomputes the users whose events come."""
    running.topics(view.topic)
    with running.layer(module, {"EVENTS_TOPIC": view.topic}):
        lists.latencies(pool, view, 20, 3.0)  # warm up
        return _points(size, lambda rate: lists.latencies(pool, view, rate, size.seconds))


def _lambda(running: Servers, pool: ProcessPoolExecutor, size: _Size) -> list[Point]:
    topic = running.settings.events_topic
    with running.layer("speed_layer"):
        event_latencies(running, pool, topic, 50, 3.0)  # warm up
        return _points(size, lambda rate: event_latencies(running, pool, topic, rate, size.seconds))


def _points(size: _Size, latencies: Callable[[float], list[float]]) -> list[Point]:
    """Give rate and p99 in ms, up to the first rate that is too much."""
    points: list[Point] = []
    for rate in size.rates:
        points.append((rate, percentile(latencies(rate), 99)))
        if points[-1][1] > GIVE_UP_MS:
            break
    return points


def _rows(design: str, users: int, points: Sequence[Point], plain: Mapping[float, float]) -> list[Row]:
    """Give a row of each point, beside the plain recipe where that got so far."""
    rows = []
    for rate, p99 in points:
        name = f"{design}, {_stored(users)}, {rate:g} events/s, event to view, p99"
        if rate in plain:
            rows.append(compared(f"{name}, beside the plain recipe", "ms", [p99], [plain[rate]]))
        else:
            rows.append(alone(name, "ms", [p99]))
    return rows


def _curve(label: str, points: Sequence[Point], is_model: bool = False) -> Curve:
    return Curve("scale", label, tuple(rate for rate, _ in points), tuple(ms for _, ms in points), is_model)


def _stored(users: int) -> str:
    return f"{users:,} users in MongoDB"


def _threshold_rows(users: int, plain: Sequence[Point], layers: Mapping[str, Sequence[Point]]) -> list[Row]:
    """Give, of each threshold, how far each layer stays below it, and where the plain recipe passes it."""
    rows = []
    for threshold in THRESHOLDS_MS:
        beside = steady_up_to(plain, threshold)
        for design, points in layers.items():
            ours, name = (
                steady_up_to(points, threshold),
                f"{design}, {_stored(users)}, stays below {threshold:,} ms up to",
            )
            if beside:
                rows.append(compared(f"{name}, beside the plain recipe", "events/s", [ours], [beside]))
            else:
                rows.append(alone(name, "events/s", [ours]))
        if (passed := passed_at(plain, threshold)) is not None:
            name = f"interpolated: plain recipe, {_stored(users)}, passes {threshold:,} ms at"
            rows.append(alone(name, "events/s", [passed]))
    return rows


def _conclude(findings: Findings, model: BatchServer, users: int) -> None:
    """Add the curve of micro-batch's model, and the rates at which it passes the thresholds."""
    modelled = [(rate, model.p99(rate) * 1000) for rate in MODEL_RATES]
    findings.curves.append(_curve("micro-batch", [it for it in modelled if it[1] < MOST_MS], is_model=True))
    passed = {threshold: model.rate_at(threshold / 1000) for threshold in THRESHOLDS_MS}
    for threshold, rate in passed.items():
        name = f"model: micro-batch passes {threshold:,} ms at"
        findings.rows.append(alone(name, "events/s", [rate or 0.0]))
    findings.rows.append(alone("model: micro-batch takes no more than", "events/s", [model.greatest_rate]))
    findings.remarks += [
        f"Model, fitted to the points of {users:,} users: a batch takes {model.fixed * 1000:.0f} ms and "
        f"{model.each * 1000:.1f} ms for each user in it. Rows that begin with *model* are computed from it.",
        "Rows with *up to* give the greatest measured rate up to which every p99 was below the threshold, 0 where the "
        "least was not. Rows that begin with *interpolated* lie between two measured rates, on a straight line between "
        "their logarithms. All others are measured.",
    ]
    if None in passed.values():
        findings.remarks.append(_why_at_any_rate(model))


def _why_at_any_rate(model: BatchServer) -> str:
    if model.fixed > model.trigger:
        longer = f"the {model.fixed * 1000:.0f} ms of the batch before, which outlast the trigger"
    else:
        longer = f"the trigger's {model.trigger * 1000:.0f} ms"
    return (
        f"The model passes a threshold at any rate (0 events/s) that is below {model.p99(0.0) * 1000:.0f} ms, its p99 "
        f"without load: {longer}, and {model.fixed * 1000:.0f} ms of the event's own batch."
    )


class _Lists:
    """Users with lists in MongoDB, each of whom gets one event, once; a change stream tells when it is in the view."""

    def __init__(self, running: Servers, users: int) -> None:
        self._settings = running.settings
        self._users = users
        with mongodb_client.connect(self._settings) as client:
            database = client[self._settings.mongodb_database]
            load_catalog(database)
            for start in range(0, users, GROUP):
                group = [user_name(number) for number in range(start, min(start + GROUP, users))]
                log = additions(group, FILMS_A_USER)
                database[MOVIES].insert_many([movie_document(event) for event in log], ordered=False)
                issued = [{"_id": user, "sequence": FILMS_A_USER} for user in group]
                database[USER_SEQUENCES].insert_many(issued, ordered=False)

    def latencies(self, pool: ProcessPoolExecutor, view: _View, rate: float, seconds: float) -> list[float]:
        """Publish one event of each of so many users; give the milliseconds until the view has them.

        An event that takes longer than LOST_SECONDS counts as that. There are never more events than users.
        """
        users = [user_name(number) for number in range(min(self._users, max(2, round(rate * seconds))))]
        log = records(replace(event, sequence=FILMS_A_USER) for event in additions(users, 1))
        with mongodb_client.connect(self._settings) as client:
            database = client[self._settings.mongodb_database]
            database[view.collection].delete_many({})  # so that each document is a new one
            watch = _Watch(database, view.collection, users)
            watch.start()
            servers_ = self._settings.kafka_bootstrap_servers
            due_at = pool.submit(publish_on_schedule, servers_, view.topic, log, rate).result()
            watch.await_all(LOST_SECONDS)
            late = time.time()
        return [(watch.seen_at.get(user, late) - due) * 1000 for user, due in due_at.items()]


class _Watch(threading.Thread):
    """Notes when a collection gets each user's document; `start` returns when it listens."""

    def __init__(self, database: SyncDatabase, collection: str, users: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self.seen_at: dict[str, float] = {}
        self._missing = set(users)
        self._over = threading.Event()
        stages = [{"$project": {"documentKey": 1}}]
        self._stream = database[collection].watch(stages, max_await_time_ms=100)

    def await_all(self, seconds: float) -> None:
        """Wait for so long at most, then listen no more."""
        self.join(seconds)
        self._over.set()
        self.join()

    def run(self) -> None:
        with self._stream as stream:
            while self._missing and not self._over.is_set():
                change = stream.try_next()
                if change is not None and (user := change["documentKey"]["_id"]) in self._missing:
                    self._missing.remove(user)
                    self.seen_at[user] = time.time()
