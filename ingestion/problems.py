"""The problems of ingestion that carry more than a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fastapi_problem.error import StatusProblem

from cinematch.api.problems import field_errors
from cinematch.domain.watchlist import Film

KEY_HEADER: Final = "Idempotency-Key"


class KeyReused(StatusProblem):
    """Another change was carried out under this request's key."""

    type_ = "idempotency-key-reused"
    title = "Idempotency key reused"
    status = 422

    def __init__(self) -> None:
        sentence = "another request came with this key: each change needs a key of its own"
        super().__init__(sentence, errors=field_errors(KEY_HEADER, sentence))


class AmbiguousTitle(StatusProblem):
    """Several films have the title that a request gave; `candidates` names them."""

    type_ = "ambiguous-title"
    title = "Ambiguous title"
    status = 409

    def __init__(self, title: str, films: Iterable[Film]) -> None:
        candidates = [{"movie_id": film.movie_id, "title": film.title, "year": film.year} for film in films]
        sentence = f"several films are titled {title!r}: say which by its movie_id"
        super().__init__(sentence, errors=field_errors("title", sentence), candidates=candidates)
