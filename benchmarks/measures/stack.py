"""`cinematch demo`, downloads and environment there already, until its last line: the *first start* in an empty folder
loads the data and runs a batch, the *warm start* after it finds them there. On the stack that then runs, at rest and
looked at every five seconds of the loads, memory is the proportional set size of all its processes (the most that was
seen is told). 100 POSTs a second go to the stack's own API, each a change, on a fixed schedule, and in turns as many
bare transactions to its MongoDB (see `posts`). For the latencies a second API (STATS_MODE=lambda) and an empty Spark
stream over the same topic run beside it: same source, trigger of one second and niceness, a function that notes the
time. Ten probes a second, each a POST of a user of its own, then `GET /stats?min_sequence=` of both APIs, which answers
as soon as the event is in the answer; the rest of the rate comes as transactions of up to fifty events, since two cores
cannot take 1,000 single POSTs a second beside the whole stack. A latency counts from the moment when the POST was due.
Micro-batch stands beside that stream twice: as it is at the same time, sharing the cores with ours, and alone, in
turns, while ours is halted (SIGSTOP), which is what the goal is about. *Cold start* (full run only) is `make demo` in a
fresh clone, with empty caches: environment, downloads and the build of MinIO.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import orjson
import uvloop

from benchmarks.background_load import write
from benchmarks.embedded_stack import EmbeddedStack, demo, empty_folder, memory_of
from benchmarks.http_load import connect, get, on_schedule, paced, post
from benchmarks.measures.backlog import halted
from benchmarks.measures.posts import films, in_turns, latencies
from benchmarks.measures.speed_latency import publisher
from benchmarks.population import SEED
from benchmarks.quantiles import percentile
from benchmarks.rows import Bound, Findings, Goal, Row, alone, compared
from benchmarks.servers import Servers
from cinematch.adapters import mongodb_client
from cinematch.contracts.collections import GLOBAL_PROGRESS
from cinematch.local_stack.service import LAST
from cinematch.local_stack.toolchain import Toolchain
from cinematch.settings import Settings, load_settings
from ingestion.seeding.catalog import invented_catalog

TITLE: Final = "The whole stack: start, memory, POST to answer"
LIMIT: Final = (
    "A dozen processes, two of them JVMs with Spark, share two cores. Micro-batch: its trigger, then planning and a "
    "recomputation. Real time: the relay, Kafka twice, Spark between, Redis; then the read, which looks again after 5, "
    "10, 20, ... ms. A start is that of two Spark applications; the first one runs a batch, too, a warm one does not."
)
TRIED: Final = (
    "Who is waited for goes first: with all processes alike micro_batch made a POST at 100/s wait 11 s at the median; "
    "Spark, the sink and the scheduler now weigh least, the relay, the speed layer and Kafka less than the API and "
    "mongod, by session, for a process's nice counts only within its own. The relay's feed asks every 20 ms while "
    "events come thick: its and mongod's processor time for a POST fell from 3.2 to 2.5 ms. Spark's JVMs run without "
    "the optimising compiler, which took a third of the streams' processor time and 200 MB. Until November 30, 20:00, "
    "a micro-batch's questions to Kafka waited behind its own long poll, and each look at a checkpoint started a "
    "program (see the measure of event to Redis): at 10/s p99 was 4,383 ms beside 2,361 of the empty stream, at 100/s "
    "8,937 beside 2,134, and real time at 1,000/s, on the same cores, was 15 s behind. Of the empty stream, which "
    "reads the log in the same way, the same was taken off. At 1,000/s micro-batch recomputes more users a second "
    "than its share of two cores allows, and comes to rest some seconds behind. Of a window of 20 s at 100/s real "
    "time had p99 82 ms, of the other 417: likely the moment at which Spark begins a new checkpoint, every five "
    "minutes, which was seen to hold events up by some 0.2 s, 0.45 at most, whatever the wait for Kafka. A cold start "
    "was 486 s until MinIO was built while packages are installed (with no debugging information and rarer "
    "collections, in 0.7 of the processor time), and jars were fetched by a lock, side by side, in place of Ivy's "
    "search for them, which took 76 s."
)
SECONDS: Final = (None, 1_750.0)
RATES: Final = (10, 100, 1_000)
PROBES_PER_SECOND: Final = 10
WINDOWS: Final = 2
CORES: Final = "cores that the stack takes"
MICRO_BATCH, REAL_TIME, FLOOR = "micro-batch", "real time", "empty stream"
SETTLE_SECONDS: Final = 5.0
MEMORY_SECONDS: Final = 5.0
POSTS_PER_SECOND: Final = 100
WARM_UP_SECONDS: Final = 5.0
ROOT: Final = Path(__file__).parents[2]


def measure(quick: bool) -> Findings:
    """Start the stack; measure memory, then the latencies at each rate."""
    findings = Findings()
    if not quick:
        with findings.part("the cold start"):
            findings.rows.append(alone("cold start, make demo", "s", [_cold_start()], _at_most(300.0)))
    seconds = 6.0 if quick else 20.0
    with empty_folder() as data:
        with findings.part("the first start"), demo(data=data) as stack:
            findings.rows.append(alone("first start, make demo", "s", [stack.start_seconds]))
        with findings.part("the stack of the warm start"):
            _measured(data, seconds, findings)
    return findings


def _measured(data: Path, seconds: float, findings: Findings) -> None:
    """Measure the stack of the second start."""
    with demo(data=data) as stack:
        findings.rows.append(alone("warm start, make demo", "s", [stack.start_seconds], _at_most(60.0)))
        time.sleep(SETTLE_SECONDS)
        with _cores(stack) as taken:
            time.sleep(SETTLE_SECONDS)
        findings.rows.append(alone(f"{CORES}, idle", "cores", taken))
        findings.rows.append(alone("memory of the stack, idle", "MiB", [_memory(stack.parts())], _at_most(4096.0)))
        with _MostMemory(stack) as memory:
            findings.rows += _posts(stack, 2 * seconds, findings)
            with _beside(stack) as (apis, seen):
                for rate in RATES:
                    findings.rows += _latencies(stack, apis, seen, rate, seconds, findings)
        findings.rows.append(alone("memory of the stack, loaded", "MiB", [memory.most], _at_most(4096.0)))


def _posts(stack: EmbeddedStack, seconds: float, findings: Findings) -> list[Row]:
    url, additions = stack.status()["api"], films()
    settings = Settings(mongodb_url=stack.environment()["MONGODB_URL"])
    on_schedule(url, additions, POSTS_PER_SECOND, WARM_UP_SECONDS)
    turns = in_turns(url, additions, settings, POSTS_PER_SECOND, seconds)
    if refused := sum((load.refused for load in turns.posts), Counter[int]()):
        findings.remarks.append(f"POSTs that were not answered by 200, by status: {dict(refused)}.")
    return latencies(f"POST /movies at {POSTS_PER_SECOND}/s on the whole stack", turns)


def _at_most(limit: float) -> Goal:
    return Goal(Bound.AT_MOST, limit, of_ratio=False)


@contextmanager
def _cores(stack: EmbeddedStack) -> Iterator[list[float]]:
    """Give, after the block, how many cores the stack has taken in it."""
    taken: list[float] = []
    before, began = stack.processor_seconds(), time.monotonic()
    yield taken
    taken.append((stack.processor_seconds() - before) / (time.monotonic() - began))


def _memory(parts: Mapping[str, int]) -> float:
    return sum(memory_of(parts).values())


class _MostMemory(threading.Thread):
    """Looks again and again until the end of the block."""

    def __init__(self, stack: EmbeddedStack) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self._parts = stack.parts()
        self._over = threading.Event()

    def __enter__(self) -> _MostMemory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        if not self.most:
            raise RuntimeError("nobody has looked at the memory")

    def run(self) -> None:
        while not self._over.wait(MEMORY_SECONDS):
            self.most = max(self.most, _memory(self._parts))


@contextmanager
def _beside(stack: EmbeddedStack) -> Iterator[tuple[dict[str, str], Path]]:
    """Run an API for each mode and the empty stream on the stack's servers; give addresses and the stream's file."""
    with tempfile.TemporaryDirectory(prefix="cinematch-bench-", ignore_cleanup_errors=True) as folder:
        beside = Servers(Path(folder), Toolchain(load_settings().cinematch_cache_dir))
        beside.environment = stack.environment() | {"AUTH": "off", "METRICS_PORT": "0", "SPARK_UI_PORT": "0"}
        seen = Path(folder) / "seen"
        seen.touch()
        with (
            beside.layer("benchmarks.empty_stream", {"EMPTY_STREAM_TARGET": str(seen)}, niceness=LAST),
            beside.api("lambda") as real_time,
            beside.api("micro_batch") as micro_batch,
        ):
            yield {MICRO_BATCH: micro_batch, REAL_TIME: real_time}, seen


def _latencies(
    stack: EmbeddedStack, apis: dict[str, str], seen: Path, rate: int, seconds: float, findings: Findings
) -> list[Row]:
    """Measure a rate as often as there are windows, in turns with the floor alone."""
    windows, alone_there, cores = [], [], []
    for _ in range(WINDOWS):
        with _cores(stack) as taken:
            probes = _window(stack, apis[REAL_TIME], apis, rate, seconds, findings)
        cores += taken
        windows.append({name: [times[name] for _, times in probes.values()] for name in apis})
        windows[-1][FLOOR] = _floor(seen, probes)
        with halted([stack.parts()["micro_batch"]]):
            probes = _window(stack, apis[REAL_TIME], {}, rate, seconds, findings)
            alone_there.append(_floor(seen, probes))
        _await_caught_up(stack, apis)
    rows = [alone(f"{CORES}, at {rate:,} events/s", "cores", cores)]
    for share in (50, 99):
        ours, live, floor = ([percentile(it[name], share) for it in windows] for name in (*apis, FLOOR))
        least = [percentile(it, share) for it in alone_there]
        goals = (Goal(Bound.AT_MOST, 1.5), _at_most(100.0)) if share == 99 else (None, None)
        name = f"POST to answer at {rate:,} events/s, p{share}"
        rows += [
            compared(f"{name}, micro-batch beside an empty stream alone", "ms", ours, least, goals[0]),
            compared(f"{name}, micro-batch beside an empty stream at the same time", "ms", ours, floor),
            alone(f"{name}, real time", "ms", live, goals[1]),
        ]
    return rows


def _await_caught_up(stack: EmbeddedStack, apis: dict[str, str]) -> None:
    """Wait until both streams of micro-batch have what waited while they were halted."""
    ((user, _),) = uvloop.run(_probe(apis[REAL_TIME], apis, 1)).items()
    settings = Settings(mongodb_url=stack.environment()["MONGODB_URL"])
    with mongodb_client.connect(settings) as client:
        trends = client[settings.mongodb_database][GLOBAL_PROGRESS]
        while trends.find_one({"_id": user}) is None:
            time.sleep(0.5)


Probes = dict[str, tuple[float, dict[str, float]]]
"""User -> when the POST was due (UNIX time), and milliseconds by API."""


def _window(
    stack: EmbeddedStack, url: str, looks: dict[str, str], rate: int, seconds: float, findings: Findings
) -> Probes:
    """Probe, while other writers make up the rest of the rate."""
    mongodb_url = stack.environment()["MONGODB_URL"]
    rest = rate - PROBES_PER_SECOND
    with publisher() as pool:
        load = pool.submit(write, mongodb_url, rest, seconds + 4) if rest else None
        time.sleep(3.0 if load else 0.0)
        probes = uvloop.run(_probe(url, looks, round(PROBES_PER_SECOND * seconds)))
        if load and (reached := load.result() + PROBES_PER_SECOND) < 0.95 * rate:
            findings.remarks.append(f"Of {rate:,} events/s {reached:.0f} were reached.")
    return probes


async def _probe(url: str, looks: dict[str, str], count: int) -> Probes:
    """POST on a schedule, and look for each event at the APIs of `looks`.

    Each request has a connection of its own, for the API cuts those on which nothing comes for a while.
    """
    catalog, probes, run = invented_catalog(SEED), Probes(), time.time_ns()

    async def probe(due: float) -> None:
        number = len(probes)
        user, due_at = f"probe-{run}-{number}", time.time() - (time.perf_counter() - due)
        times: dict[str, float] = {}
        probes[user] = due_at, times
        body = {"user_id": user, "movie_id": catalog[number].movie_id, "rating": 7.5}
        with closing(await connect(url)) as connection:
            status, answer = await connection.ask(post("/movies", body))
        if status != 200:
            raise RuntimeError(f"POST /movies was answered by {status}: {answer.decode()}")
        wanted = get(f"/stats?user_id={user}&min_sequence={orjson.loads(answer)['sequence']}")
        await asyncio.gather(*(_await(looks[name], wanted, due_at, name, times) for name in looks))

    await paced(PROBES_PER_SECOND, count / PROBES_PER_SECOND, probe)
    return probes


async def _await(url: str, wanted: bytes, due_at: float, name: str, times: dict[str, float]) -> None:
    """Ask until the event is in the answer: 504 only says that it was not in time."""
    with closing(await connect(url)) as connection:
        while (status := (await connection.ask(wanted))[0]) != 200:
            if status not in (404, 504):
                raise RuntimeError(f"GET /stats was answered by {status}")
    times[name] = (time.time() - due_at) * 1000


def _floor(seen: Path, probes: Probes) -> list[float]:
    """Wait for the empty stream; give its milliseconds. Raises TimeoutError."""
    due_at = {user: due for user, (due, _) in probes.items()}
    for _ in range(900):
        lines = [line.split() for line in seen.read_text().splitlines()]
        found = {key: float(at) for key, at in lines if key in due_at}
        if len(found) == len(due_at):
            return [(at - due_at[user]) * 1000 for user, at in found.items()]
        time.sleep(0.1)
    raise TimeoutError("the empty stream has not seen all probes")


def _cold_start() -> float:
    """Give the seconds of `make demo` in a fresh clone with caches of its own."""
    with empty_folder() as folder:
        clone, cache = folder / "clone", folder / "cache"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        own = {"CINEMATCH_CACHE_DIR": str(cache), "PIP_CACHE_DIR": str(cache / "pip"), "XDG_CACHE_HOME": str(cache)}
        own |= {"GOPATH": str(cache / "go"), "GOCACHE": str(cache / "go-build"), "GOMODCACHE": str(cache / "go-mod")}
        began = time.monotonic()
        subprocess.run(["make", "setup"], cwd=clone, env=os.environ | own, check=True)
        prepared = time.monotonic() - began
        with demo(own, checkout=clone) as stack:
            return prepared + stack.start_seconds
