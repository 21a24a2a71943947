"""`python -m benchmarks.api`: the API as it is, with two more routes that do nothing, as limits for those that do.

`GET /constant/{size}` answers a constant JSON of that size; `POST /nothing` reads what POST /movies reads and answers
what it answers, and changes nothing. All else is the API's own: middleware, metrics, validation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from cinematch.api import server
from cinematch.api.routers import installed_routers
from cinematch.api.strict_route import StrictRoute
from cinematch.domain.events import EventType
from cinematch.settings import load_settings
from cinematch.telemetry import configure_logging
from ingestion.messages import AddMovie, ChangeAnswer

router = APIRouter(route_class=StrictRoute)
ANSWER: Final = ChangeAnswer(
    changed=True,
    event_id="019bd6a5-0f6e-7c3a-9d2b-0a4f5f6b7c8d",
    event_type=EventType.ADD,
    sequence=17,
    movie_id="s1-film-00001",
    title="The Countess of Belgrade",
    detail="the film was added to the list",
)


@router.get("/constant/{size}")
async def constant(size: int) -> Response:
    """Answer a JSON of `size` bytes."""
    return Response(_json(size), media_type="application/json")


@router.post("/nothing")
async def nothing(movie: AddMovie) -> ChangeAnswer:
    """Answer as if something had happened."""
    return ANSWER


@lru_cache
def _json(size: int) -> bytes:
    return b'{"text":"' + b"x" * (size - 11) + b'"}'


if __name__ == "__main__":
    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.log_json)
    server.run(settings, [router, *installed_routers().values()])
