"""Sums over all lists, for the API."""

from __future__ import annotations

from typing import Final

from cinematch.adapters.mongodb_client import AsynchronousDatabase, Document, translated
from cinematch.contracts.collections import MOVIES
from cinematch.domain.community import CommunityTotals

_TENTHS: Final = {"$toLong": {"$round": {"$multiply": [{"$ifNull": ["$rating", 0]}, 10]}}}
"""Ratings are stored as doubles of one decimal; whole tenths add up exactly."""
_SUMS: Final[list[Document]] = [
    {
        "$group": {
            "_id": "$user_id",
            "films": {"$sum": 1},
            "rated": {"$sum": {"$cond": [{"$eq": ["$rating", None]}, 0, 1]}},
            "rating_tenths": {"$sum": _TENTHS},
        }
    },
    {
        "$group": {
            "_id": None,
            "people": {"$sum": 1},
            "films": {"$sum": "$films"},
            "rated": {"$sum": "$rated"},
            "rating_tenths": {"$sum": "$rating_tenths"},
        }
    },
    {"$unset": "_id"},
]


class MongoCommunity:
    """Adds up the collection `movies`: one scan of it, given up after the client's time limit."""

    def __init__(self, database: AsynchronousDatabase) -> None:
        self._movies = database[MOVIES]

    async def totals(self) -> CommunityTotals:
        """Add up every list as it is now (not of one instant). Raises StoreUnavailable, TooSlow."""
        with translated():
            found = await (await self._movies.aggregate(_SUMS)).to_list(1)
        return CommunityTotals(**found[0]) if found else CommunityTotals()
