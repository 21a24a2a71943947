"""What the demo asks of the API."""

from __future__ import annotations

from typing import Any, Final

import httpx

from cinematch.errors import StoreUnavailable

TIMEOUT_SECONDS: Final = 10.0
Document = dict[str, Any]


class DemoClient:
    """The API of a running stack."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.Client(base_url=api_url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def stats(self, user_id: str, min_sequence: int | None = None) -> Document | None:
        """A user's statistics; None when the user is unknown, or they are not there yet."""
        parameters: dict[str, str | int] = {"user_id": user_id}
        if min_sequence is not None:
            parameters["min_sequence"] = min_sequence
        return self._get("/stats", parameters)

    def trends(self) -> Document | None:
        """The community's trends; None when they are not computed yet."""
        return self._get("/trends/global", {})

    def rate(self, user_id: str, movie_id: str, rating: float) -> Document:
        """Put a film into a list, or give it another rating."""
        body = {"user_id": user_id, "movie_id": movie_id, "rating": rating}
        try:
            answer = self._http.post("/movies", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StoreUnavailable("the API", str(error)) from error
        event: Document = answer.json()
        return event

    def _get(self, path: str, parameters: dict[str, str | int]) -> Document | None:
        try:
            answer = self._http.get(path, params=parameters)
        except httpx.HTTPError:
            return None
        if not answer.is_success:
            return None
        document: Document = answer.json()
        return document
