"""GET /stats, GET /habits and GET /trends/global."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from cinematch.api.access import Access, open_to
from cinematch.api.conditional import IfNoneMatch, tagged_responses, unless_known
from cinematch.api.inputs import Identifier
from cinematch.api.problems import problem_responses
from cinematch.api.strict_route import StrictRoute
from cinematch.errors import StoreUnavailable
from serving_layer.dependencies import lifespan
from serving_layer.habits import HabitsService
from serving_layer.schema import GlobalTrendsAnswer, HabitsAnswer, UserStatsAnswer
from serving_layer.service import UserStatsService
from serving_layer.stores import StatsStore
from serving_layer.trends import read_trends

router = APIRouter(lifespan=lifespan, tags=["statistics"], route_class=StrictRoute)


async def user_stats_service(request: Request) -> UserStatsService:
    """Give the service of the running application."""
    service: UserStatsService = request.state.user_stats_service
    return service


async def habits_service(request: Request) -> HabitsService:
    """Give the service of the running application."""
    service: HabitsService = request.state.habits_service
    return service


async def stats_store(request: Request) -> StatsStore:
    """Give the store of the running application."""
    store: StatsStore = request.state.stats_store
    return store


@router.get(
    "/stats",
    summary="One user's statistics, and how fresh they are",
    response_model=UserStatsAnswer,
    responses=tagged_responses() | problem_responses(404, 422, 503, 504),
)
@open_to(Access.OWNER_OR_OPERATOR)
async def get_stats(
    service: Annotated[UserStatsService, Depends(user_stats_service)],
    user_id: Annotated[Identifier, Query(description="Whose list", examples=["u1"])],
    min_sequence: Annotated[
        int | None,
        Query(
            ge=1,
            lt=2**53,
            description="Wait (bounded) until this event of the user is in the answer",
            examples=[17],
        ),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Answer one schema in every STATS_MODE.

    A user who never had an event is not found (404). A user whose events no view has yet is an empty list, marked
    incomplete. Without Redis, or after it lost events, mode `lambda` answers with last night's batch, marked
    incomplete, until the user is repaired. `min_sequence`, as POST /movies returns it, reads your own writes: 504 when
    that event does not arrive in time.
    """
    return unless_known(await service.get_user_stats(user_id, min_sequence), if_none_match)


@router.get(
    "/habits",
    summary="When a user watches, and films of which time",
    response_model=HabitsAnswer,
    responses=tagged_responses() | problem_responses(404, 422, 503),
)
@open_to(Access.OWNER_OR_OPERATOR)
async def get_habits(
    service: Annotated[HabitsService, Depends(habits_service)],
    user_id: Annotated[Identifier, Query(description="Whose list", examples=["u1"])],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Answer from the list itself, in every STATS_MODE: complete up to `sequence`, the last event issued."""
    return unless_known(await service.get_habits(user_id), if_none_match)


@router.get(
    "/trends/global",
    summary="The community's trends",
    response_model=GlobalTrendsAnswer,
    responses=tagged_responses() | problem_responses(503),
)
@open_to(Access.PUBLIC)
async def get_global_trends(
    store: Annotated[StatsStore, Depends(stats_store)], if_none_match: IfNoneMatch = None
) -> Response:
    """Answer the ten films in most lists and the genres, for additions since the window's start.

    `previous_place` is a film's place in the last trends of an earlier day (UTC), counted at `compared_with`: null for
    a film that was not among the ten then, and for all of them while there are none to compare with. 503 until the
    micro-batch layer has counted for the first time.
    """
    trends = await read_trends(store)
    if trends is None:
        raise StoreUnavailable("the global trends view", "it is not computed yet")
    return unless_known(trends, if_none_match)
