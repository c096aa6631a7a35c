"""Server-sent events on real sockets: headers, where the cursor is looked for, and clients that do not read."""

import asyncio
import socket
from http.client import HTTPConnection
from typing import Self
from urllib.parse import urlsplit

import httpx
from httpx_sse import EventSource, ServerSentEvent

from tests.gateway.clients import SSE
from tests.gateway.support import OVERFULL_EVENTS, events, in_a_loop, new_user, overfill, ready, seqs
from tests.system import System, wait_until

DEADLINE_S = 30.0


class ReluctantClient:
    """It has asked for the stream and seen its beginning; it reads on only when it is told to."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_S)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.connect((address.hostname, address.port))
        connection = HTTPConnection(address.netloc)
        connection.sock = self.socket
        connection.request("GET", f"/realtime/sse?access_token={token}")
        self._answer = connection.getresponse()
        self._received = b""
        while b"event: ready" not in self._received:
            self._received += self._answer.read1()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
        self.socket.close()

    def read_to_the_end(self) -> list[ServerSentEvent]:
        """All events of the stream, once the server has ended it."""
        content = self._received + self._answer.read()
        answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)
        return list(EventSource(answer).iter_sse())


def test_answer_is_a_stream_that_nobody_keeps_or_holds_back(system: System) -> None:
    with httpx.stream("GET", f"{system.url}/realtime/sse", params={"access_token": system.token()}) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"


@in_a_loop
async def test_last_event_id_counts_more_than_the_address(system: System) -> None:
    """An EventSource that reconnects keeps its first address, and sends its place as a header."""
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url) as client:
        await user.append(3)
        async with SSE.connect(system.url, user.token, None) as stream:
            start = (await ready(stream))["cursor"].rpartition("-")[0]
        params = {"access_token": user.token, "cursor": f"{start}-1"}
        for headers, cursor in (({}, f"{start}-1"), ({"last-event-id": f"{start}-2"}, f"{start}-2")):
            async with client.stream("GET", "/realtime/sse", params=params, headers=headers) as answer:
                first = await anext(aiter(EventSource(answer).aiter_sse()))
                assert first.json()["resumed"] is True
                assert first.id == cursor


@in_a_loop
async def test_slow_consumer_is_closed_and_resumes(system: System) -> None:
    async with new_user(system) as user:
        with ReluctantClient(system.url, user.token) as slow:
            await overfill(user, system.url)
            *seen, last = await asyncio.to_thread(slow.read_to_the_end)
        assert (last.event, last.json()["code"]) == ("close", 4000)
        received = [event.json() for event in seen if event.event == "test"]
        assert 0 < len(received) < OVERFULL_EVENTS
        async with SSE.connect(system.url, user.token, received[-1]["cursor"]) as stream:
            assert (await ready(stream))["resumed"] is True
            received += await events(stream, OVERFULL_EVENTS - len(received))
        assert seqs(received) == list(range(1, OVERFULL_EVENTS + 1))


@in_a_loop
async def test_client_that_never_reads_is_cut_off(impatient_url: str, system: System) -> None:
    """Nothing it is sent is taken for two heartbeats; there is no ping that would find it out."""
    async with new_user(system) as user:
        with ReluctantClient(impatient_url, user.token) as stuck:
            await overfill(user, impatient_url)

            def cut_off() -> bool:
                try:
                    stuck.socket.send(b"x")
                except ConnectionError:
                    return True
                return False

            await asyncio.to_thread(wait_until, cut_off, "the connection is cut off", within_s=DEADLINE_S)
