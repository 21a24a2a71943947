"""`python -m benchmarks [FILE]`: the first table of the micro-batch design, about six minutes on two cores.

Prints the table and writes it as JSON, with the machine and the versions it was measured on.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.embedded_stack import EmbeddedStack, embedded_stack
from benchmarks.films_per_user import films_per_user
from benchmarks.imports import movielens_import
from benchmarks.machine import machine
from benchmarks.post_latency import post_latency
from benchmarks.stack_memory import stack_memory
from benchmarks.stream_rates import STACK_SETTINGS, stream_rates
from benchmarks.visibility import visibility
from ingestion.seeding.catalog import invented_catalog

DEFAULT_FILE: Final = Path("benchmarks/results/micro_batch.json")
SEED: Final = 1
OUR_CATALOG: Final = ("seed", "--users=200", "--events=5000", f"--seed={SEED}")


def main() -> None:
    """Measure on two stacks: one as `cinematch up` starts it, one that is given a backlog."""
    measured: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    with embedded_stack() as stack:
        measured |= _on_default_stack(stack)
    with embedded_stack(STACK_SETTINGS) as stack:
        measured["stream_rates"] = _told("stream rates", stream_rates(stack))
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(orjson.dumps(measured, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"written to {target}")


def _on_default_stack(stack: EmbeddedStack) -> dict[str, Any]:
    stack.command(*OUR_CATALOG)
    api_url = stack.status()["api"]
    movie_ids = [film.movie_id for film in invented_catalog(SEED)]
    with stack.database() as database:
        return {
            "post": _told("POST /movies", post_latency(api_url, movie_ids)),
            "post_to_user_stats": _told("POST -> user_stats visible", visibility(api_url, database, movie_ids)),
            "films_per_user": _told("one recomputation by list size", films_per_user(database, SEED)),
            "movielens_import": _told("import of 100,836 ratings", movielens_import(stack)),
            "memory": _told("memory of the stack", stack_memory(stack)),
        }


def _told(title: str, result: Any) -> Any:
    print(f"{title}: {orjson.dumps(result).decode()}", flush=True)
    return result


if __name__ == "__main__":
    main()
