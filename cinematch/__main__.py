"""`python -m cinematch` and the console script `cinematch`: runs one command and turns our errors into sentences."""

from __future__ import annotations

import sys

from cinematch.cli.application import app
from cinematch.failures import ending_in_a_sentence


def main() -> int:
    """Runs the command line; exits with 1 after printing one sentence when one of our own errors ends it."""
    with ending_in_a_sentence("cinematch"):
        app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
