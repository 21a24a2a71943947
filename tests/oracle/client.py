"""Clients of a running stack: one changes lists and remembers what was acknowledged, others read and check."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx

from cinematch.adapters.mongodb_outbox import Outbox
from cinematch.domain.events import Event
from cinematch.domain.watchlist import Film, Watchlist
from cinematch.errors import StoreUnavailable
from tests.oracle.history import History
from tests.oracle.oracle import WrongAnswer, check, check_complete
from tests.oracle.outages import NOTICED_SECONDS, Gap

RATINGS: Final = (None, *(tenths / 10 for tenths in range(5, 101, 5)))
RETRY_SECONDS: Final = 0.2
MAJORITY_SECONDS: Final = 60.0
INSIST_SECONDS: Final = 900.0
"""How long a change may go without an acknowledgement: far more than everything needs to come back."""
AWAY: Final = 503
"""What a client may be told while a server is away; it asks again."""
Document = dict[str, Any]
AnyClient = Callable[[], httpx.Client]
Excused = Callable[[httpx.Client], bool]
"""Whether the process that a client asks may be gone just now: killed, and not started again yet."""


@dataclass
class Acknowledged:
    """What clients were told: each user's list, last sequence, and the event of each change by its sequence."""

    lists: dict[str, dict[str, float | None]] = field(default_factory=lambda: defaultdict(dict))
    reached: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    changes: dict[tuple[str, int], str] = field(default_factory=dict)


def check_silence(error: httpx.TransportError, client: httpx.Client, is_excused: Excused) -> None:
    """Nobody but a process that is gone may leave a request without an answer, and no request may hang. WrongAnswer."""
    if isinstance(error, httpx.TimeoutException):
        raise WrongAnswer(f"{client.base_url} gave no answer in {client.timeout.read} s") from error
    if not is_excused(client):
        raise WrongAnswer(f"{client.base_url} runs, and gave no answer: {error!r}") from error


