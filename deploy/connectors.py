"""`python deploy/connectors.py FOLDER`: fetch the jars that Spark needs for Kafka, MongoDB and S3; the image runs it.

The same jars of the same versions that the embedded stack uses.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from cinematch.local_stack.download_cache import DownloadCache
from cinematch.local_stack.jars import spark_jars


def main(target: Path) -> None:
    """Fetch them into `target`, which is made."""
    java = shutil.which("java")
    if java is None:
        sys.exit("connectors: there is no java on PATH")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(spark_jars(DownloadCache(Path(folder)), Path(java)), target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
