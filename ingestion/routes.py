"""POST, DELETE and GET /movies, GET /catalog, GET /users."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response

from cinematch.api.access import Access, open_to
from cinematch.api.inputs import Identifier, Prefix
from cinematch.api.problems import problem_responses
from cinematch.api.strict_route import StrictRoute
from cinematch.contracts.event_codec import Title
from ingestion import poster_routes
from ingestion.cursors import Cursor, SearchCursor
from ingestion.dependencies import ingestion_service, lifespan
from ingestion.messages import AddMovie, CatalogPage, ChangeAnswer, MoviesPage, UsersPage
from ingestion.repeats import REPLAYED_HEADER, IdempotencyKey, addition, removal, replayed_responses
from ingestion.service import Answered, IngestionService

MOVIES_LIMIT_MAX: Final = 500
FILMS_LIMIT_MAX: Final = 50
USERS_LIMIT_MAX: Final = 50

router = APIRouter(lifespan=lifespan, tags=["watchlists"], route_class=StrictRoute)
router.include_router(poster_routes.router)

Service = Annotated[IngestionService, Depends(ingestion_service)]
UserId = Annotated[Identifier, Query(description="Whose list", examples=["u1"])]


@router.post(
    "/movies",
    summary="Add a film or rate it",
    responses=replayed_responses() | problem_responses(404, 409, 413, 415, 503),
)
@open_to(Access.OWNER)
async def add_movie(service: Service, movie: AddMovie, key: IdempotencyKey, response: Response) -> ChangeAnswer:
    """Add a film to a list; when it is there, change its rating.

    The answer comes when the change is on disk: it will reach every view, also when Kafka is away. The same rating
    again changes nothing and says so. 503: the change may have happened or not; the same request may be sent again,
    best with an `Idempotency-Key`, which makes sure that it is carried out once.
    """
    return _told(await service.add(movie, addition(key, movie)), response)


@router.delete(
    "/movies/{movie_id:path}", summary="Remove a film", responses=replayed_responses() | problem_responses(404, 503)
)
@open_to(Access.OWNER)
async def remove_movie(
    service: Service,
    movie_id: Annotated[Identifier, Path(examples=["m42"])],
    user_id: UserId,
    key: IdempotencyKey,
    response: Response,
) -> ChangeAnswer:
    """Remove a film from a list; 404 when it is not there."""
    return _told(await service.remove(user_id, movie_id, removal(key, movie_id)), response)


@router.get("/movies", summary="Read a list", responses=problem_responses(503))
@open_to(Access.OWNER_OR_OPERATOR)
async def list_movies(
    service: Service,
    user_id: UserId,
    cursor: Annotated[Cursor | None, Query(description="`next_cursor` of the page before", examples=["bTQy"])] = None,
    limit: Annotated[int, Query(ge=1, le=MOVIES_LIMIT_MAX, examples=[20])] = 100,
) -> MoviesPage:
    """Give a list in pages, by movie_id; a user without films has an empty one."""
    return await service.page(user_id, cursor, limit)


@router.get("/users", summary="Find users", responses=problem_responses(503))
@open_to(Access.OPERATOR)
async def list_users(
    service: Service,
    q: Annotated[Prefix, Query(description="Beginning of the id", examples=["u"])] = "",
    cursor: Annotated[Cursor | None, Query(description="`next_cursor` of the page before", examples=["bTQy"])] = None,
    limit: Annotated[int, Query(ge=1, le=USERS_LIMIT_MAX, examples=[20])] = 20,
) -> UsersPage:
    """Give everybody who has, or had, a list, in pages, by id."""
    return await service.users(q, cursor, limit)


@router.get("/catalog", summary="Find films by title", responses=problem_responses(503))
@open_to(Access.USER)
async def search_catalog(
    service: Service,
    q: Annotated[Title, Query(min_length=1, description="Beginning or words of a title", examples=["citta d ombra"])],
    cursor: Annotated[
        SearchCursor | None,
        Query(description="`next_cursor` of the page before", examples=["bTQyAGNpdHRhIGQgb21icmE="]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=FILMS_LIMIT_MAX, examples=[20])] = 20,
) -> CatalogPage:
    """Find films whose title begins with `q` or has its words; accents, case and punctuation do not matter."""
    return await service.search(q, cursor, limit)


def _told(answered: Answered, response: Response) -> ChangeAnswer:
    if answered.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return answered.answer
