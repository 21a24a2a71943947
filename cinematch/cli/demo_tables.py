"""The demo's tables."""

from __future__ import annotations

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from cinematch.client.models import GlobalTrends, UserStats

SHOWN = 5


def print_user(console: Console, stats: UserStats) -> None:
    """One user's statistics and what they cover."""
    numbers = Table(title=f"Statistics of {stats.user_id}", title_justify="left", show_header=False)
    numbers.add_row("films", str(stats.total_watched))
    numbers.add_row("average rating", str(stats.avg_rating))
    numbers.add_row("favourite genre", str(stats.favorite_genre))
    numbers.add_row("hours watched", str(stats.watch_time_hours))
    best = Table("best rated", "rating", title=" ", title_justify="left")
    for film in stats.top_rated_movies[:SHOWN]:
        best.add_row(film.title, str(film.rating))
    console.print(Columns([numbers, best]))
    print_freshness(console, stats)


def print_freshness(console: Console, stats: UserStats) -> None:
    """From which views an answer comes, and whether anything is missing from it."""
    fresh = stats.freshness
    batch, applied = fresh.as_of_sequence, fresh.applied_sequence
    slower = "user_stats" if fresh.batch_generation is None else f"batch generation {fresh.batch_generation}"
    parts = [f"1 to {batch} from {slower}"] if batch else []
    if applied > batch:
        parts.append(f"{batch + 1} to {applied} from the speed layer")
    whole = "complete" if fresh.complete else f"incomplete: {fresh.latest_sequence} events were issued"
    console.print(f"mode {fresh.mode}: events {', '.join(parts)} ({whole})", style="dim", highlight=False)


def print_trends(console: Console, trends: GlobalTrends) -> None:
    """The ten films in most lists, and the genres."""
    films = Table("#", "film", "lists", title="Top 10 of the community", title_justify="left")
    for place, film in enumerate(trends.top_movies, 1):
        films.add_row(str(place), film.title, str(film.count))
    genres = Table("genre", "share", title=" ", title_justify="left")
    for genre in trends.trending_genres:
        genres.add_row(genre.genre, f"{genre.percentage} %")
    console.print(Columns([films, genres]))
