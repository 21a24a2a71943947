"""Every error that CineMatch raises on purpose.

CineMatchError
├── ConfigurationError        a setting is missing or wrong: the message names it and says what would be right
├── InvalidEvent              a message is no event: goes to the dead-letter topic with `reason`
├── SequenceGap               an event would leave a hole in its user's log: that user must be repaired
├── DamagedView               what the speed view holds of one user cannot be read: that user must be rebuilt
├── NotFound
│   ├── FilmNotFound          the catalog has no such film
│   ├── EntryNotFound         the film is not in the user's list
│   └── UserNotFound          the user never had an event
├── StoreUnavailable          a server cannot be reached or refuses to answer: retry later
│   ├── AccessRefused         it answers, but does not let us in, or nobody we trust vouches for it
│   └── TooSlow               it was at work on an operation for longer than that may take: repeat it rarely
├── Conflict                  somebody else holds what we need (a second batch run, a fenced writer)
├── StreamFailed              a streaming query has ended by itself: the process must end, and be started again
└── WaitTimeout               a bounded wait (read your writes) ran out
"""

from __future__ import annotations


class CineMatchError(Exception):
    """Base of all our errors; its text is one sentence for people."""


class ConfigurationError(CineMatchError):
    """A setting is missing or wrong."""


class InvalidEvent(CineMatchError):
    """A message is not an event that we can accept; `reason` says why in one line, without the payload."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SequenceGap(CineMatchError):
    """Event `found` of `user_id` arrived where `expected` was due: what lies between is missing."""

    def __init__(self, user_id: str, expected: int, found: int) -> None:
        super().__init__(f"user {user_id!r}: expected sequence {expected}, found {found}")
        self.user_id = user_id
        self.expected = expected
        self.found = found

    def __reduce__(self) -> tuple[type[SequenceGap], tuple[str, int, int]]:
        return (type(self), (self.user_id, self.expected, self.found))


class DamagedView(CineMatchError):
    """What the speed view holds of `user_id` cannot be read: a key of another type, a field that is no number."""

    def __init__(self, user_id: str, detail: str) -> None:
        super().__init__(f"the speed view of user {user_id!r} is damaged: {detail}")
        self.user_id = user_id
        self.detail = detail

    def __reduce__(self) -> tuple[type[DamagedView], tuple[str, str]]:
        return (type(self), (self.user_id, self.detail))


class NotFound(CineMatchError):
    """The thing asked for does not exist; `field` names the input that asked for it."""

    field = "id"


class FilmNotFound(NotFound):
    """The catalog has no film of this id or title."""

    field = "movie_id"


class EntryNotFound(NotFound):
    """The film is not in this user's list."""

    field = "movie_id"


class UserNotFound(NotFound):
    """The user never had an event."""

    field = "user_id"


class StoreUnavailable(CineMatchError):
    """A server (`store`: mongodb, redis, kafka, s3) cannot be reached in time; the operation may be retried."""

    def __init__(self, store: str, detail: str) -> None:
        super().__init__(f"{store} is unavailable: {detail}")
        self.store = store
        self.detail = detail

    def __reduce__(self) -> tuple[type[StoreUnavailable], tuple[str, str]]:
        return (type(self), (self.store, self.detail))


class AccessRefused(StoreUnavailable):
    """A server does not let us in, or its certificate is signed by nobody we trust; `settings` say who we are.

    Retrying helps once somebody has changed a password or a certificate, so layers wait as for any other server.
    """

    def __init__(self, store: str, detail: str, settings: str) -> None:
        super().__init__(store, detail)
        self.settings = settings

    def __reduce__(self) -> tuple[type[AccessRefused], tuple[str, str, str]]:  # type: ignore[override]
        return (type(self), (self.store, self.detail, self.settings))


class TooSlow(StoreUnavailable):
    """A server took longer for an operation than it may; begun again, it would cost the server as much once more."""


class Conflict(CineMatchError):
    """Somebody else holds what this operation needs."""


class StreamFailed(CineMatchError):
    """A streaming query has ended although nobody stopped it."""


class WaitTimeout(CineMatchError):
    """A bounded wait ran out before what was awaited came true."""
