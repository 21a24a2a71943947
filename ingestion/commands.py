"""The commands that bring data in: `cinematch seed` and `cinematch import`.

Exit codes: 0 all is well; 1 some rows (or users) were left out; 2 it could not run, or not to the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console

from cinematch.adapters import s3_lake, s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_catalog_writer import CatalogWriter
from cinematch.adapters.mongodb_client import SyncDatabase, connect
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_schema import ensure_schema
from cinematch.adapters.mongodb_sequences import Sequences
from cinematch.adapters.mongodb_watchlists import Watchlists
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import EVENTS_FOLDER
from cinematch.errors import CineMatchError, StoreUnavailable
from cinematch.failures import sentence
from cinematch.settings import load_settings
from ingestion.imports.catalog_import import import_catalog
from ingestion.imports.lake_import import LakeImport, RestoredStores, require_whole
from ingestion.imports.movielens_files import MovieLensFiles
from ingestion.imports.movielens_import import MovieLensImport
from ingestion.imports.rows import size_bytes
from ingestion.progress import ProgressBars
from ingestion.seeding.loading import DataSet, Loaded, Loading

SOME_ROWS_BAD: Final = 1
COULD_NOT_RUN: Final = 2
DEFAULT_UNTIL: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Fixed: with today in its place, the same seed would give other data each day."""

seed = typer.Typer(add_completion=False)
import_ = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Bring data in: a catalog of films, MovieLens ratings, or events of the lake that MongoDB lacks.",
)


@seed.command("seed")
def seed_(
    users: Annotated[int, typer.Option(min=1, help="People to invent.")] = 200,
    events: Annotated[int, typer.Option(min=0, help="Changes of their lists, shared by Zipf's law.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Same seed, same data.")] = 1,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Events a second, one transaction each.")] = None,
    until: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Films were watched in the two years before this day (UTC); same day, same data.",
            show_default=f"{DEFAULT_UNTIL:%Y-%m-%d}",
        ),
    ] = DEFAULT_UNTIL,
) -> None:
    """Load invented films, people and what they do; a second run of the same command adds nothing."""
    with _clear_failure():
        data = DataSet(seed, users, events, until.replace(tzinfo=UTC))
        with _database() as database:
            stages = ProgressBars(Console(stderr=True))
            loading = Loading(CatalogWriter(database), Watchlists(database), Sequences(database), stages)
            _print_loaded(data, loading.run(data, rate))


@import_.command("catalog")
def catalog_(
    file: Annotated[Path, typer.Argument(help="One JSON object a line: movie_id, title, and what else is known.")],
) -> None:
    """Bring films into the catalog; those that it has are refreshed, and fields that a line leaves out stay."""
    complaints = Complaints()
    with _clear_failure():
        size = size_bytes(file)
        with _database() as database, ProgressBars(complaints.console).stage("Films (bytes)", size) as advance:
            imported = import_catalog(file, CatalogWriter(database), complaints.report, advance)
    typer.echo(f"{imported.films:,} films read, {imported.new_films:,} of them new to the catalog.")
    complaints.conclude()


@import_.command("movielens")
def movielens_(
    folder: Annotated[Path, typer.Argument(help="The folder that holds ratings.csv, movies.csv and maybe links.csv.")],
) -> None:
    """Bring in the ratings of a MovieLens data set; a second run, also after a crash, goes on where it was.

    Where a user has changed a film of the file since, the file wins: its rating is put back, and a film that was
    removed returns. A user's other films stay as they are.
    """
    complaints = Complaints()
    with _clear_failure():
        files = MovieLensFiles.found_in(folder)
        with _database() as database:
            films, catalog, lists = Catalog(database), CatalogWriter(database), Watchlists(database)
            job = MovieLensImport(films, catalog, lists, complaints.report)
            imported = job.run(files, ProgressBars(complaints.console))
    typer.echo(
        f"{imported.ratings:,} ratings of {imported.users:,} users read, {imported.events:,} events written; "
        f"{imported.new_films:,} films added to the catalog."
    )
    complaints.conclude()


@import_.command("lake")
def lake_(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day (UTC) of the state that was put back, or an earlier one; spares reading what is older.",
            show_default="everything",
        ),
    ] = None,
    lake_alone: Annotated[
        bool, typer.Option("--lake-alone", help="Do not ask Kafka whether the lake is whole: its log is lost.")
    ] = False,
) -> None:
    """Bring a MongoDB that was put back to an older state up to what the lake has; a second run puts back nothing.

    No list may be changed before: stop the API first. The relay then publishes the events once more.
    """
    complaints = Complaints("users could not be brought to their last event; all others have theirs")
    with _clear_failure():
        settings = load_settings()
        if not lake_alone:
            with closing(LogWatch(settings.kafka)) as watch:
                require_whole(LakeFolder(s3_objects.connect(settings), EVENTS_FOLDER), watch, settings.events_topic)
        with _database() as database:
            stores = RestoredStores(Watchlists(database), Sequences(database), Erasures(database), Outbox(database))
            job = LakeImport(s3_lake.connect(settings), stores, complaints.report)
            imported = job.run(since and since.replace(tzinfo=UTC), ProgressBars(complaints.console))
    typer.echo(f"{imported.events:,} events of {imported.users:,} users put back.")
    complaints.conclude()


class Complaints:
    """Prints what could not be used as it is met, one a line on standard error, above the progress."""

    def __init__(self, what: str = "bad rows were left out") -> None:
        self.console = Console(stderr=True)
        self._what = what
        self._count = 0

    def report(self, complaint: object) -> None:
        """Print one."""
        self._count += 1
        self.console.print(str(complaint), markup=False, highlight=False, soft_wrap=True)

    def conclude(self) -> None:
        """Say how many there were, and end the command with the exit code that tells."""
        if self._count:
            typer.echo(f"{self._count:,} {self._what}.")
            raise typer.Exit(SOME_ROWS_BAD)


@contextmanager
def _clear_failure() -> Iterator[None]:
    """Turn our errors, and Ctrl-C, into one sentence and the exit code for it."""
    try:
        yield
    except StoreUnavailable as error:
        _fail(f"{sentence(error)}: it goes on where it was")
    except CineMatchError as error:
        _fail(sentence(error))
    except KeyboardInterrupt:
        _fail("stopped; the same command goes on where it was")


def _fail(sentence: str) -> NoReturn:
    typer.echo(f"cinematch: {sentence}", err=True)
    raise typer.Exit(COULD_NOT_RUN)


@contextmanager
def _database() -> Iterator[SyncDatabase]:
    settings = load_settings()
    with connect(settings) as client:
        database = client[settings.mongodb_database]
        ensure_schema(database)
        yield database


def _print_loaded(data: DataSet, loaded: Loaded) -> None:
    typer.echo(
        f"{loaded.events:,} events of {data.users:,} users written in {loaded.seconds:.1f} s, "
        f"{loaded.events_before:,} were there already; the catalog has {loaded.films:,} films of seed {data.seed}."
    )
    typer.echo(f"The busiest user is {data.user_id(0)}.")
