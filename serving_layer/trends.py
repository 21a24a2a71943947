"""The stored trends as people see them."""

from __future__ import annotations

from typing import Any

from serving_layer.stores import StatsStore

Document = dict[str, Any]


async def read_trends(store: StatsStore) -> Document | None:
    """Give the answer of GET /trends/global; None before the bootstrap. Raises StoreUnavailable."""
    stored = await store.global_trends()
    return None if stored is None else trends_answer(stored)


def trends_answer(stored: Document) -> Document:
    """Give the stored trends with the place that each top film had when an earlier day ended (`previous_place`).

    A film that was not among the top then has none, and no film has any while there is nothing to compare with
    (`compared_with` None): on the first day, and in a document that was written before places were kept.
    """
    places = {movie_id: place for place, movie_id in enumerate(stored.get("previous_top") or [], 1)}
    public = {name: value for name, value in stored.items() if name != "previous_top"}
    top = [{"year": None, **film, "previous_place": places.get(film["movie_id"])} for film in stored["top_movies"]]
    return {**public, "top_movies": top, "compared_with": stored.get("compared_with")}
