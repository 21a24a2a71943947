"""`cinematch speed`: commands of the speed layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from cinematch.adapters import mongodb_client, redis_client, s3_lake
from cinematch.adapters.mongodb_boundaries import Boundaries
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.contracts.event_history import JoinedHistory
from cinematch.contracts.speed_view import DueUser
from cinematch.settings import Settings, load_settings
from speed_layer.repairs import Repairs, RepairsWait

speed = typer.Typer(add_completion=False, no_args_is_help=True, help="The speed view in Redis.")


@speed.callback()
def speed_group() -> None:
    """Keeps the group a group, whatever the number of its commands."""


@speed.command()
def rebuild(
    user: Annotated[str | None, typer.Option(help="Only this user; default: everybody.", metavar="ID")] = None,
) -> None:
    """Put back in Redis what lies after the published generation, from the outbox and the lake.

    For a Redis that was lost or tampered with: whatever is there is replaced, user by user, while the speed layer and
    the API go on. It may be repeated, and stopped half-way.
    """
    settings = load_settings()
    boundaries = Boundaries(mongodb_client.connect(settings)[settings.mongodb_database])
    repairs = _repairs(settings, boundaries)
    pages = [boundaries.due([user])] if user else boundaries.due_pages()
    progress = _progress()
    try:
        with progress:
            rebuilt = repairs.rebuild(_counted(pages, progress))
    except RepairsWait as wait:
        _report(wait.repaired, progress)
        raise wait.cause from None
    if _report(rebuilt, progress) > rebuilt:
        raise typer.Exit(1)


def _progress() -> Progress:
    columns = (TextColumn("rebuilding the speed view: {task.completed} users"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True))
    progress.add_task("rebuild", total=None)
    return progress


def _counted(pages: Iterable[list[DueUser]], progress: Progress) -> Iterator[DueUser]:
    for page in pages:
        for user in page:
            yield user
            progress.advance(progress.task_ids[0])


def _report(rebuilt: int, progress: Progress) -> int:
    """Say how many were rebuilt; give how many were due."""
    due = int(progress.tasks[0].completed)
    if due == 0:
        Console().print("Nothing to rebuild: the published generation has every event.")
    else:
        done = f"{rebuilt} of {due} users with events after the published generation"
        Console().print(f"Rebuilt the speed view of {done}.")
    return due


def _repairs(settings: Settings, boundaries: Boundaries) -> Repairs:
    view = RedisSpeedView(redis_client.connect(settings), settings.speed_idle_expiry_seconds)
    outbox = Outbox(mongodb_client.connect(settings)[settings.mongodb_database])
    return Repairs(view, boundaries, JoinedHistory(outbox, s3_lake.connect(settings)))
