"""Kafka and MongoDB, the relay, and `cinematch import movielens` of a synthetic data set in the published layout: from
the command's start until it ends (everything is stored durably), and until the relay has published the last event. Each
rating is one event, 500 of a user in one transaction. Beside it, right after, the kafka-python producer alone, sending
the very same records that the relay sent to a topic of its own. Each round imports users of its own; the first brings
the films, too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.child_commands import cinematch
from benchmarks.event_log import Record, publish
from benchmarks.rows import Bound, Findings, Goal, compared
from benchmarks.servers import Servers, servers
from cinematch.adapters import mongodb_client
from cinematch.contracts.collections import OUTBOX
from cinematch.contracts.event_codec import encode, from_document

TITLE: Final = "Import"
LIMIT: Final = (
    "Reading CSV, making events and their documents is one Python process, mongod the other core; transactions of 500 "
    "changes of one user are what keeps the sequence, the list and the outbox in step. The relay publishes beside it."
)
TRIED: Final = (
    "One user after the other, each with a look-up of its films and a wait for its transactions: 0.28 of the "
    "producer's rate until the command ended, 0.20 until all was in Kafka. Films are remembered now, and four users' "
    "changes are made and written at a time: 0.36 and 0.28 in the next run, in an hour in which the machine did more "
    "than twice as much of everything. Until November 30, 20:00, kafka-python computed Kafka's checksums in Python: a "
    "third of the relay's processor time (3.1 s of 30,000 events, now 2.1), but most of that of the producer beside "
    "it, which does three times as much since. Together import, mongod, relay and Kafka take some 310 microseconds of "
    "processor time an event (100, 115, 66, 30), and two cores have 230 at the goal."
)
SECONDS: Final = (120.0, 1_500.0)
FILMS: Final = 9_742
FEWEST, MOST = 20, 2_698
_GENRES: Final = ("Action", "Comedy", "Crime", "Drama", "Romance", "Thriller")


@dataclass(frozen=True, slots=True)
class _Size:
    rounds: int
    users: int
    ratings: int


QUICK: Final = _Size(rounds=4, users=90, ratings=15_000)
FULL: Final = _Size(rounds=1, users=6_100, ratings=1_000_000)


def measure(quick: bool) -> Findings:
    """Import, then send the same records by the producer alone, as often as there are rounds."""
    size = QUICK if quick else FULL
    imported, published, producer = [], [], []
    seen: set[str] = set()
    with servers("kafka", "mongodb") as running, running.layer("ingestion"):
        for number in range(size.rounds):
            folder = running.folder / f"movielens-{number}"
            folder.mkdir()
            write_data_set(folder, size.users, size.ratings, first_user=1 + number * size.users)
            began = time.perf_counter()
            cinematch(running.environment, "import", "movielens", str(folder))
            imported.append(size.ratings / (time.perf_counter() - began))
            _await_published(running)
            published.append(size.ratings / (time.perf_counter() - began))
            log = _new_events(running, seen)
            if len(log) != size.ratings:
                raise ValueError(f"{len(log)} events of {size.ratings} ratings")
            running.topics(topic := f"producer-alone-{number}")
            producer.append(size.ratings / publish(running.settings.kafka_bootstrap_servers, topic, log))
    goal = Goal(Bound.AT_LEAST, 0.3)
    name = f"import of {size.ratings:,} ratings"
    beside = "beside kafka-python's producer alone"
    return Findings(
        rows=[
            compared(f"{name}, {beside}", "events/s", imported, producer, goal),
            compared(f"{name}, until all are in Kafka, {beside}", "events/s", published, producer, goal),
        ],
        remarks=[f"Rounds: {size.rounds}."],
    )


def _await_published(running: Servers) -> None:
    """Wait until the outbox has sent everything."""
    with mongodb_client.connect(running.settings) as client:
        outbox = client[running.settings.mongodb_database][OUTBOX]
        while outbox.count_documents({"published_at": None}, limit=1):
            time.sleep(0.1)


def _new_events(running: Servers, seen: set[str]) -> list[Record]:
    """Give the events of the outbox that were not `seen`, and note that they are now."""
    with mongodb_client.connect(running.settings) as client:
        documents = client[running.settings.mongodb_database][OUTBOX].find({})
        new = [document for document in documents if document["event_id"] not in seen]
    seen |= {document["event_id"] for document in new}
    return list(map(_record, new))


def _record(document: dict[str, Any]) -> Record:
    event = from_document({name: value for name, value in document.items() if name not in ("_id", "published_at")})
    return event.user_id.encode(), encode(event)


def write_data_set(folder: Path, users: int, ratings: int, first_user: int = 1) -> None:
    """Write movies.csv, links.csv and ratings.csv in the published layout, with a heavy-tailed number a user."""
    rng = random.Random(3)
    films = sorted(rng.sample(range(1, 193_610), FILMS))
    _write(folder / "movies.csv", "movieId,title,genres", (_movie(rng, film) for film in films))
    _write(folder / "links.csv", "movieId,imdbId,tmdbId", (f"{film},{film:07d},{film}" for film in films))
    lines = (
        f"{user},{film},{rng.randint(1, 10) / 2},{rng.randint(828_124_615, 1_537_799_250)}"
        for user, count in enumerate(_rating_counts(rng, users, ratings), first_user)
        for film in sorted(rng.sample(films, count))
    )
    _write(folder / "ratings.csv", "userId,movieId,rating,timestamp", lines)


def _rating_counts(rng: random.Random, users: int, ratings: int) -> list[int]:
    counts = [max(FEWEST, min(MOST, int(rng.paretovariate(0.9) * 40))) for _ in range(users)]
    while (difference := ratings - sum(counts)) != 0:
        place = rng.randrange(users)
        counts[place] = max(FEWEST, min(MOST, counts[place] + max(-50, min(50, difference))))
    return counts


def _movie(rng: random.Random, film: int) -> str:
    return f'{film},"Film no. {film}, The ({rng.randint(1930, 2018)})",{"|".join(rng.sample(_GENRES, 2))}'


def _write(path: Path, header: str, rows: Iterable[str]) -> None:
    with path.open("w") as file:
        file.write(header + "\n")
        file.writelines(f"{row}\n" for row in rows)
