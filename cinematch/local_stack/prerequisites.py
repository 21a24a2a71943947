"""What the machine itself must offer: Python 3.11 to 3.13 and a full JDK 17 or 21.

`make` runs this file before the environment exists, with whatever Python it finds. Hence the standard library
only, and syntax that an old Python 3 can still read: it shall get a sentence, not a syntax error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))
JAVA_VERSIONS = (17, 21)
VECTOR_MODULE = "jdk.incubator.vector"  # Spark 4.2 does not start without it; trimmed runtimes lack it
JAVA_WANTED = "CineMatch needs a full JDK 17 or 21 (Debian: apt install openjdk-17-jdk-headless)"


class MissingPrerequisite(Exception):
    """The machine lacks something; the text is one sentence that says what to install."""


def check_python(version: "Sequence[int]") -> None:
    """Raises MissingPrerequisite unless `version` (major, minor, ...) is one that all our wheels carry."""
    if tuple(version[:2]) not in PYTHON_VERSIONS:
        raise MissingPrerequisite(
            "CineMatch needs Python 3.11, 3.12 or 3.13, and this is Python {}.{}: install one of them, "
            "or name it with `make PYTHON=/path/to/python3.11 ...`.".format(version[0], version[1])
        )


def java_candidates(environment: "Dict[str, str]") -> "Iterator[Path]":
    """The `java` programs of this machine, the most explicit choice first: JAVA_HOME, PATH, usual folders."""
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java", path=environment.get("PATH"))
    if on_path:
        yield Path(on_path)
    yield from sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home/bin/java"))


def java_modules(java: Path) -> "Dict[str, str]":
    """The modules of a Java runtime and their versions; empty when `java` does not run or is older than 9."""
    try:
        listing = subprocess.run(
            [str(java), "--list-modules"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = listing.stdout.decode("utf-8", "replace").split()
    return dict(line.split("@", 1) for line in lines if "@" in line)


def java_problem(modules: "Dict[str, str]") -> "Optional[str]":
    """Why a Java runtime with these modules does not serve us, or None when it does."""
    version = modules.get("java.base", "").split(".")[0]
    if not version.isdigit():
        return "does not run, or is older than Java 9"
    if int(version) not in JAVA_VERSIONS:
        return "is Java {}".format(version)
    if VECTOR_MODULE not in modules:
        return "is a trimmed Java {} without the module {}, which Spark needs".format(version, VECTOR_MODULE)
    return None


def find_java(environment: "Optional[Dict[str, str]]" = None) -> Path:
    """The first `java` of this machine that runs Spark and Kafka.

    Raises MissingPrerequisite, naming what was found instead.
    """
    rejected: "List[str]" = []
    for java in java_candidates(dict(os.environ) if environment is None else environment):
        problem = java_problem(java_modules(java))
        if problem is None:
            return java
        rejected.append("{} {}".format(java, problem))
    found = "; ".join(rejected) if rejected else "there is no java here"
    raise MissingPrerequisite("{}: {}.".format(JAVA_WANTED, found))


def main() -> int:
    """Checks both; prints one sentence to standard error and returns 1 when something is missing."""
    try:
        check_python(sys.version_info[:2])
        find_java()
    except MissingPrerequisite as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
