"""`cinematch advise`: which design fits a given scale."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from cinematch.domain import advice


class YesNo(StrEnum):
    """An answer on the command line."""

    YES = "yes"
    NO = "no"


def advise(
    users: Annotated[int, typer.Option(min=0, help="Active users.")],
    events_per_day: Annotated[int, typer.Option(min=0, help="Changes of watchlists a day.")],
    latency_ms: Annotated[float, typer.Option(min=0, help="How long readers may wait for their statistics.")],
    budget: Annotated[YesNo, typer.Option(help="Is there money for more infrastructure?")],
) -> None:
    """Say which design fits: micro-batch, a cache in front of it, or Lambda (the tree of docs/lambda.md)."""
    answer = advice.advise(users, events_per_day, latency_ms, budget is YesNo.YES)
    console = Console(highlight=False)
    console.print(f"[bold]{answer.step}[/bold]")
    console.print(f"{answer.reason} STATS_MODE={answer.stats_mode}")
