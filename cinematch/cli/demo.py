"""`cinematch demo`: the whole stack with invented data, and what it makes of it, until Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import IO, Final, TypeVar

from rich.console import Console

from cinematch.cli.data_dir import DataDir, data_folder
from cinematch.cli.demo_lake import lake_progress
from cinematch.cli.demo_tables import print_trends, print_user
from cinematch.cli.lifecycle import launched, stay
from cinematch.cli.stack_report import StartReport, print_addresses
from cinematch.cli.token import token_key
from cinematch.client.errors import NoAnswer, NotThere, NotYet, Unavailable
from cinematch.client.exchange import Patience
from cinematch.client.http_client import Client, connect
from cinematch.client.models import GlobalTrends, UserStats
from cinematch.errors import CineMatchError, WaitTimeout
from cinematch.local_stack.control import await_ready, running_environment
from cinematch.local_stack.data_folder import DataFolder
from cinematch.local_stack.layers import installed_layers
from cinematch.local_stack.orphans import STACK_VARIABLE
from cinematch.local_stack.stack_status import StackStatus
from cinematch.settings import Authentication, StatsMode, load_settings

USERS: Final = 200
EVENTS: Final = 5_000
SEED: Final = 1
SHOWN_USER: Final = f"s{SEED}-user-00025"  # active, yet some popular films are not in the list
VISIBLE_SECONDS: Final = 180.0
POLL_SECONDS: Final = 0.5
BATCH_LOG: Final = "demo-batch"
NEW_RATINGS: Final = ((9.5, 9.0), (8.0, 7.5), (6.5, 6.0))
"""The second one where the first is the film's already: the same rating again would change nothing."""
ASK_ONCE: Final = Patience(attempts=1)
"""The demo waits by itself, for longer and for more than the API's coming back."""
NOT_VISIBLE: Final = (NoAnswer, NotThere, NotYet, Unavailable)
DEMO_LIFETIME: Final = timedelta(hours=1)
LAMBDA_LAYERS: Final = {"data_lake", "speed_layer", "scheduler"}

Answer = TypeVar("Answer")


def demo(data_dir: DataDir = None) -> None:
    """Start everything, load invented data, show the statistics that come out, and stay until Ctrl-C."""
    folder, console = data_folder(data_dir), Console()
    if lambda_installed():
        os.environ.setdefault("STATS_MODE", "lambda")  # which the API inherits
    if folder.is_held:
        console.print(f"A stack runs in {folder.path} already; it stays when this ends.")
        show(console, folder, await_ready(folder, StartReport(console)))
        return
    with launched(folder, console, detached=False) as (stack, status):
        show(console, folder, status)
        stay(console, stack)


def lambda_installed() -> bool:
    """Whether the scale-out path is part of this installation."""
    return {spec.name for spec in installed_layers()} >= LAMBDA_LAYERS


def show(console: Console, folder: DataFolder, status: StackStatus) -> None:
    """Load the data, which adds nothing when they are there, and print what the API makes of them."""
    console.print("Loading invented data ...")
    today = f"{datetime.now(UTC):%Y-%m-%d}"  # so that the weeks that the dashboard shows have films in them
    run(folder, "seed", "--users", str(USERS), "--events", str(EVENTS), "--seed", str(SEED), "--until", today)
    with connect(status.addresses["api"], ASK_ONCE, demo_token(folder)) as client:
        show_answers(console, folder, status, client)
    print_addresses(console, folder, status)


def demo_token(folder: DataFolder) -> str | None:
    """A token of the shown user, signed with the stack's own key; None where the environment has to bring one."""
    settings = load_settings()
    if settings.auth is Authentication.OFF or settings.jwt_key_file or settings.jwt_jwks_url:
        return None
    return token_key(folder.path).issue(SHOWN_USER, (), DEMO_LIFETIME, settings.jwt_issuer, settings.jwt_audience)


