"""Clients that vanish without a word: how long they keep their place, by the clock.

The gateway allows a user one connection, so the next is let in when the one before counts as gone. A vanished client
is a socket whose packets its own kernel throws away: nothing is acknowledged any more, as if the cable were cut.
"""

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.gateway.support import own_gateway
from tests.system import TLS, System, wait_until

HEARTBEAT_S = 2
LATE_S = 0.75
"""For a timer of the kernel's, and for looking."""
WAIT_S = 3
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
SO_ATTACH_FILTER = 26  # socket(7); not in Python's `socket`
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # classic BPF: `ret #0`, keep no byte of any packet

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="socket filters and TCP_USER_TIMEOUT are Linux's")


@pytest.fixture(scope="module")
def url(system: System) -> Iterator[str]:
    """A gateway that lets each user have one connection."""
    with own_gateway(system, DEMO="0", HEARTBEAT_S=str(HEARTBEAT_S), CONNECTIONS_PER_USER_MAX="1") as found:
        yield found


def opened(url: str, token: str, path: str, until: bytes, more: str = "") -> socket.socket:
    """A connection whose answer has come as far as `until`."""
    address = urlsplit(url)
    client = socket.create_connection((address.hostname, address.port or 80), timeout=20)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode())
    received = b""
    while until not in received:
        received += client.recv(65_536)
    return client


def vanish(client: socket.socket) -> None:
    """From now on nothing that is sent to it arrives."""
    program = ctypes.create_string_buffer(DROP_ALL)
    client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def place_is_free(client: httpx.Client) -> bool:
    return client.get("/realtime/poll", params={"wait": 0}).status_code == 200


@pytest.mark.parametrize(
    ("path", "more", "vanishes"),
    [("/realtime/sse", "", True), ("/realtime/ws", UPGRADE, True), ("/realtime/ws", UPGRADE, False)],
    ids=["sse gone", "websocket gone", "websocket mute"],
)
def test_client_that_is_gone_keeps_its_place_for_two_heartbeats_at_most(
    url: str, system: System, path: str, more: str, vanishes: bool
) -> None:
    """A mute one is still there for TCP, as behind a proxy that has lost it, but answers no ping."""
    token = system.token()
    with (
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, verify=TLS) as other,
        opened(url, token, path, b'"ready"', more) as client,
    ):
        if vanishes:
            vanish(client)
        began = time.monotonic()
        assert not place_is_free(other)
        wait_until(lambda: place_is_free(other), "the place is free", within_s=4 * HEARTBEAT_S)
        assert time.monotonic() - began < 2 * HEARTBEAT_S + LATE_S


def test_websockets_time_runs_from_its_last_word_whenever_that_was(url: str, system: System) -> None:
    """Between two pings, too, and so long after the first that its answer counts for nothing at the third."""
    token = system.token()
    with (
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, verify=TLS) as other,
        opened(url, token, "/realtime/ws", b'"heartbeat"', UPGRADE) as client,
    ):
        time.sleep(0.55 * HEARTBEAT_S)
        client.sendall(b"\x8a\x80\0\0\0\0")  # a pong, masked with zeros
        began = time.monotonic()
        wait_until(lambda: place_is_free(other), "the place is free", within_s=4 * HEARTBEAT_S)
        assert time.monotonic() - began < 2 * HEARTBEAT_S + LATE_S


def test_poll_that_nobody_awaits_any_more_keeps_its_place_for_its_wait(url: str, system: System) -> None:
    token = system.token()
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, verify=TLS) as other:
        cursor = other.get("/realtime/poll").json()["cursor"]
        client = opened(url, token, f"/realtime/poll?cursor={cursor}&wait={WAIT_S}", b"")
        began = time.monotonic()
        with client:
            assert other.get("/readyz").status_code == 200  # by then the poll, which came before, has its place
            vanish(client)
            assert not place_is_free(other)
            wait_until(lambda: place_is_free(other), "the place is free", within_s=2 * WAIT_S)
        assert WAIT_S * 0.9 < time.monotonic() - began < WAIT_S + LATE_S
