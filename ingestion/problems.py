"""The problem of ingestion that carries more than a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi_problem.error import StatusProblem

from cinematch.api.problems import field_errors
from cinematch.domain.watchlist import Film


class AmbiguousTitle(StatusProblem):
    """Several films have the title that a request gave; `candidates` names them."""

    type_ = "ambiguous-title"
    title = "Ambiguous title"
    status = 409

    def __init__(self, title: str, films: Iterable[Film]) -> None:
        candidates = [{"movie_id": film.movie_id, "title": film.title, "year": film.year} for film in films]
        sentence = f"several films are titled {title!r}: say which by its movie_id"
        super().__init__(sentence, errors=field_errors("title", sentence), candidates=candidates)
