"""A small client for each transport, all with the same face: what the contract suite is written against.

    async with transport.connect(url, token, cursor) as stream:
        message = await stream.next()       # ready, then events and heartbeats; raises Closed with the close code

They are made of other people's clients (websockets, httpx-sse, httpx), so what they understand is what the standard
says. A refusal by HTTP status becomes the close code the table gives its error code; a connection cut off is 1006.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import websockets
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse

from gateway.realtime.close_codes import BY_ERROR_CODE
from tests.system import TLS

Message = dict[str, Any]

DEADLINE_S = 30.0
POLL_WAIT_S = 5
CUT_OFF = 1006


class Closed(Exception):
    """The server ended the stream, or did not begin it."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class Stream(Protocol):
    """An open stream."""

    async def next(self) -> Message:
        """The next message. Raises Closed, and TimeoutError after DEADLINE_S."""


@dataclass(frozen=True)
class Transport:
    """One of the three."""

    name: str
    connect: Callable[[str, str | None, str | None], AbstractAsyncContextManager[Stream]]
    """(the gateway's URL, token, cursor); raises Closed if it is refused, here or from `next`."""


class _WebSocket:
    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection

    async def next(self) -> Message:
        try:
            async with asyncio.timeout(DEADLINE_S):
                return _parse(await self._connection.recv())
        except websockets.ConnectionClosed as end:
            raise Closed(end.rcvd.code if end.rcvd else CUT_OFF, str(end)) from None


@asynccontextmanager
async def _connect_websocket(url: str, token: str | None, cursor: str | None) -> AsyncIterator[Stream]:
    address = url.replace("http://", "ws://") + "/realtime/ws" + (f"?cursor={cursor}" if cursor is not None else "")
    try:
        connection = await websockets.connect(
            address,
            additional_headers=_headers(token),
            compression=None,
            ping_interval=None,
            proxy=None,
            max_queue=None,  # it would stop reading, and then not notice the end either
        )
    except (OSError, websockets.InvalidMessage, websockets.ConnectionClosed) as error:
        raise Closed(CUT_OFF, str(error)) from None
    except websockets.InvalidStatus as refusal:
        raise Closed(refusal.response.status_code) from None
    async with connection:
        yield _WebSocket(connection)


class _Sse:
    def __init__(self, events: AsyncIterator[ServerSentEvent]) -> None:
        self._events = events

    async def next(self) -> Message:
        try:
            async with asyncio.timeout(DEADLINE_S):
                event = await anext(self._events)
        except (StopAsyncIteration, httpx.TransportError) as error:
            raise Closed(CUT_OFF, str(error)) from None
        message = _parse(event.data)
        assert event.event == message["type"]
        if message["type"] == "close":
            assert message["reconnect"] is (message["code"] < 4500)
            raise Closed(message["code"], message["name"])
        if "cursor" in message:
            assert event.id == message["cursor"]
        return message


@asynccontextmanager
async def _connect_sse(url: str, token: str | None, cursor: str | None) -> AsyncIterator[Stream]:
    headers = _headers(token) | ({"last-event-id": cursor} if cursor is not None else {})
    try:
        async with _http(url) as client, aconnect_sse(client, "GET", "/realtime/sse", headers=headers) as source:
            await _check(source.response)
            yield _Sse(_events(source))
    except httpx.TransportError as error:
        raise Closed(CUT_OFF, str(error)) from None


async def _events(source: EventSource) -> AsyncIterator[ServerSentEvent]:
    async for event in source.aiter_sse():
        yield event


class _LongPoll:
    def __init__(self, client: httpx.AsyncClient, token: str | None, cursor: str | None) -> None:
        self._client = client
        self._token = token
        self._cursor = cursor
        self._greeted = False
        self._ahead: list[Message] = []

    async def next(self) -> Message:
        async with asyncio.timeout(DEADLINE_S):
            while not self._ahead:
                await self._poll()
        return self._ahead.pop(0)

    async def _poll(self) -> None:
        # The first answer says whether the cursor was taken, and need not wait for an event.
        params: dict[str, str | int] = {"wait": POLL_WAIT_S if self._greeted else 0}
        if self._cursor is not None:
            params["cursor"] = self._cursor
        try:
            answer = await self._client.get("/realtime/poll", params=params, headers=_headers(self._token))
        except httpx.TransportError as error:
            raise Closed(CUT_OFF, str(error)) from None
        await _check(answer)
        said = _parse(answer.content)
        events = said.pop("events")
        self._cursor = said["cursor"]
        if not self._greeted or not said["resumed"]:
            self._ahead.append({"type": "ready", **said})
        self._ahead += events
        self._greeted = True


@asynccontextmanager
async def _connect_long_poll(url: str, token: str | None, cursor: str | None) -> AsyncIterator[Stream]:
    async with _http(url) as client:
        yield _LongPoll(client, token, cursor)


def _http(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(DEADLINE_S, read=None), verify=TLS, trust_env=False)


def _headers(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token is not None else {}


def _parse(text: str | bytes) -> Message:
    message: Message = json.loads(text)
    return message


async def _check(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        refusal = _parse(await answer.aread())
        if answer.status_code == 401:
            raise Closed(BY_ERROR_CODE[refusal["error_code"]].code, refusal["message"])
        raise Closed(answer.status_code, refusal["message"])


WEBSOCKET = Transport("websocket", _connect_websocket)
SSE = Transport("sse", _connect_sse)
LONG_POLL = Transport("long-poll", _connect_long_poll)
TRANSPORTS = (WEBSOCKET, SSE, LONG_POLL)
