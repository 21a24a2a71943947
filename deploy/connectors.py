"""`python deploy/connectors.py FOLDER`: fetch the jars that Spark needs for Kafka, MongoDB and S3; the image runs it.

The same jars of the same versions that the embedded stack uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cinematch.local_stack.jars import SPARK, fetch, locked


def main(target: Path) -> None:
    """Fetch them into `target`, which is made."""
    target.mkdir(parents=True)
    fetch(locked(SPARK), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
