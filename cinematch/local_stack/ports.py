"""Choice of loopback ports: the usual one when it is free, another when it is not."""

from __future__ import annotations

import getpass
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cinematch.local_stack.file_lock import try_lock

LOOPBACK: Final = "127.0.0.1"
TURN_SECONDS: Final = 300.0  # no longer than a stack takes to come up or to give up


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now; somebody may still take it afterwards."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on now, chosen by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int, timeout_seconds: float = 1.0) -> bool:
    """Whether a server listens on this loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_seconds).close()
    except OSError:
        return False
    return True


@contextmanager
def turn_to_choose(give_up: Callable[[], bool]) -> Iterator[None]:
    """Hold the right to choose ports until the chosen ones are bound: stacks that start together take turns.

    A turn that does not come in time, or is given up, is taken anyway: the lock only makes collisions rare.
    """
    lock = Path(tempfile.gettempdir()) / f"cinematch-{getpass.getuser()}-ports.lock"
    with lock.open("a") as file:
        try_lock(file, TURN_SECONDS, give_up)
        yield


def choose_ports(
    wanted: Mapping[str, int],
    free: Callable[[int], bool] = is_free,
    another: Callable[[], int] = free_port,
) -> dict[str, int]:
    """A port for each name: the wanted one when it is free and given to no other name, else another."""
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        usable = port not in chosen.values() and free(port)
        chosen[name] = port if usable else _another(another, chosen.values())
    return chosen


def _another(another: Callable[[], int], taken: Iterable[int]) -> int:
    while (port := another()) in taken:
        pass
    return port
