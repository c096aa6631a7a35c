"""Connections that change hands in the middle of HTTP, and what clients can do to disturb it."""

import json
import socket
import struct
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system import TLS, System

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    assert address.hostname
    return socket.create_connection((address.hostname, address.port or 80), timeout=20)


def request(path: str, token: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()


def to_the_end(client: socket.socket) -> bytes:
    received = b""
    try:
        while data := client.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize("first", ["/realtime/sse", "/realtime/poll?wait=30&cursor={cursor}"])
def test_an_upgrade_behind_an_open_answer_is_cut_off_and_disturbs_nobody(system: System, first: str) -> None:
    url = system.start_gateway(DEMO="0", HEARTBEAT_S="1")
    gateway = system.processes[-1]
    token = system.token()
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, verify=TLS) as other:
        cursor = other.get("/realtime/poll").json()["cursor"]
        with connected(url) as client:
            client.sendall(request(first.format(cursor=cursor), token) + request("/realtime/ws", token, UPGRADE))
            assert b"101 Switching" not in to_the_end(client)
        with connected(url) as watcher:  # two heartbeats later the wheel still turns
            watcher.sendall(request("/realtime/sse", token))
            seen = b""
            while seen.count(b"event: heartbeat") < 2:
                seen += watcher.recv(65_536)
    gateway.terminate()
    assert gateway.wait() == 0


def test_clients_that_leave_while_they_are_sent_away_do_not_keep_the_rest_from_it(system: System) -> None:
    url = system.start_gateway(DEMO="0", CONNECTIONS_PER_USER_MAX="0")
    gateway = system.processes[-1]
    token = system.token()
    clients = [connected(url) for _ in range(400)]
    try:
        for number, client in enumerate(clients):
            client.sendall(request("/realtime/sse", token) if number % 2 else request("/realtime/ws", token, UPGRADE))
        for client in clients:
            received = b""
            while b'"ready"' not in received:
                received += client.recv(65_536)
        gateway.terminate()
        for client in clients[:200]:
            client.close()
        ends = [to_the_end(client) for client in clients[200:]]
        assert all(b"service_restart" in end for end in ends)
    finally:
        for client in clients:
            client.close()
    assert gateway.wait() == 0


@pytest.mark.parametrize("path", ["/realtime/sse", "/realtime/poll"])
@pytest.mark.parametrize("last", [b"", b"\x16\x03\x01\r\n\r\n"], ids=["reset", "garbage"])
def test_a_client_that_is_gone_before_its_answer_begins_is_no_fault_of_ours(
    system: System, path: str, last: bytes
) -> None:
    """Nothing is logged as an error: a client may leave whenever it likes."""
    url = system.start_gateway(DEMO="0")
    token = system.token()
    for _ in range(20):
        with connected(url) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            client.sendall(request(path, token) + last)
    gateway = system.processes[-1]
    gateway.terminate()
    assert gateway.wait() == 0
    assert '"level": "error"' not in gateway.output


def test_a_parked_poll_is_answered_and_its_connection_goes_on(system: System) -> None:
    address = urlsplit(system.url)
    client = HTTPConnection(str(address.hostname), address.port, timeout=20)  # stays with one socket
    headers = {"authorization": f"Bearer {system.token()}"}

    def poll(query: str) -> dict[str, Any]:
        client.request("GET", f"/realtime/poll?{query}", headers=headers)
        answer = client.getresponse()
        assert answer.status == 200
        found: dict[str, Any] = json.loads(answer.read())
        return found

    cursor = poll("")["cursor"]
    local = client.sock.getsockname()
    began = time.monotonic()
    for wait_s in (1, 0):
        answer = poll(f"wait={wait_s}&cursor={cursor}")
        assert (answer["resumed"], answer["events"]) == (True, [])
    assert time.monotonic() - began >= 1
    assert client.sock.getsockname() == local
    client.close()


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("pause_s", [0.0, 0.3])
def test_late_body_of_a_parked_poll_is_no_request(system: System, chunked: bool, pause_s: float) -> None:
    """Or behind a proxy one user's body would be answered to the next."""
    token = system.token()
    first = httpx.get(f"{system.url}/realtime/poll", headers={"authorization": f"Bearer {token}"}, verify=TLS).json()
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    size = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    address = httpx.URL(system.url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as client:
        client.sendall(
            f"GET /realtime/poll?wait=1&cursor={first['cursor']} HTTP/1.1\r\nHost: x\r\n".encode()
            + f"Authorization: Bearer {token}\r\nConnection: close\r\n".encode()
            + size
            + b"\r\n\r\n"
        )
        time.sleep(pause_s)  # until it is parked, or not: both must hold
        client.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in answer
