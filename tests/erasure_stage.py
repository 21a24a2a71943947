"""What tests of erasures share: all stores, ingestion, a relay and a lake sink, and a batch without Spark."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cinematch.adapters import mongodb_client, redis_client, s3_lake, s3_objects
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_generations import MongoGenerations
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_trends import GlobalTrends
from cinematch.adapters.mongodb_trends_bootstrap import TrendsBootstrap
from cinematch.adapters.mongodb_user_stats import StoredLists, UserStatsView
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.batch_state import state_prefix
from cinematch.contracts.generations import GenerationState
from cinematch.contracts.lake_file import decode_file
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER, EVENTS_FOLDER
from cinematch.domain.changes import AddFilm
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film
from cinematch.settings import Settings
from ingestion.personal_data.connections import PersonalDataStores, connected
from micro_batch.bootstrap import bootstrap_global_stats
from micro_batch.user_stats import UserStatsStores, refresh_user_stats
from tests.environments import environment_of
from tests.lake_stage import wait_until


class NoFilms:
    """A catalog that knows no film."""

    def films_by_id(self, movie_ids: Any) -> dict[str, Film]:
        return {}


class ErasureStage:
    """One database, topic, bucket and Redis."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.client = mongodb_client.connect(settings)
        self.database = self.client[settings.mongodb_database]
        ensure_schema(self.database)
        self.redis = redis_client.connect(settings)
        self.redis.flushall()
        self.watchlists = Watchlists(self.database)
        self.view = RedisSpeedView(self.redis, 60.0)
        self.trends = GlobalTrends(self.client, settings.mongodb_database)
        self.lake = s3_lake.connect(settings)
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self._connected = connected(settings)

    def __enter__(self) -> Self:
        bootstrap_global_stats(self.trends, TrendsBootstrap(self.client, self.settings.mongodb_database))
        self.personal_data: PersonalDataStores = self._connected.__enter__()
        for module in ("ingestion", "data_lake"):
            with (self._folder / f"{module}.log").open("wb") as log:
                environment = environment_of(self.settings, lake_flush_seconds=0.3)
                process = subprocess.Popen([sys.executable, "-m", module], env=environment, stdout=log, stderr=log)
            self._processes.append(process)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._connected.__exit__(None, None, None)
        self.redis.close()
        self.client.close()

    def add(self, user_id: str, *movie_ids: str) -> list[Event]:
        """Add films, and let the micro-batch and the speed layer take the events in; give all of the user's."""
        films = [AddFilm(Film(movie_id, f"Film {movie_id}", genres=("Drama",)), 7.5) for movie_id in movie_ids]
        before = self.issued(user_id)
        self.watchlists.add_many(user_id, films)
        events = Outbox(self.database).events_after(user_id, before)
        self.take_in(events)
        return events

    def take_in(self, events: list[Event]) -> None:
        """Do what the streams do with events."""
        window_start = self.trends.window_start()
        assert window_start is not None
        self.view.apply({event.user_id: [it for it in events if it.user_id == event.user_id] for event in events})
        self.trends.count(events, window_start)
        stores = UserStatsStores(
            StoredLists(self.client, self.settings.mongodb_database), NoFilms(), UserStatsView(self.database)
        )
        refresh_user_stats({event.user_id: event.sequence for event in events}, stores, lambda _: None)

    def issued(self, user_id: str) -> int:
        """Give the last sequence."""
        counter = self.database["user_sequences"].find_one({"_id": user_id})
        return int(counter["sequence"]) if counter else 0

    def batch(self, *user_ids: str) -> int:
        """Publish a generation with a document, a list and a state of these users."""
        generations = MongoGenerations(self.database)
        number = generations.create("test", datetime.now(UTC), None, None).number
        documents = [{"_id": user, "user_id": user, "as_of_sequence": self.issued(user)} for user in user_ids]
        chunks = [{"_id": {"user_id": user, "chunk": 0}, "user_id": user, "chunk": 0} for user in user_ids]
        generations.write(number, documents, chunks)
        generations.update(number, state=GenerationState.READY)
        generations.publish(number, datetime.now(UTC))
        state = b" ".join(user.encode() for user in user_ids)
        s3_objects.connect(self.settings).put_new(f"{state_prefix(number)}part-0.parquet", state)
        return number

    def wait_for_lake(self, user_id: str, sequence: int) -> None:
        """Wait until the lake has the user's event."""
        wait_until(lambda: len(self.lake.events_of([user_id])[user_id]) >= sequence, "the event in the lake")

    def traces(self, user_id: str) -> list[str]:
        """Name every place that has the user's id: documents, keys, and rows of objects that exist, current or not."""
        found = [name for name in self.database.list_collection_names() if self._in_collection(name, user_id)]
        found += [key.decode() for key in self.redis.scan_iter() if user_id.encode() in key]
        objects = s3_objects.connect(self.settings)
        folder = LakeFolder(objects, EVENTS_FOLDER)
        found += [key for key in folder.sizes() if user_id in _users(objects.get(key))]
        letters = LakeFolder(objects, DEAD_LETTERS_FOLDER)
        found += [key for key in letters.sizes() if user_id.encode() in _keys(objects.get(key))]
        found += [key for key in objects.sizes("batch-state/") if user_id.encode() in objects.get(key)]
        return sorted(found)

    def _in_collection(self, name: str, user_id: str) -> bool:
        return any(f"'{user_id}'" in repr(document) for document in self.database[name].find())


def _users(body: bytes) -> set[str]:
    return set(decode_file(body).column("user_id").to_pylist())


def _keys(body: bytes) -> set[bytes | None]:
    return set(decode_file(body).column("key").to_pylist())


def tombstones(stage: ErasureStage) -> Erasures:
    """Give the tombstones of a stage."""
    return Erasures(stage.database)
