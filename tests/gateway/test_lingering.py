"""The last answer of a connection is the client's to read, whatever it still sends."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from gateway.lingering import LINGER_S
from tests.system import System

MORE_BYTES = 8_000_000
"""More than the kernel takes on its own."""
BODY = b"x" * 65_536


@contextmanager
def connected(system: System) -> Iterator[socket.socket]:
    address = urlsplit(system.url)
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as client:
        yield client


def read(client: socket.socket) -> bytes:
    """All until the server ends; a reset is an error."""
    return b"".join(iter(lambda: client.recv(65_536), b""))


def send_slowly(client: socket.socket, *, within_s: float) -> None:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        client.sendall(b"more")
        time.sleep(0.01)


def test_a_body_that_comes_after_its_answer_resets_nothing(system: System) -> None:
    with connected(system) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 9\r\n\r\n")
        answer = client.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        client.sendall(b"late")
        client.sendall(b" body")
        assert b"HTTP/1.1 " not in read(client)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\nlong: ", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /healthz HTTP/1.0\r\ncontent-length: %d\r\n\r\n" % MORE_BYTES, b"200"),
    ],
    ids=["too large a head", "no HTTP", "a body nobody asked for"],
)
def test_who_is_still_sending_reads_its_answer(system: System, head: bytes, status: bytes) -> None:
    with connected(system) as client:
        client.sendall(head)
        for _ in range(MORE_BYTES // len(BODY)):
            client.sendall(BODY)
        answer = read(client)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_who_sends_on_and_on_is_cut_off(system: System) -> None:
    with connected(system) as client:
        client.sendall(b"nonsense\r\n\r\n")
        read(client)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            send_slowly(client, within_s=10 * LINGER_S)
    assert time.monotonic() > began + LINGER_S / 2
