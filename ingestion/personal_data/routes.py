"""DELETE /users/{user_id}, GET /users/{user_id}/erasure and GET /users/{user_id}/export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.responses import StreamingResponse

from cinematch.api.access import Access, open_to
from cinematch.api.inputs import Identifier
from cinematch.api.problems import problem_responses
from cinematch.api.resources import shared_resources
from cinematch.api.seats import Seats
from cinematch.api.strict_route import StrictRoute
from cinematch.errors import Conflict, StoreUnavailable, UserNotFound
from cinematch.telemetry import get_logger
from ingestion.personal_data.connections import PersonalDataStores, connected
from ingestion.personal_data.report import ErasureReport, report

EXPORTS_MAX: Final = 10
"""At a time, in one process: each reads whatever is held of a user, the lake included, on a thread."""
POLL_SECONDS: Final = 15.0
"""How often erasures that wait for something are tried again."""
EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "examples": [
                        {
                            "user_id": "u1",
                            "sequence": 1,
                            "list": [{"movie_id": "heat", "title": "Heat", "rating": 8.5, "sequence": 1}],
                            "statistics": None,
                            "speed_view": None,
                            "kept_answers": [],
                            "dead_letters": [],
                            "events": [{"event_type": "ADD", "movie_id": "heat", "rating": 8.5, "sequence": 1}],
                            "missing": [],
                            "complete": True,
                        }
                    ],
                }
            }
        }
    }
}
_log = get_logger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
    """Offer the stores, and go on with erasures that are not finished, in one API process at a time."""
    settings = shared_resources(app).settings
    with connected(settings) as stores:
        going_on = asyncio.create_task(_go_on(stores))
        yield {"personal_data": stores, "exports": Seats("the export", EXPORTS_MAX, per_sender=1)}
        going_on.cancel()


async def _go_on(stores: PersonalDataStores) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            await asyncio.to_thread(stores.erasing.go_on_with_all)
        except Conflict as error:
            _log.debug("another process goes on with erasures", reason=str(error))
        except StoreUnavailable as error:
            _log.warning("erasures wait", reason=str(error))
        except Exception:  # noqa: BLE001 - logged, and those who wait are tried again
            _log.exception("going on with erasures failed unexpectedly")


router = APIRouter(lifespan=lifespan, tags=["personal data"], route_class=StrictRoute)


async def personal_data(request: Request) -> PersonalDataStores:
    """Give the stores of the running application."""
    stores: PersonalDataStores = request.state.personal_data
    return stores


Stores = Annotated[PersonalDataStores, Depends(personal_data)]
UserId = Annotated[Identifier, Path(description="Whose data", examples=["u1"])]


async def export_seat(request: Request, user_id: UserId) -> AsyncIterator[None]:
    """Have the user's one export until it is sent. Raises what `Seats` raises."""
    seats: Seats = request.state.exports
    with seats.taken_by(user_id):
        yield


@router.delete("/users/{user_id}", summary="Erase a user", status_code=202, responses=problem_responses(404, 503))
@open_to(Access.OWNER_OR_OPERATOR)
async def erase_user(stores: Stores, user_id: UserId) -> ErasureReport:
    """Take every film out of the list and forget the user: when the answer comes, no other answer has anything of them.

    What the stores hold goes afterwards, by itself; the report says what waits for what. Asking again is harmless. A
    later change by the same id begins a new list. 404: there is no such user, and none was erased.
    """
    erasure = await asyncio.to_thread(stores.erasing.begin, user_id)
    return report(erasure, stores.steps)


@router.get("/users/{user_id}/erasure", summary="The report of an erasure", responses=problem_responses(404, 503))
@open_to(Access.OWNER_OR_OPERATOR)
async def get_erasure(stores: Stores, user_id: UserId) -> ErasureReport:
    """Tell what was removed where and when, and what waits for what; 404 when no such user was erased."""
    erasure = await asyncio.to_thread(stores.tombstones.of, user_id)
    if erasure is None:
        raise UserNotFound(f"no user {user_id!r} was erased")
    return report(erasure, stores.steps)


@router.get(
    "/users/{user_id}/export",
    summary="All that is held of a user",
    response_class=StreamingResponse,
    responses=EXPORT | problem_responses(404, 429, 503),
    dependencies=[Depends(export_seat)],
)
@open_to(Access.OWNER_OR_OPERATOR)
async def export_user(stores: Stores, user_id: UserId) -> StreamingResponse:
    """Give list, statistics, speed view, kept answers, dead letters and events as one JSON object.

    Its last member `complete` says whether everything was there that ought to be; where not, `missing` tells what. 404:
    there is no such user; 503: a store is away, and nothing of the copy was sent.
    """
    parts = await asyncio.to_thread(stores.export.of, user_id)
    headers = {"Content-Disposition": 'attachment; filename="cinematch-export.json"', "Cache-Control": "no-store"}
    return StreamingResponse(parts, media_type="application/json", headers=headers)
