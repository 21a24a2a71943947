"""What tests of the micro-batch layer share: real lists in MongoDB, their events in Kafka, and what must come out."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncClient
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.contracts.catalog_document import read_film
from cinematch.contracts.dead_letter import DeadLetter, decode
from cinematch.contracts.event_codec import encode
from cinematch.contracts.movie_document import read_movie
from cinematch.domain.changes import AddFilm, Change, RemoveFilm
from cinematch.domain.events import Event
from cinematch.domain.statistics import Statistics, statistics_of
from cinematch.domain.watchlist import Film, Watchlist
from cinematch.settings import Settings
from tests.poison import BadRecord, poison

FILMS = (
    Film("a.b", "S.W.A.T.", 2003, ("Action",), ("J.J. $Abrams",), ("$Mr. T.", "Ann"), 117, "/posters/a.b.svg"),
    Film("$m", "$", 1971, ("Crime", "$.Noir"), ("$where", "a.b.c"), ("Ann",), 119),
    Film("twin-1", "Twins", 1988, ("Comedy",), ("Ivan",), ("Ann", "Bob"), 107, "/posters/twin-1.svg"),
    Film("twin-2", "Twins", 2019, (), (), (), 0, None),
    *(
        Film(f"m{n}", f"Film no. {n}", 2000 + n, ("Drama",), (f"D{n % 3}",), (f"A{n % 5}",), 90 + n, f"/posters/m{n}")
        for n in range(12)
    ),
)
"""Names that would be paths or operators to MongoDB, two films of one title, one without any metadata."""
LARGEST_REQUEST_BYTES = 16 * 2**20
UNKNOWN = Film("unlisted", "Not in the catalog", genres=("Drama",))


class Stage:
    """One test's database and topics."""

    def __init__(self, settings: Settings, client: SyncClient) -> None:
        self.settings = settings
        self.client = client
        self.database = client[settings.mongodb_database]
        self.watchlists = Watchlists(self.database)
        self.outbox = Outbox(self.database)
        ensure_schema(self.database)
        CatalogWriter(self.database).add_missing(FILMS)

    def change(self, user_id: str, *changes: Change) -> list[Event]:
        """Change a list; give the events."""
        return [event for change in changes for event in self.watchlists.change(user_id, change).events]

    def live(self, users: Iterable[str], steps: int, seed: int) -> list[Event]:
        """Let users add, rate and remove films at random; give the events in the order of their writing."""
        chance = random.Random(seed)
        names = list(users)
        return [event for _ in range(steps) for event in self.change(chance.choice(names), _some_change(chance))]

    def publish(self, poison: Iterable[bytes | None] = ()) -> list[Event]:
        """Send what the outbox has not sent yet to Kafka, as the relay does, with poisoned records in between."""
        events = list(self.outbox.unpublished())
        bad = list(poison)
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        for event in events:
            if bad:
                producer.send(self.settings.events_topic, key=event.user_id.encode(), value=bad.pop())
            producer.send(self.settings.events_topic, key=event.user_id.encode(), value=encode(event))
        producer.close()
        assert not bad
        self.outbox.mark_published(events)
        return events

    def send(self, key: bytes, value: bytes | None, compression: str | None = None) -> None:
        """Send one record as it is; compressed, it may be larger than what the broker accepts of others."""
        producer = KafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            compression_type=compression,
            max_request_size=LARGEST_REQUEST_BYTES,
        )
        sent = producer.send(self.settings.events_topic, key=key, value=value)
        producer.close()
        assert sent.succeeded(), sent.exception

    def poison(self, user_id: str) -> list[BadRecord]:
        """Send the bad records that look as if they were of this user; give them."""
        records = poison(user_id)
        producer = KafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        for record in records:
            producer.send(self.settings.events_topic, key=record.key, value=record.value)
        producer.close()
        return records

    def letters(self) -> dict[str, DeadLetter]:
        """Read all dead letters, one of each identity."""
        consumer = KafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        topic = self.settings.dead_letter_topic
        partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        letters: dict[str, DeadLetter] = {}
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                found = [decode(record.value) for record in records]
                letters.update((letter.identity, letter) for letter in found)
        consumer.close()
        return letters

    def sequences(self) -> dict[str, int]:
        """Give the last sequence of every user."""
        return {user["_id"]: user["sequence"] for user in self.database.user_sequences.find()}

    def expected_stats(self, user_id: str) -> Statistics:
        """Recompute a user's statistics from the list as it stands."""
        entries = [read_movie(movie) for movie in self.database.movies.find({"user_id": user_id})]
        films = {film["_id"]: read_film(film) for film in self.database.catalog.find()}
        return statistics_of(Watchlist({entry.movie_id: entry for entry in entries}), films)

    def expected_counts(self, window_start: datetime) -> tuple[Counter[str], Counter[str]]:
        """Recount films and genres from all lists as they stand."""
        films: Counter[str] = Counter()
        genres: Counter[str] = Counter()
        for movie in self.database.movies.find({"added_at": {"$gte": window_start}}):
            films[movie["movie_id"]] += 1
            genres.update(movie["genres"])
        return films, genres

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Read the stored counts of films and genres."""
        films = {film["_id"]: film["count"] for film in self.database.global_movie_counts.find()}
        genres = {genre["_id"]: genre["count"] for genre in self.database.global_genre_counts.find()}
        return Counter(films), Counter(genres)

    def trends(self) -> dict[str, Any]:
        """Read the published trends."""
        published = self.database.global_stats.find_one({"type": "global_trends"})
        assert published is not None
        return published

    def stats_are_complete(self) -> bool:
        """Say whether every user's statistics have reached the user's last event."""
        view = {user["_id"]: user["sequence"] for user in self.database.user_stats.find()}
        return view == self.sequences()

    def trends_are_complete(self) -> bool:
        """Say whether every user's events have been counted and published."""
        progress = {user["_id"]: user["sequence"] for user in self.database.global_progress.find()}
        counted = sum(self.counts()[0].values())
        return progress == self.sequences() and self.trends()["total_movies_analyzed"] == counted

    def assert_stats_equal_a_recomputation(self) -> None:
        """Compare every user's stored statistics with a recomputation."""
        assert self.stats_are_complete()
        for user in self.database.user_stats.find():
            assert user["stats"] == self.expected_stats(user["_id"])
            assert user["user_id"] == user["_id"]

    def stats_equal_a_recomputation(self) -> bool:
        """Say whether every user's stored statistics are what a recomputation gives now."""
        stored = list(self.database.user_stats.find())
        return self.stats_are_complete() and all(it["stats"] == self.expected_stats(it["_id"]) for it in stored)

    def assert_trends_equal_a_recount(self) -> None:
        """Compare the counts, and the published document, with a recount."""
        published = self.trends()
        films, genres = self.expected_counts(published["window_start"])
        assert self.counts() == (films, genres)
        assert published["movie_counts"] == films
        assert published["genre_counts"] == genres
        assert [film["count"] for film in published["top_movies"]] == sorted(films.values(), reverse=True)[:10]


def _some_change(chance: random.Random) -> Change:
    film = chance.choice((*FILMS, UNKNOWN))
    if chance.random() < 0.3:
        return RemoveFilm(film.movie_id)
    return AddFilm(film, chance.choice((None, 0.5, 7.5, 8.0, 10.0)))


class Rounds(threading.Event):
    """Is set after so many waits: for what works until it is stopped."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.rounds = 0
        self._number = number

    def wait(self, timeout: float | None = None) -> bool:
        """Count a wait."""
        self.rounds += 1
        if self.rounds == self._number:
            self.set()
        return super().wait(timeout)
