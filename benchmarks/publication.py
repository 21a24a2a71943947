"""`python -m benchmarks.publication NUMBER`: publish a generation that is ready, as the nightly batch does last."""

from __future__ import annotations

import sys

from batch_layer.publication import publish
from batch_layer.store_connections import connected_stores
from cinematch.contracts.exclusion import Exclusion
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging


def main() -> None:
    """Publish it."""
    configure_logging("WARNING", as_json=False)
    with connected_stores(load_settings()) as (stores, lease), Exclusion(lease) as exclusion:
        publish(stores, int(sys.argv[1]), exclusion.confirm)


if __name__ == "__main__":
    main()
