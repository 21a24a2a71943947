"""The demo runs one batch, after the lake has what was loaded, and none where there is one already."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from rich.console import Console

from cinematch.cli import demo
from cinematch.cli.demo_lake import LakeProgress
from cinematch.cli.demo_tables import print_freshness
from cinematch.client.errors import NoAnswer, NotThere, NotYet, Unavailable, answered
from cinematch.client.exchange import Patience
from cinematch.client.models import Change, Freshness, GlobalTrends, ListedMovie, Problem, TrendingMovie, UserStats
from cinematch.contracts.log_record import LogPartition
from cinematch.domain.events import EventType
from cinematch.errors import CineMatchError, WaitTimeout
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.orphans import STACK_VARIABLE
from cinematch.local_stack.private_file import write_private
from cinematch.local_stack.stack_status import StackStatus
from cinematch.settings import StatsMode

FIRST, SECOND = LogPartition("events", 0), LogPartition("events", 1)
STATUS = StackStatus("running", addresses={"api": "http://127.0.0.1:1", "kafka": "127.0.0.1:1"})
FILMS = [
    TrendingMovie(movie_id=f"m{n}", title=f"Film {n}", poster_path=None, year=None, count=n, previous_place=None)
    for n in range(1, 6)
]


@dataclass
class FakeLog:
    """A log that a sink works off."""

    end: dict[LogPartition, int]
    stored: dict[LogPartition, int] = field(default_factory=dict)

    def ends(self, topic: str) -> dict[LogPartition, int]:
        return dict(self.end)

    def committed(self, group: str, topic: str) -> dict[LogPartition, int]:
        return self.stored


def test_the_lake_has_what_the_log_had_at_the_beginning() -> None:
    log = FakeLog({FIRST: 7, SECOND: 3})
    lake = LakeProgress(log, "events", "lake")
    assert not lake.has_reached_its_goal()
    log.stored = {FIRST: 7}
    assert not lake.has_reached_its_goal()
    log.end[FIRST] = 100  # what comes later does not matter
    log.stored = {FIRST: 7, SECOND: 4}
    assert lake.has_reached_its_goal()


def test_an_empty_partition_is_not_waited_for() -> None:
    assert LakeProgress(FakeLog({FIRST: 0}), "events", "lake").has_reached_its_goal()


@dataclass
class FakeStack:
    """The API, the commands and the lake of a stack, and what was asked of them, in order."""

    generation: int | None
    looks_until_stored: int = 3
    done: list[str] = field(default_factory=list)
    sequence: int = 10
    as_of: int = 0
    mode: StatsMode = StatsMode.LAMBDA
    ratings: dict[str, float] = field(default_factory=dict)
    commands: list[tuple[str, ...]] = field(default_factory=list)

    def stats(self, user_id: str, min_sequence: int | None = None) -> UserStats:
        return UserStats(
            user_id=user_id,
            total_watched=self.sequence,
            avg_rating=7.0,
            rating_chart_data=[],
            top_rated_movies=[],
            recent_movies=[],
            genre_data=[],
            favorite_genre="Drama",
            watch_time_hours=1.0,
            best_rated_directors={},
            best_directors=[],
            most_watched_actors=[],
            stats_version="3.2",
            last_updated=None,
            batch_updated_at=None,
            realtime_delta_count=0,
            freshness=Freshness(
                mode=self.mode,
                batch_generation=self.generation,
                as_of_sequence=self.as_of,
                applied_sequence=self.sequence,
                latest_sequence=self.sequence,
                complete=True,
            ),
        )

    def trends(self) -> GlobalTrends:
        return GlobalTrends(
            type="global_trends",
            top_movies=FILMS,
            trending_genres=[],
            genre_counts={},
            total_movies_analyzed=5,
            updated_at="",
            source="",
            compared_with=None,
        )

    def add(self, user_id: str, movie_id: str, *, rating: float) -> Change:
        self.done.append("rate")
        changed = self.ratings.get(movie_id) != rating
        self.ratings[movie_id] = rating
        self.sequence += changed
        return Change(
            changed=changed,
            event_id="e",
            event_type=EventType.ADD,
            sequence=self.sequence,
            movie_id=movie_id,
            title="Film",
            detail="",
        )

    def movies(self, user_id: str) -> Iterator[ListedMovie]:
        now = datetime.now(UTC)
        for film, rating in self.ratings.items():
            yield ListedMovie(
                movie_id=film, title="Film", genres=[], rating=rating, watched_at=now, added_at=now, sequence=1
            )

    def run(self, folder: DataFolder, *arguments: str, output: Any = None) -> None:
        self.commands.append(arguments)
        self.done.append(arguments[0])
        if arguments[0] == "batch":
            self.generation, self.as_of = 1, self.sequence
            output.write(b"Generation 1 is published.\n")

    def has_reached_its_goal(self) -> bool:
        self.done.append("look")
        self.looks_until_stored -= 1
        return self.looks_until_stored <= 0


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Show the demo of a stack; gives what it printed."""

    def show(stack: FakeStack) -> str:
        class Progress:
            def __init__(self, address: str) -> None:
                assert address == STATUS.addresses["kafka"]

            def __enter__(self) -> FakeStack:
                return stack

            def __exit__(self, *_: object) -> None:
                """Nothing to close."""

        @contextmanager
        def connect(url: str, patience: Patience, token: str | None = None) -> Iterator[FakeStack]:
            assert (url, patience.attempts) == (STATUS.addresses["api"], 1)
            yield stack

        monkeypatch.setattr(demo, "connect", connect)
        monkeypatch.setattr(demo, "lake_progress", Progress)
        monkeypatch.setattr(demo, "run", stack.run)
        monkeypatch.setattr(demo, "POLL_SECONDS", 0.001)
        output = StringIO()
        demo.show(Console(file=output, width=200), DataFolder(tmp_path), STATUS)
        return " ".join(output.getvalue().split())

    return show