class EventLogs:
    """The log of each user, read from the outbox; waits while MongoDB is away. For one thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._logs: dict[str, list[Event]] = defaultdict(list)

    def of(self, user_id: str, at_least: int = 0) -> list[Event]:
        """Give all events of the user until now; wait a little for those that an answer knows of already.

        What a majority has, as the relay reads it; the API may have seen the newest event some milliseconds earlier.
        """
        log, deadline = self._logs[user_id], time.monotonic() + MAJORITY_SECONDS
        while True:
            log += self._after(user_id, len(log))
            if len(log) >= at_least or time.monotonic() > deadline:
                return log

    def _after(self, user_id: str, sequence: int) -> list[Event]:
        while True:
            try:
                return self._outbox.events_after(user_id, sequence)
            except StoreUnavailable:
                time.sleep(RETRY_SECONDS)


class NeverAcknowledged(AssertionError):
    """A change that was sent again and again; it says what was sent, and what came of it the last time."""


class Writer:
    """Changes lists by chance, one change after another; insists for INSIST_SECONDS until each is acknowledged.

    `client` gives whom to ask, for each attempt: any process of the API will do. One that is asked answers, unless it
    is excused.
    """

    def __init__(
        self,
        client: AnyClient,
        acknowledged: Acknowledged,
        users: list[str],
        films: list[str],
        random: Random,
        is_excused: Excused = lambda _: False,
    ) -> None:
        self._client, self._acknowledged, self._users, self._films = client, acknowledged, users, films
        self._random, self._is_excused = random, is_excused
        self.tally: Counter[str] = Counter()
        self.gaps: list[Gap] = []

    def change(self, history: History) -> None:
        """Add or rate a film, or remove one. Raises WrongAnswer, NeverAcknowledged."""
        user, film = self._random.choice(self._users), self._random.choice(self._films)
        rating = self._random.choice(RATINGS)
        known = self._acknowledged.lists[user]
        if known and self._random.random() < 0.3:
            film = self._random.choice(sorted(known))
            answer = self._insist("DELETE", f"/movies/{film}", params={"user_id": user})
            known.pop(film)
        else:
            answer = self._insist("POST", "/movies", json={"user_id": user, "movie_id": film, "rating": rating})
            known[film] = rating
        history.note("acknowledged", user=user, movie=film, rating=rating, answer=answer)
        if "sequence" in answer:
            self._remember(user, answer)

    def _remember(self, user: str, answer: Document) -> None:
        self._acknowledged.reached[user] = max(self._acknowledged.reached[user], answer["sequence"])
        if answer["changed"]:
            number, event_id = answer["sequence"], answer["event_id"]
            if (told := self._acknowledged.changes.setdefault((user, number), event_id)) != event_id:
                raise WrongAnswer(f"{user}: event {number} was acknowledged as {told}, and again as {event_id}")
            self.tally["events"] += 1

    def _insist(self, method: str, path: str, **request: Any) -> Document:
        """Send until it is acknowledged; a film that an attempt may have removed need not be there any more."""
        began, may_have_happened = time.monotonic(), False
        while True:
            client = self._client()
            try:
                answer = client.request(method, path, **request)
            except httpx.TransportError as error:
                check_silence(error, client, self._is_excused)
                failure = repr(error)
                self.tally["writes without an answer"] += 1
            else:
                is_gone = method == "DELETE" and answer.status_code == 404 and may_have_happened
                if answer.status_code == 200 or is_gone:
                    note_gap(self.gaps, "write", began)
                    body: Document = answer.json()
                    return body
                failure = f"{answer.status_code} {answer.text}"
                if answer.status_code != AWAY:
                    raise WrongAnswer(f"{method} {path} {request}: {failure}")
                self.tally["writes refused by a 503"] += 1
            may_have_happened = True
            if time.monotonic() > began + INSIST_SECONDS:
                raise NeverAcknowledged(f"{method} {path} {request}: after {INSIST_SECONDS:g} s still {failure}")
            time.sleep(RETRY_SECONDS)


class Reader:
    """Reads GET /stats, and checks every answer against a replay, and that there is one; `gaps`: the times without."""

    def __init__(
        self,
        client: AnyClient,
        logs: EventLogs,
        acknowledged: Acknowledged,
        films: dict[str, Film],
        is_excused: Excused = lambda _: False,
    ) -> None:
        self._client, self._logs, self._acknowledged, self._films = client, logs, acknowledged, films
        self._is_excused = is_excused
        self._answered_at = time.monotonic()
        self._replayed: dict[str, Watchlist] = {}
        self.gaps: list[Gap] = []
        self.tally: Counter[str] = Counter()

    def read(self, user_id: str, history: History) -> None:
        """Read once. Raises WrongAnswer."""
        issued_before, client = self._acknowledged.reached[user_id], self._client()
        try:
            response = client.get("/stats", params={"user_id": user_id})
        except httpx.TransportError as error:
            check_silence(error, client, self._is_excused)
            self.tally["reads without an answer"] += 1
            time.sleep(RETRY_SECONDS)
            return
        history.note("read", user=user_id, issued_before=issued_before, status=response.status_code, body=response.text)
        if response.status_code == 200:
            self._check(user_id, response.json(), issued_before)
        elif response.status_code == AWAY:
            self.tally["reads refused by a 503"] += 1
            time.sleep(RETRY_SECONDS)
        elif response.status_code != 404 or issued_before:
            raise WrongAnswer(f"{user_id}, {issued_before} events: {response.status_code} {response.text}")

    def read_complete(self, user_id: str, deadline: float) -> None:
        """Read until everything is in the answer; it must be so before the deadline of the monotonic clock."""
        log = self._logs.of(user_id)
        params: dict[str, str | int] = {"user_id": user_id, "min_sequence": len(log)}
        while True:
            response = self._client().get("/stats", params=params)
            if response.status_code == 200 and response.json()["freshness"]["complete"]:
                check_complete(response.json(), log, self._films)
                return
            if time.monotonic() > deadline:
                raise WrongAnswer(f"{user_id} is not complete: {response.status_code} {response.text}")
            time.sleep(RETRY_SECONDS)

    def _check(self, user_id: str, answer: Document, issued_before: int) -> None:
        covers = answer["freshness"]
        note_gap(self.gaps, "read", self._answered_at)
        parts = "batch" if covers["applied_sequence"] == covers["as_of_sequence"] else "speed"
        merged = parts == "speed" and covers["as_of_sequence"] > 0
        self.tally["answers from both views" if merged else f"answers from the {parts} view alone"] += 1
        self.tally["complete answers" if covers["complete"] else "incomplete answers"] += 1
        log, replayed = self._logs.of(user_id, covers["latest_sequence"]), self._replayed.get(user_id)
        self._replayed[user_id] = check(answer, log, issued_before, self._films, replayed)
        self._answered_at = time.monotonic()


def note_gap(gaps: list[Gap], what: str, began: float) -> None:
    """Note that an answer has come now, if it took so long that somebody would notice."""
    seconds = time.monotonic() - began
    if seconds > NOTICED_SECONDS:
        gaps.append(Gap(what, began, seconds))


def check_lists(client: httpx.Client, acknowledged: Acknowledged, logs: EventLogs) -> None:
    """Every acknowledged change is in the log under its name, and every list is what was acknowledged. WrongAnswer."""
    for (user_id, sequence), event_id in acknowledged.changes.items():
        log = logs.of(user_id)
        if len(log) < sequence or log[sequence - 1].event_id != event_id:
            raise WrongAnswer(f"{user_id}: event {sequence} was acknowledged as {event_id} and is not in the log")
    for user_id, expected in acknowledged.lists.items():
        page = client.get("/movies", params={"user_id": user_id, "limit": 500}).json()
        found = {movie["movie_id"]: movie["rating"] for movie in page["movies"]}
        if found != expected:
            raise WrongAnswer(f"{user_id}: the list is {found}, acknowledged was {expected}")


class Crew:
    """Work that is repeated in threads of its own until `end`; the first error ends all, and `end` raises it."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._repeat, args=(work,), daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def pause(self, seconds: float) -> None:
        """Let them work. Raises what ended them."""
        if self._stop.wait(seconds):
            self.end()

    def end(self) -> None:
        """Let everybody finish what they are at. Raises what ended them."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _repeat(self, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - raised in the thread of the test
            self._failure = self._failure or error
            self._stop.set()
