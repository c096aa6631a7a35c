"""Clients that do it otherwise: old HTTP, repeated and empty headers, waits out of range, and requests for heads."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.gateway.clients import SSE
from tests.gateway.support import in_a_loop, new_user, ready
from tests.system import System

DEADLINE_S = 30
AT_ONCE_S = 1.5
"""Much less than a poll waits."""
PADDING_BYTES = 2_048


@contextmanager
def raw_get(system: System, path: str, *lines: str, version: str = "1.1") -> Iterator[http.client.HTTPResponse]:
    """A request written by hand."""
    with socket.create_connection(("127.0.0.1", system.port), timeout=DEADLINE_S) as connection:
        connection.sendall("\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        yield answer
        answer.close()


def read_block(answer: http.client.HTTPResponse) -> list[bytes]:
    """The lines of the stream's next event."""
    lines = []
    while (line := answer.readline().rstrip(b"\n")) or not lines:
        lines.append(line)
    return lines


async def start_of(system: System, token: str) -> str:
    """All of a user's cursors but for the seq."""
    async with SSE.connect(system.url, token, None) as stream:
        cursor: str = (await ready(stream))["cursor"]
        return cursor.rpartition("-")[0]


# SSE on the wire


def test_stream_begins_with_padding_and_a_pause_and_is_not_to_be_held_back(system: System) -> None:
    with raw_get(system, f"/realtime/sse?access_token={system.token()}") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-accel-buffering"] == "no"
        assert {"no-store", "no-transform"} <= set(answer.headers["cache-control"].split(", "))
        padding, pause, place, kind, data = read_block(answer)
    assert padding.startswith(b":")
    assert len(padding) > PADDING_BYTES
    assert pause == b"retry: 2000"
    assert kind == b"event: ready"
    assert place == b"id: " + json.loads(data.removeprefix(b"data: "))["cursor"].encode()


@pytest.mark.parametrize(
    ("lines", "query", "seq"),
    [
        ((), "", None),
        ((), "&cursor={start}-1", 1),
        (("Last-Event-ID: {start}-2",), "&cursor={start}-1", 2),
        (("Last-Event-ID:",), "", None),
        (("Last-Event-ID:",), "&cursor={start}-1", 1),
        (("Last-Event-ID: {start}-1", "Last-Event-ID: {start}-2"), "", 2),
        (("Last-Event-ID: {start}-2", "Last-Event-ID:"), "", 2),
        (("Last-Event-ID: garbage",), "&cursor={start}-1", None),
        ((), "&cursor=&cursor={start}-1&cursor={start}-2", 1),
    ],
    ids=[
        "none",
        "query",
        "header counts more",
        "empty",
        "empty with query",
        "twice",
        "then empty",
        "garbage",
        "thrice",
    ],
)
@in_a_loop
async def test_where_a_stream_finds_its_cursor(
    system: System, lines: tuple[str, ...], query: str, seq: int | None
) -> None:
    async with new_user(system) as user:
        await user.append(3)
        start = await start_of(system, user.token)
        filled = [line.format(start=start) for line in lines]
        path = f"/realtime/sse?access_token={user.token}{query.format(start=start)}"

        def first() -> object:
            with raw_get(system, path, *filled) as answer:
                return json.loads(read_block(answer)[-1].removeprefix(b"data: "))

        message = await asyncio.to_thread(first)
        assert isinstance(message, dict)
        assert message["resumed"] is (seq is not None)
        assert message["cursor"] == f"{start}-{3 if seq is None else seq}"


# HTTP/1.0


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@in_a_loop
async def test_http_1_0_stream_has_no_chunks_and_ends_with_its_connection(system: System, connection: str) -> None:
    async with new_user(system) as user:
        token = system.token(user.id, lifetime_s=2)

        def read_to_the_end() -> tuple[http.client.HTTPMessage, bytes]:
            path = f"/realtime/sse?access_token={token}"
            with raw_get(system, path, f"Connection: {connection}", version="1.0") as answer:
                return answer.headers, answer.read()

        headers, body = await asyncio.to_thread(read_to_the_end)
        assert "transfer-encoding" not in headers
        assert headers["connection"] == "close"
        assert body.startswith(b": ")
        assert b'"code":4501' in body
        assert body.endswith(b"}\n\n")


