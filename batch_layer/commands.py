"""`cinematch batch run | list | show | rollback | metrics`: the layer on the command line, and its composition root."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cinematch.adapters.otlp_spans import export_spans
from cinematch.contracts.batch_status import RunState, run_state
from cinematch.contracts.generations import Generation, GenerationState
from cinematch.errors import CineMatchError, NotFound
from cinematch.failures import sentence
from cinematch.settings import Settings, load_settings
from cinematch.telemetry import configure_logging

if TYPE_CHECKING:
    from batch_layer.batch_run import Build, Built, Plan
    from batch_layer.publication import Stores
    from cinematch.contracts.exclusion import Lease

batch = typer.Typer(no_args_is_help=True, help="The batch view: compute it, list its generations, go back to one.")

_ROWS: Final = 20
_FILE_COLUMNS: Final = 200
"""Where no terminal sets the width, nothing is cut."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Full = Annotated[
    bool,
    typer.Option(
        "--full",
        help="Rebuild from every event ever stored in the lake. After --from-lists: published only if it lacks none.",
    ),
]
FromLists = Annotated[
    bool,
    typer.Option(
        "--from-lists",
        help="Begin from the users' lists in MongoDB: for users whose first events are stored nowhere any more.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="Only events before this time (ISO 8601; UTC unless it has a zone)."),
]


class Column(StrEnum):
    """What `list` shows of each generation."""

    GENERATION = "generation"
    STATE = "state"
    BASE = "base"
    USERS = "users"
    FILMS = "films"
    EVENTS = "events"
    WAITING = "waiting users"
    SECONDS = "seconds"
    FROM = "events from"
    TO = "to"
    PUBLISHED = "published"
    REASON = "reason"


@batch.command()
def run(full: Full = False, from_lists: FromLists = False, as_of: AsOf = None) -> None:
    """Compute a new generation of the batch view and publish it."""
    from batch_layer.batch_run import run_batch

    moment = _moment(as_of)
    if from_lists and (full or moment is not None):
        raise typer.BadParameter(
            "lists are as they are now: it goes with neither --full nor --as-of", param_hint="--from-lists"
        )
    settings = _settings()
    with _stores(settings) as (stores, lease):
        build = _build_with_spark(settings)
        generation = run_batch(stores, lease, settings, build, full=full, from_lists=from_lists, as_of=moment)
    Console().print(
        f"Generation {generation.number} is published: {generation.users} users, {generation.films} films, "
        f"{generation.events} new events, {generation.seconds or 0:.1f} s."
    )


@batch.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the latest generations, newest first."""
    with _stores(_settings()) as (stores, lease):
        generations, holder = stores.generations.all()[:_ROWS], lease.holder()
    if as_json:
        _print_json([_fields(each, holder) for each in generations])
        return
    table = Table(*(column.value for column in Column))
    for each in generations:
        table.add_row(*_cells(each, holder).values())
    Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS).print(table)


@batch.command()
def show(
    number: Annotated[int | None, typer.Argument(help="The generation; the published one if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that is recorded of one generation."""
    with _stores(_settings()) as (stores, lease):
        holder = lease.holder()
        generation = stores.generations.published() if number is None else stores.generations.get(number)
    if generation is None:
        raise NotFound("no generation is published yet: `cinematch batch run` makes one")
    fields = _fields(generation, holder)
    if as_json:
        _print_json(fields)
        return
    table = Table(show_header=False)
    for name, value in fields.items():
        table.add_row(name, "" if value is None else str(value))
    Console().print(table)


@batch.command()
def rollback(
    number: Annotated[int | None, typer.Argument(help="The generation; the one before if left out.")] = None,
) -> None:
    """Publish an earlier generation again; readers stay exact, for the speed view gets the difference back first."""
    from batch_layer.publication import publish, rollback_target
    from cinematch.contracts.exclusion import Exclusion

    with _stores(_settings()) as (stores, lease), Exclusion(lease) as exclusion:
        target = rollback_target(stores.generations, number)
        publish(stores, target.number, exclusion.confirm)
    Console().print(f"Generation {target.number} is published again.")


@batch.command()
def metrics() -> None:
    """Tell the figures of runs and audits on METRICS_HOST:METRICS_PORT, until SIGTERM.

    The scheduler tells them itself. This is for where another one starts the commands: Kubernetes, cron.
    """
    from batch_layer.figures import tell_until_stopped

    tell_until_stopped(_settings())


def submitted() -> int:
    """Run as the script of spark-submit: the arguments of `batch run`; gives the exit code."""
    os.environ.pop("SPARK_JARS_DIR", None)  # spark-submit puts Spark's own folder there; ours come by its --jars
    try:
        batch(["run", *sys.argv[1:]], standalone_mode=False)
    except CineMatchError as error:
        sys.stderr.write(f"cinematch: {sentence(error)}\n")
        return 1
    return 0


def _build_with_spark(settings: Settings) -> Build:
    """Start Spark only when it is needed, after the lease was taken."""
    from batch_layer.job import build
    from cinematch.spark.session import create_spark_session

    def build_with_spark(plan: Plan) -> Built:
        spark = create_spark_session(settings, "batch_layer")
        try:
            return build(spark, settings, plan)
        finally:
            spark.stop()

    return build_with_spark


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[Stores, Lease]]:
    from batch_layer.store_connections import connected_stores

    with connected_stores(settings) as stores:
        yield stores


def _settings() -> Settings:
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    export_spans(settings, "batch")
    return settings


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no ISO 8601 time, such as 2026-01-19T03:00:00Z", param_hint="--as-of"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _fields(generation: Generation, lease_holder: str | None) -> dict[str, Any]:
    return asdict(generation) | {"state": _state(generation, lease_holder)}


def _state(generation: Generation, lease_holder: str | None) -> str:
    """Name the state as people see it: what is published, and what nobody is building any more, has its own word."""
    if generation.is_published:
        return "published"
    if generation.state is GenerationState.BUILDING and run_state(generation, lease_holder) is RunState.ABANDONED:
        return RunState.ABANDONED.value
    return generation.state.value


def _cells(generation: Generation, lease_holder: str | None) -> dict[Column, str]:
    fields = _fields(generation, lease_holder)
    values = {
        Column.GENERATION: generation.number,
        Column.STATE: fields["state"],
        Column.BASE: generation.base or ("lists" if generation.from_lists else "all events"),
        Column.USERS: generation.users,
        Column.FILMS: generation.films,
        Column.EVENTS: generation.events,
        Column.WAITING: generation.waiting_users,
        Column.SECONDS: generation.seconds,
        Column.FROM: _minute(generation.first_event_time),
        Column.TO: _minute(generation.last_event_time),
        Column.PUBLISHED: _minute(generation.published_at),
        Column.REASON: generation.reason,
    }
    return {column: "" if value is None else str(value) for column, value in values.items()}


def _minute(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
