"""Which ports a stack takes."""

from __future__ import annotations

import socket

from cinematch.local_stack.ports import LOOPBACK, choose_ports, free_port, is_free


def test_usual_ports_are_taken_when_free() -> None:
    wanted = {"api": 8000, "redis": 6379}
    assert choose_ports(wanted, free=lambda _: True) == wanted


def test_a_busy_port_is_replaced_by_another() -> None:
    chosen = choose_ports({"api": 8000, "redis": 6379}, free=lambda port: port != 8000, another=lambda: 41000)
    assert chosen == {"api": 41000, "redis": 6379}


def test_no_port_is_given_twice() -> None:
    offers = iter([6379, 41000, 41000, 41001])
    wanted = {"redis": 6379, "api": 8000, "kafka": 9092}
    chosen = choose_ports(wanted, free=lambda port: port == 6379, another=lambda: next(offers))
    assert chosen == {"redis": 6379, "api": 41000, "kafka": 41001}


def test_a_port_with_a_listener_is_busy() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_free_port_is_free() -> None:
    assert is_free(free_port())