@pytest.mark.parametrize(
    ("stack", "told"),
    [
        (FakeStack(None), "events 1 to 10 from the speed layer"),
        (FakeStack(3, as_of=10), "events 1 to 10 from batch generation 3"),
        (FakeStack(3, as_of=8), "events 1 to 8 from batch generation 3, 9 to 10 from the speed layer"),
        (FakeStack(None, as_of=10, mode=StatsMode.MICRO_BATCH), "events 1 to 10 from user_stats"),
    ],
)
def test_an_answer_says_which_view_has_which_events(stack: FakeStack, told: str) -> None:
    output = StringIO()
    print_freshness(Console(file=output, width=200), stack.stats("ann"))
    assert output.getvalue().strip() == f"mode {stack.mode}: {told} (complete)"


def test_one_batch_is_run_and_only_after_the_lake_has_the_events(shown: Any) -> None:
    stack = FakeStack(generation=None)
    words = shown(stack)
    assert stack.done == ["seed", "look", "look", "look", "batch", "rate", "rate", "rate"]
    assert "events 1 to 10 from batch generation 1, 11 to 13 from the speed layer (complete)" in words
    assert words.index("Statistics of") < words.index("Top 10") < words.index("Generation 1 is published")


def test_the_films_of_the_demo_were_watched_up_to_today(shown: Any) -> None:
    """The weeks on the dashboard are those before today; the day that `seed` takes by itself is long ago."""
    stack = FakeStack(generation=1, as_of=10)
    before = datetime.now(UTC).date()
    shown(stack)
    arguments = stack.commands[0]
    assert before <= date.fromisoformat(arguments[arguments.index("--until") + 1]) <= datetime.now(UTC).date()


def test_a_second_demo_on_the_same_data_runs_no_batch(shown: Any) -> None:
    stack = FakeStack(generation=4, as_of=10)
    shown(stack)
    assert stack.done == ["seed", "rate", "rate", "rate"]


def test_an_answer_is_part_speed_also_when_a_batch_has_the_ratings_of_an_earlier_demo(shown: Any) -> None:
    stack = FakeStack(generation=None)
    shown(stack)
    for newest in (13, 16):
        stack.as_of = stack.sequence
        assert stack.sequence == newest
        parts = f"events 1 to {newest} from batch generation 1, {newest + 1} to {newest + 3} from the speed layer"
        assert parts in shown(stack)


def test_a_stack_in_another_mode_gets_a_sentence_in_place_of_a_batch(shown: Any) -> None:
    stack = FakeStack(generation=None, mode=StatsMode.MICRO_BATCH)
    words = shown(stack)
    assert stack.done == ["seed"]
    assert "This stack answers in mode micro_batch: an answer that is part batch, part speed needs" in words
    assert STATUS.addresses["api"] in words


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments of the commands that the demo runs."""
    given: list[dict[str, str]] = []

    def ended(argv: list[str], *, env: dict[str, str], **_: object) -> CompletedProcess[bytes]:
        given.append(env)
        return CompletedProcess(argv, 0)

    monkeypatch.setattr(subprocess, "run", ended)
    return given


def test_a_command_of_the_demo_works_on_its_stack_and_never_on_the_callers_own_servers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environments: list[dict[str, str]]
) -> None:
    folder = DataFolder(tmp_path)
    of_stack = {"MONGODB_URL": "mongodb://127.0.0.1:2", "S3_ACCESS_KEY_ID": "the stack's"}
    write_private(folder.environment_file, json.dumps(of_stack))
    for variable in (*of_stack, "EVENTS_TOPIC", STACK_VARIABLE):
        monkeypatch.setenv(variable, "the caller's")
    with folder.held():
        demo.run(folder, "seed")
    expected = {**of_stack, "EVENTS_TOPIC": "the caller's", STACK_VARIABLE: str(folder.path)}
    assert environments[0].items() >= expected.items()


def test_a_stack_that_ended_meanwhile_gets_no_command_that_would_go_to_the_callers_own_servers(
    tmp_path: Path, environments: list[dict[str, str]]
) -> None:
    with pytest.raises(CineMatchError, match="no stack runs"):
        demo.run(DataFolder(tmp_path), "seed")
    assert environments == []


def test_a_stack_that_starts_is_awaited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    awaited: list[StackStatus] = []
    monkeypatch.setattr(DataFolder, "is_held", True)
    monkeypatch.setattr(demo, "await_ready", lambda folder, changed: STATUS)
    monkeypatch.setattr(demo, "show", lambda console, folder, status: awaited.append(status))
    demo.demo(tmp_path)
    assert awaited == [STATUS]


def refused(status: int) -> Exception:
    return answered(Problem(status=status))


def test_what_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "POLL_SECONDS", 0.0)
    errors = [NoAnswer("refused"), refused(404), refused(503), refused(504)]
    assert [type(error) for error in errors] == [NoAnswer, NotThere, Unavailable, NotYet]

    def answer() -> str | None:
        if errors:
            raise errors.pop(0)
        return "there"

    assert demo.until(answer, "it") == "there"


def test_what_never_comes_is_waited_for_in_vain_but_a_wrong_request_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(status: int) -> None:
        raise refused(status)

    monkeypatch.setattr(demo, "VISIBLE_SECONDS", 0.0)
    with pytest.raises(WaitTimeout, match="the trends did not become visible"):
        demo.until(lambda: answer(503), "the trends")
    with pytest.raises(type(refused(422))):
        demo.until(lambda: answer(422), "the trends")
