"""GET /posters/{movie_id}.svg: the drawn poster of a film of the catalog."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from cinematch.adapters.mongodb_catalog import AsyncCatalog
from cinematch.api.access import Access, open_to
from cinematch.api.inputs import Identifier
from cinematch.api.problems import problem_responses
from cinematch.api.resources import shared_resources
from cinematch.api.strict_route import StrictRoute
from cinematch.errors import FilmNotFound
from ingestion.posters import poster_svg

_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    # An SVG may hold scripts; ours never does, and a browser need not take our word for it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
}

router = APIRouter(tags=["catalog"], route_class=StrictRoute)


class PosterResponse(Response):
    """An SVG picture."""

    media_type = "image/svg+xml"


async def catalog(request: Request) -> AsyncCatalog:
    """Give the catalog of the running application."""
    return AsyncCatalog(shared_resources(request.app).database)


@router.get(
    "/posters/{movie_id:path}.svg",
    response_class=PosterResponse,
    responses=problem_responses(404, 503),
    summary="Draw a poster",
)
@open_to(Access.PUBLIC)
async def get_poster(
    movie_id: Annotated[Identifier, Path(examples=["m42"])], films: Annotated[AsyncCatalog, Depends(catalog)]
) -> PosterResponse:
    """Draw the poster of any film that the catalog has."""
    film = (await films.films_by_id([movie_id])).get(movie_id)
    if film is None:
        raise FilmNotFound(f"the catalog has no film {movie_id!r}")
    return PosterResponse(poster_svg(film), headers=_HEADERS)
