"""Opens the box of dead letters: for the commands and the operator's routes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from cinematch.adapters import s3_lake_files, s3_objects
from cinematch.adapters.kafka_log import RecordPublisher, read_log
from cinematch.adapters.s3_lake_folder import LakeFolder
from cinematch.contracts.lake_paths import DEAD_LETTERS_FOLDER
from cinematch.settings import Settings
from data_lake.dead_letters import DeadLetterBox


@contextmanager
def open_letter_box(settings: Settings) -> Iterator[DeadLetterBox]:
    """Give the box of these settings; nothing is sent before its first use."""
    folder = LakeFolder(s3_objects.connect(settings), DEAD_LETTERS_FOLDER)
    publisher = RecordPublisher(settings.kafka)
    reader = partial(read_log, settings.kafka, settings.dead_letter_topic)
    try:
        yield DeadLetterBox(folder, s3_lake_files.connect(settings), reader, publisher, settings.events_topic)
    finally:
        publisher.close()
