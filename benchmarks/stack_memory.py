"""How much memory the whole stack takes."""

from __future__ import annotations

from typing import Any

from benchmarks.embedded_stack import EmbeddedStack


def stack_memory(stack: EmbeddedStack) -> dict[str, Any]:
    """Add up the proportional set size of every process: memory that several share counts once in all."""
    mebibytes = {
        part: round(sum(process.memory_full_info().pss for process in processes) / 2**20)
        for part, processes in stack.processes().items()
    }
    return {"total_mib": sum(mebibytes.values()), "parts_mib": mebibytes}