@in_a_loop
async def test_http_1_0_poll_is_answered_and_its_connection_closed(system: System) -> None:
    async with new_user(system) as user:
        await user.append(2)
        start = await start_of(system, user.token)

        def poll() -> tuple[http.client.HTTPMessage, bytes]:
            path = f"/realtime/poll?cursor={start}-0&access_token={user.token}"
            with raw_get(system, path, "Connection: keep-alive", version="1.0") as answer:
                return answer.headers, answer.fp.read()  # to the end of the connection

        headers, body = await asyncio.to_thread(poll)
        assert "transfer-encoding" not in headers
        assert int(headers["content-length"]) == len(body)
        assert [event["seq"] for event in json.loads(body)["events"]] == [1, 2]


def test_http_1_0_page_is_whole(system: System) -> None:
    with raw_get(system, "/", version="1.0") as answer:
        assert "transfer-encoding" not in answer.headers
        assert answer.read().rstrip().endswith(b"</html>")


# long-poll


@pytest.mark.parametrize("wait", ["-1", "x", "nan", "1s"])
def test_wait_that_is_no_time_is_refused(system: System, wait: str) -> None:
    params = {"access_token": system.token(), "wait": wait}
    answer = httpx.get(f"{system.url}/realtime/poll", params=params, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert answer.json()["message"].startswith("wait:")


@pytest.mark.parametrize("wait", ["61", "1e9", "inf"])
@in_a_loop
async def test_wait_beyond_the_longest_is_cut_to_it(system: System, wait: str) -> None:
    """It is taken, that is; the wait itself ends here with the event."""
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, timeout=DEADLINE_S) as client:
        params = {"access_token": user.token, "wait": wait, "cursor": f"{await start_of(system, user.token)}-0"}
        polling = asyncio.create_task(client.get("/realtime/poll", params=params))
        await user.append()
        assert [event["seq"] for event in (await polling).json()["events"]] == [1]


# heads and other methods


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/app.js", 200),
        ("/healthz", 200),
        ("/realtime/sse", 200),
        ("/realtime/poll?wait=60", 200),
        ("/realtime/ws", 426),
        ("/realtime/ack", 405),
        ("/nothing", 404),
    ],
)
@in_a_loop
async def test_head_is_answered_at_once_without_a_body(system: System, path: str, status: int) -> None:
    """The poll would wait: it has a cursor, and nothing comes."""
    async with new_user(system) as user:
        cursor = {"cursor": f"{await start_of(system, user.token)}-0"} if path.startswith("/realtime/") else {}
        params = {"access_token": user.token, **cursor}

        def heads() -> list[tuple[int, bytes]]:
            connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=DEADLINE_S)
            address = str(httpx.URL(path).copy_merge_params(params))
            found = []
            for _ in range(2):  # on the same connection: the second is understood only if the first had no body
                connection.request("HEAD", address)
                answer = connection.getresponse()
                found.append((answer.status, answer.read()))
            connection.close()
            return found

        began = time.monotonic()
        assert await asyncio.to_thread(heads) == [(status, b"")] * 2
        assert time.monotonic() - began < AT_ONCE_S


@pytest.mark.parametrize("path", ["/realtime/sse", "/realtime/poll"])
def test_head_wants_a_token_as_the_request_itself_does(system: System, path: str) -> None:
    assert httpx.head(f"{system.url}{path}", trust_env=False).status_code == 401


@pytest.mark.parametrize("path", ["/realtime/sse", "/realtime/poll", "/realtime/ws"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(system: System, method: str, path: str) -> None:
    answer = httpx.request(method, f"{system.url}{path}", trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["allow"]
