"""The nightly batch as `cinematch status` tells it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from rich.console import Console

from cinematch.contracts.batch_status import BatchState, BatchStatus
from cinematch.errors import StoreUnavailable
from cinematch.local_stack.control import running_environment
from cinematch.local_stack.data_folder import DataFolder
from cinematch.settings import Settings, load_settings

PATIENCE_SECONDS: Final = 2.0
"""Whoever asks how the stack is may ask because MongoDB does not answer."""
COLOURS: Final = {
    BatchState.FRESH: "green",
    BatchState.RUNNING: "cyan",
    BatchState.NONE: "dim",
    BatchState.OVERDUE: "yellow",
    BatchState.FAILED: "red",
}


def running_batch(folder: DataFolder) -> BatchStatus | None:
    """Ask the running stack's MongoDB; None when no stack runs, or it does not answer at once."""
    variables = running_environment(folder)
    if "MONGODB_URL" not in variables:
        return None
    try:
        return asyncio.run(_read(load_settings().model_copy(update=_hasty(variables["MONGODB_URL"]))))
    except StoreUnavailable:
        return None


async def _read(settings: Settings) -> BatchStatus:
    from cinematch.adapters.mongodb_batch_status import read_batch_status  # a stopped stack need not wait for drivers
    from cinematch.adapters.mongodb_client import connect_async

    async with connect_async(settings) as client:
        return await read_batch_status(client[settings.mongodb_database], settings.batch_max_age_seconds)


def _hasty(mongodb_url: str) -> dict[str, object]:
    return {"mongodb_url": mongodb_url, "mongodb_timeout_seconds": PATIENCE_SECONDS}


def print_batch(console: Console, batch: BatchStatus | None) -> None:
    """Say which generation is published, and what became of the last night; None: it could not be asked."""
    if batch is None:
        console.print("nightly batch: unknown, for MongoDB does not answer")
        return
    state = f"[{COLOURS[batch.state]}]{batch.state.value}[/]"
    if batch.state is BatchState.NONE:
        console.print(f"nightly batch: {state}, there was no run yet")
        return
    parts = [f"nightly batch: {state}", _published(batch)]
    if batch.state is BatchState.RUNNING and batch.last_run is not None:
        parts.append(f"generation {batch.last_run.generation} since {_minute(batch.last_run.started_at)}")
    console.print(", ".join(parts), highlight=False)
    if batch.fault is not None:
        console.print(f"  {batch.fault}", markup=False, highlight=False)


def _published(batch: BatchStatus) -> str:
    if batch.generation is None:
        return "nothing is published"
    when = f" at {_minute(batch.published_at)}" if batch.published_at else ""
    return f"generation {batch.generation} published{when}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
