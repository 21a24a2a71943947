"""`python -m cinematch` and the console script `cinematch`: runs one command and turns our errors into sentences."""

from __future__ import annotations

import sys

from cinematch.cli.application import app
from cinematch.errors import CineMatchError


def main() -> int:
    """Runs the command line; returns 1 after printing one sentence when one of our own errors ends it."""
    try:
        app()
    except CineMatchError as error:
        sys.stderr.write(f"cinematch: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