def show_answers(console: Console, folder: DataFolder, status: StackStatus, client: Client) -> None:
    """Print what the API makes of the data: before a batch, and merged with what came after one."""
    with console.status("Waiting until the statistics are visible ..."):
        stats = until(lambda: whole(client.stats(SHOWN_USER)), f"the statistics of {SHOWN_USER}")
        print_user(console, stats)
        trends = until(lambda: filled(client.trends()), "the trends")
    print_trends(console, trends)
    mode = stats.freshness.mode
    if mode is not StatsMode.LAMBDA:
        console.print(
            f"This stack answers in mode {mode}: an answer that is part batch, part speed needs STATS_MODE=lambda."
        )
        return
    if not from_batch(stats):
        run_batch(console, folder, status)
    print_user(console, with_more_films(client, trends))


def from_batch(stats: UserStats) -> bool:
    """Whether an answer begins with a batch document."""
    return stats.freshness.batch_generation is not None and stats.freshness.as_of_sequence > 0


def with_more_films(client: Client, trends: GlobalTrends) -> UserStats:
    """Change a list after the batch: the answer is part batch, part speed."""
    stats = until(lambda: published(client.stats(SHOWN_USER)), "the published batch")
    latest = stats.freshness.latest_sequence
    present = {film.movie_id: film.rating for film in client.movies(SHOWN_USER)}
    for film, ratings in zip(reversed(trends.top_movies), NEW_RATINGS, strict=False):
        rating = next(it for it in ratings if it != present.get(film.movie_id))
        latest = max(latest, client.add(SHOWN_USER, film.movie_id, rating=rating).sequence)
    return until(lambda: client.stats(SHOWN_USER, latest), "the new ratings")


def run_batch(console: Console, folder: DataFolder, status: StackStatus) -> None:
    """Run the nightly batch now, once the lake has what was loaded; Spark's chatter goes to a log of its own."""
    with console.status("Waiting until the lake has the events ..."), lake_progress(status.addresses["kafka"]) as lake:
        until(lambda: lake.has_reached_its_goal() or None, "what was loaded, to the lake,")
    with console.status("Running the batch that otherwise runs at night ..."), folder.log(BATCH_LOG).open() as output:
        run(folder, "batch", "run", output=output)
    console.print(folder.log(BATCH_LOG).last_lines(1)[0], highlight=False)


def run(folder: DataFolder, *arguments: str, output: IO[bytes] | None = None) -> None:
    """Run another of our commands on this stack, as a part of it. Raises CineMatchError when it fails.

    The stack's own addresses win over what the caller has exported: that may lead to real data.
    """
    of_stack = running_environment(folder)
    if not of_stack:
        raise CineMatchError(f"no stack runs in {folder.path} any more")
    argv = [sys.executable, "-m", "cinematch", "--data-dir", str(folder.path), *arguments]
    environment = os.environ | of_stack | {STACK_VARIABLE: str(folder.path)}
    ended = subprocess.run(argv, env=environment, stdout=output, stderr=output, check=False)
    if ended.returncode != 0:
        raise CineMatchError(f"`cinematch {' '.join(arguments)}` failed")


def whole(stats: UserStats) -> UserStats | None:
    """Statistics that contain every event issued so far."""
    return stats if stats.total_watched and stats.freshness.complete else None


def published(stats: UserStats) -> UserStats | None:
    """Statistics that begin with a batch document."""
    return stats if from_batch(stats) else None


def filled(trends: GlobalTrends) -> GlobalTrends | None:
    """Trends with at least one film."""
    return trends if trends.top_movies else None


def until(answer: Callable[[], Answer | None], what: str) -> Answer:
    """The first answer that is there and not None. Raises WaitTimeout when there is none in time."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while (given := visible(answer)) is None:
        if time.monotonic() > deadline:
            raise WaitTimeout(f"{what} did not become visible in {VISIBLE_SECONDS:.0f} s: see `cinematch status`")
        time.sleep(POLL_SECONDS)
    return given


def visible(answer: Callable[[], Answer | None]) -> Answer | None:
    """The answer; None while the API, or what it is asked for, is not there."""
    try:
        return answer()
    except NOT_VISIBLE:
        return None
