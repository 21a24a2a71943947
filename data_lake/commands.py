"""`cinematch lake` and `cinematch dlq`: look at the lake, prove it whole, compact it, and deal with bad records."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

import typer

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.kafka_log_watch import LogWatch
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.errors import Conflict, StoreUnavailable
from cinematch.settings import Settings, load_settings
from data_lake.compaction import Compaction, CompactionLimits
from data_lake.dead_letters import CannotRedrive, DeadLetterBox, RejectedRecord
from data_lake.inspection import FolderReport, inspect, refusals
from data_lake.letter_box import open_letter_box
from data_lake.letter_retention import drop_old_letters
from data_lake.presentation import as_document, print_json, print_reports, print_table, progress, record_document
from data_lake.tables import DeadLettersTable, EventsTable, LakeTable

lake = typer.Typer(add_completion=False, no_args_is_help=True, help="The lake: every event as Parquet on S3.")
dlq = typer.Typer(add_completion=False, no_args_is_help=True, help="Dead letters: records that are no events.")


class FolderChoice(StrEnum):
    """Which part of the lake."""

    EVENTS = "events"
    DEAD_LETTERS = "dead-letters"
    ALL = "all"


Part = Annotated[FolderChoice, typer.Option("--folder", help="Which part of the lake.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Deep = Annotated[bool, typer.Option("--deep", help="Check every row's offset, too: reads one column of everything.")]
LetterId = Annotated[str, typer.Argument(metavar="ID", help="topic/partition/offset of the rejected record.")]

TABLES: Final[dict[FolderChoice, LakeTable]] = {
    FolderChoice.EVENTS: EventsTable(),
    FolderChoice.DEAD_LETTERS: DeadLettersTable(),
}


@lake.command("ls")
def list_objects(part: Part = FolderChoice.EVENTS, as_json: AsJson = False) -> None:
    """List the objects that are current, in order of partition and offset."""
    links = [link for folder in _folders(load_settings(), part) for link in folder.links(folder.view())]
    if as_json:
        print_json([asdict(link) for link in links])
        return
    columns = ("object", "first offset", "next offset", "rows", "rejected", "bytes")
    print_table(
        columns, [(it.key, it.first_offset, it.next_offset, it.rows, it.rejected, it.size_bytes) for it in links]
    )


@lake.command("verify")
def verify(part: Part = FolderChoice.ALL, deep: Deep = False, as_json: AsJson = False) -> None:
    """Prove that every partition chains without gap or overlap, that all counts agree, and that Kafka can go on where
    the lake ends; fails otherwise."""
    settings = load_settings()
    files = s3_lake_files.connect(settings)
    with progress("objects checked") as advance:
        reports = [inspect(it, files, deep=deep, advance=advance) for it in _folders(settings, part)]
    compared = _compare_with_kafka(reports, settings)
    faults = [fault for report in reports for fault in report.faults]
    if as_json:
        print_json(
            {
                "sound": not faults,
                "compared_with_kafka": compared,
                "faults": faults,
                "folders": [as_document(report) for report in reports],
            }
        )
    else:
        print_reports(reports)
        for fault in faults:
            typer.echo(f"FAULT {fault}", err=True)
    if faults:
        raise typer.Exit(1)


@lake.command("stats")
def stats(part: Part = FolderChoice.ALL, as_json: AsJson = False) -> None:
    """Count rows, objects and bytes by day."""
    days: dict[str, Counter[str]] = {}
    for folder in _folders(load_settings(), part):
        for link in folder.links(folder.view()):
            counts = days.setdefault(f"{folder.name}/dt={link.day}", Counter())
            counts.update(objects=1, rows=link.rows, rejected=link.rejected, bytes=link.size_bytes)
    if as_json:
        print_json(days)
        return
    names = ("objects", "rows", "rejected", "bytes")
    print_table(("day", *names), [(day, *(counts[name] for name in names)) for day, counts in sorted(days.items())])


@lake.command("compact")
def compact(part: Part = FolderChoice.ALL, as_json: AsJson = False) -> None:
    """Merge small objects into large ones, sorted, and drop old dead letters; readers and sinks go on meanwhile."""
    settings = load_settings()
    limits = CompactionLimits(settings.lake_compaction_bytes, timedelta(seconds=settings.lake_compaction_grace_seconds))
    results = {}
    for choice, folder in zip(_choices(part), _folders(settings, part), strict=True):
        with progress(f"{folder.name}: objects merged") as advance:
            if choice is FolderChoice.DEAD_LETTERS:
                drop_old_letters(folder, limits, settings.dead_letter_retention_days)
            results[folder.name] = Compaction(folder, TABLES[choice], limits).run(advance)
    if as_json:
        print_json({name: asdict(result) for name, result in results.items()})
        return
    for name, result in results.items():
        published = f"manifest {result.manifest} published" if result.manifest else "nothing to publish"
        typer.echo(f"{name}: {result.merged} objects became {result.written}, {result.deleted} deleted, {published}")


@dlq.command("list")
def list_letters(as_json: AsJson = False) -> None:
    """List the rejected records, oldest first."""
    with open_letter_box(load_settings()) as box:
        records = box.records()
    if as_json:
        print_json([record_document(it) for it in records])
        return
    columns = ("id", "rejected at", "by", "reason", "redriven as")
    rows = [
        (it.letter.identity, it.letter.rejected_at, ", ".join(it.layers), it.letter.reason, it.redriven_as or "")
        for it in records
    ]
    print_table(columns, rows)


@dlq.command("show")
def show_letter(identity: LetterId) -> None:
    """Print one rejected record whole, as JSON; bytes that are no text are replaced by \\ufffd."""
    with open_letter_box(load_settings()) as box:
        print_json(record_document(box.record(identity)))


@dlq.command("redrive")
def redrive(
    identity: Annotated[str | None, typer.Argument(metavar="ID", help="topic/partition/offset.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every record that was not published again yet.")] = False,
) -> None:
    """Publish rejected records of the event log again, as they were; those of other topics are refused."""
    if (identity is None) != every:
        raise typer.BadParameter("give one ID, or --all")
    with open_letter_box(load_settings()) as box:
        records = [box.record(identity)] if identity else [it for it in box.records() if it.redriven_at is None]
        refused = [reason for record in records if (reason := _redrive(box, record, strict=not every))]
    typer.echo(f"{len(records) - len(refused)} of {len(records)} records published again")
    for reason in refused:
        typer.echo(reason, err=True)


def _redrive(box: DeadLetterBox, record: RejectedRecord, *, strict: bool) -> str | None:
    """Publish one record; gives the reason why not, unless `strict`, which raises it."""
    try:
        typer.echo(f"{record.letter.identity} -> {box.redrive(record)}")
    except (CannotRedrive, Conflict) as error:  # the latter: somebody else did it meanwhile
        if strict:
            raise
        return str(error)
    return None


def _compare_with_kafka(reports: list[FolderReport], settings: Settings) -> bool:
    """Add the refused partitions to the reports; without Kafka say that it was not possible: the lake stands alone."""
    topics = {EventsTable().folder: settings.events_topic, DeadLettersTable().folder: settings.dead_letter_topic}
    watch = LogWatch(settings.kafka)
    try:
        for report in reports:
            report.refusals.extend(refusals(report, topics[report.folder], watch, settings.kafka))
    except StoreUnavailable as error:
        typer.echo(f"not compared with Kafka: {error}", err=True)
        return False
    finally:
        watch.close()
    return True


def _choices(part: FolderChoice) -> list[FolderChoice]:
    return list(TABLES) if part is FolderChoice.ALL else [part]


def _folders(settings: Settings, part: FolderChoice) -> list[LakeFolder]:
    objects = s3_objects.connect(settings)
    return [LakeFolder(objects, TABLES[choice].folder) for choice in _choices(part)]
