"""MongoDB collections, and the names of a generation's own."""

from __future__ import annotations

from typing import Final

MOVIES: Final = "movies"
"""Watchlist entries: user_id, movie_id, title, genres, rating, watched_at, added_at, sequence (of the last change)."""
CATALOG: Final = "catalog"
"""Films: _id = movie_id, title, normalized_title, year, genres, directors, actors, runtime_minutes, poster_path."""
USER_SEQUENCES: Final = "user_sequences"
"""_id = user_id, sequence = the last one issued, floor = up to which the user was erased (absent: never)."""
ERASURES: Final = "erasures"
"""_id = digest of the user's id, floor, erased_at, steps; user_id until these are done. See contracts/erasure.py."""
OUTBOX: Final = "outbox"
"""Events as they were written with the watchlist; published_at once Kafka has them."""
IDEMPOTENCY_KEYS: Final = "idempotency_keys"
"""_id = {user_id, key}, fingerprint (of the request), answer, created_at: what a repeated change is answered with."""
MICRO_BATCH_PLACES: Final = "micro_batch_places"
"""_id = who follows the catalog or the outbox, token: where it goes on."""
OUTBOX_RELAY: Final = "outbox_relay"
"""Where the relay resumes."""
USER_STATS: Final = "user_stats"
"""Micro-batch view: _id = user_id, user_id, stats, rating_tenths, sequence, read_at, last_updated.

`rating_tenths` (int) is the exact sum of the ratings that `stats.avg_rating` rounds: later events are added to it.
`read_at` is MongoDB's own time before the catalog was read: of two results of one sequence the one with the newer
catalog stays.
"""
GLOBAL_STATS: Final = "global_stats"
"""One document, type = "global_trends"."""
GLOBAL_MOVIE_COUNTS: Final = "global_movie_counts"
"""_id = movie_id, title, count, poster_path: the state behind `movie_counts` and `poster_cache`, of any size."""
GLOBAL_GENRE_COUNTS: Final = "global_genre_counts"
"""_id = genre, count."""
GLOBAL_BOOTSTRAP: Final = "global_bootstrap"
"""_id = "global_trends", window_start, position: the last user_id counted ("": none yet, null: all are)."""
GLOBAL_PROGRESS: Final = "global_progress"
"""_id = user_id, sequence = the last one counted in the global trends."""
USER_STATS_BATCH: Final = "user_stats_batch"
"""A view over the published generation's collection: the batch view."""
SPEED_REPAIRS: Final = "speed_repairs"
"""_id = user_id, requested_at (or put off then): speed views that a reader found broken; the speed layer repairs, then
removes them."""
BATCH_GENERATIONS: Final = "batch_generations"
"""_id = generation number, state, rows, seconds, event range."""
AUDITS: Final = "audits"
"""Records of audits (contracts/audit_record.py), the last ones; no user is named in them."""
LEASES: Final = "leases"
"""_id = what only one process may do at a time, or a layer's heartbeat; owner, renewed_at, expires_at, reserved_until.

`reserved_until` is absent where nothing ever was reserved.
"""


def user_stats_generation(generation: int) -> str:
    """Name the collection of one generation's batch documents."""
    return f"user_stats_batch_g{generation:06d}"


def user_movies_generation(generation: int) -> str:
    """Name the collection of one generation's whole lists (`movies_list`)."""
    return f"user_movies_batch_g{generation:06d}"
