"""Drops the lake's dead letters when they are past their retention, as Kafka drops those of its topic.

Enters: the folder of letters. Leaves: the same chain, in which the offsets of dropped letters are holes. Whole days are
dropped, by the day of the object. Notes of what was published again stay: they hold a place in the log and a time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from cinematch.adapters.s3_lake_folder import LakeFolder
from data_lake.compaction import Compaction, CompactionLimits, Forgetting
from data_lake.tables import DeadLettersTable


def drop_old_letters(folder: LakeFolder, limits: CompactionLimits, days: int, today: date | None = None) -> int:
    """Drop the letters of more than `days` days ago; give their number.

    The next compaction deletes the objects that held them. Raises what `Compaction` raises.
    """
    first_kept = (today or datetime.now(UTC).date()) - timedelta(days=days)
    old = {link.key: link.rows for link in folder.links(folder.view()) if link.day < first_kept and link.rows}
    if old:
        Compaction(folder, DeadLettersTable(), limits, forgetting=Forgetting(old.keys(), _none_of)).run()
    return sum(old.values())


def _none_of(letters: pa.Table) -> pa.Table:
    return letters.slice(0, 0)
