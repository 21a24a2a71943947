"""`cinematch audit`: the audit on the command line, and its composition root.

Exit codes: 0 equal; 1 drift; 2 it could not be checked.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NoReturn

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cinematch.adapters import mongodb_client, redis_client, s3_lake
from cinematch.adapters.mongodb_audits import Audits
from cinematch.adapters.mongodb_catalog import Catalog
from cinematch.adapters.mongodb_erasures import Erasures
from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.adapters.mongodb_sequences import Sequences
from cinematch.adapters.redis_speed_view import RedisSpeedView
from cinematch.errors import CineMatchError, StoreUnavailable
from cinematch.failures import sentence
from cinematch.settings import Settings, StatsMode, load_settings
from serving_layer.audit.answers import answering
from serving_layer.audit.archive import EventArchive
from serving_layer.audit.auditor import Auditor, AuditStores
from serving_layer.audit.report import COULD_NOT_CHECK, DRIFT, Report

PAUSE_SECONDS: Final = 10.0
"""Between two samples of `--continuous`."""
READS_REDIS: Final = frozenset({StatsMode.INCREMENTAL, StatsMode.LAMBDA})

audit = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to audit, and how to tell it."""

    sample: int
    user: str | None
    as_json: bool


@audit.command("audit")
def audit_(
    sample: Annotated[int, typer.Option(min=1, help="How many users, drawn at random.")] = 100,
    user: Annotated[str | None, typer.Option(help="Only this user.", metavar="ID")] = None,
    api: Annotated[
        str | None, typer.Option(help="Ask the API at this address; default: the serving code itself.", metavar="URL")
    ] = None,
    continuous: Annotated[bool, typer.Option("--continuous", help="One sample after the other, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs, one line a sample.")] = False,
) -> None:
    """Compare the answers of GET /stats with a replay of their users' events, field by field.

    Exit code 0: equal; 1: there is a difference, and it is printed with the events; 2: it could not be checked.
    """
    wish = _Wish(sample, user, as_json)
    try:
        settings = load_settings()
        with _system(settings, api) as system:
            code = _until_stopped(system, wish) if continuous else _once(system, wish).exit_code
    except CineMatchError as error:
        _fail(error)
    raise typer.Exit(code)


class _System:
    """The stores and who answers, for any number of audits."""

    def __init__(self, settings: Settings, database: Any, redis: Any, answers: Any) -> None:
        self._settings = settings
        self._database, self._redis, self._answers = database, redis, answers
        self.sequences, self.audits = Sequences(database), Audits(database)

    def auditor(self) -> tuple[Auditor, EventArchive]:
        """Give an auditor that tries the lake anew, and its archive."""
        archive = EventArchive(s3_lake.connect(self._settings), Outbox(self._database), Erasures(self._database))
        speed = None
        if self._settings.stats_mode in READS_REDIS:
            speed = RedisSpeedView(self._redis, self._settings.speed_idle_expiry_seconds)
        stores = AuditStores(self.sequences, archive, Catalog(self._database), speed)
        return Auditor(self._answers, stores), archive

    def report(self) -> Report:
        """Begin a report."""
        return Report(self._settings.stats_mode, datetime.now(UTC))


@contextmanager
def _system(settings: Settings, api: str | None) -> Iterator[_System]:
    redis = redis_client.connect(settings)
    with mongodb_client.connect(settings) as mongodb, answering(settings, api) as answers:
        try:
            yield _System(settings, mongodb[settings.mongodb_database], redis, answers)
        finally:
            redis.close()


def _once(system: _System, wish: _Wish) -> Report:
    """Audit one sample; keep its record, unless it is of one chosen user. Raises StoreUnavailable."""
    users = [wish.user] if wish.user is not None else system.sequences.sample(wish.sample)
    report, (auditor, archive) = system.report(), system.auditor()
    for finding in _with_progress(auditor.findings(users), len(users)):
        report.add(finding)
    report.lake_fault = str(archive.lake_fault) if archive.lake_fault else None
    if wish.user is None:
        system.audits.keep(report.record(datetime.now(UTC)))
    _tell(report, wish)
    return report


def _until_stopped(system: _System, wish: _Wish) -> int:
    """Audit again and again; give the worst that was found, or that nothing could ever be checked."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    codes: set[int] = set()
    while not stop.is_set():
        try:
            codes.add(_once(system, wish).exit_code)
        except StoreUnavailable as error:
            typer.echo(f"cinematch: {sentence(error)}", err=True)
            codes.add(COULD_NOT_CHECK)
        stop.wait(PAUSE_SECONDS)
    return DRIFT if DRIFT in codes else min(codes)


def _with_progress(findings: Iterator[Any], total: int) -> Iterator[Any]:
    columns = (TextColumn("auditing users"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(findings, total=total)


def _tell(report: Report, wish: _Wish) -> None:
    if wish.as_json:
        sys.stdout.write(orjson.dumps(report.document()).decode() + "\n")
        sys.stdout.flush()
        return
    for line in report.lines():
        typer.echo(line)


def _fail(error: CineMatchError) -> NoReturn:
    typer.echo(f"cinematch: {sentence(error)}", err=True)
    raise typer.Exit(COULD_NOT_CHECK)
