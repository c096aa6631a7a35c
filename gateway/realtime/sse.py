"""Server-sent events as a plain ASGI application.

The request's task sleeps in `receive`, where a disconnect arrives; what is to be sent is gathered as bytes and sent by
a task that lives only while there is something. So an idle stream costs its request and nothing more.
"""

import asyncio
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from gateway.auth import credentials_of
from gateway.realtime.close_codes import SERVICE_RESTART, SLOW_CONSUMER, STREAM_RESET, CloseCode
from gateway.realtime.messages import HEARTBEAT, Message, close_message
from gateway.realtime.realtime import Realtime
from gateway.realtime.waiting import unless_disconnected, until_disconnected

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx passes each block on at once
]
# Some proxies and old browsers hold a response back until about 2 KB have come; `retry` is the client's first pause. No
# blank line: it is the beginning of the first event, for some clients take a block without data for an event, too.
PROLOGUE = b":" + b" " * 2048 + b"\nretry: 2000\n"


class SseStream:
    """One open stream: the hub's subscriber and the heartbeats' connection."""

    __slots__ = ("_buffer", "_buffered_bytes", "_bytes_max", "_ended", "_flushing", "_greeted", "_send", "live")

    def __init__(self, send: Send, bytes_max: int) -> None:
        self.live = False
        """The replay is over. Its pages may be larger than the buffer; they are drained one by one."""
        self._send = send
        self._bytes_max = bytes_max
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._ended = False
        self._greeted = False

    def ready(self, message: Message, *, resumed: bool) -> None:
        """The first message, after the headers."""
        self._greeted = True
        self._put(PROLOGUE + message.sse)

    def deliver(self, seq: int, message: Message) -> None:
        """An event."""
        self._put(message.sse)

    async def drain(self) -> None:
        """Wait until what was put has been sent."""
        while self._flushing is not None:
            await asyncio.shield(self._flushing)

    def reset(self) -> None:
        """History was rewritten, or no longer reaches the client's place."""
        self.end(STREAM_RESET)

    def beat(self, now: float) -> None:
        """A message the client's code sees, unless it awaits the first."""
        if self._greeted:
            self._put(HEARTBEAT.sse)

    def end(self, code: CloseCode) -> None:
        """Say why, and end the response."""
        if not self._ended:
            if code is SLOW_CONSUMER:
                self._buffer.clear()  # the client resumes by its cursor, and reads the reason sooner
            self._put(close_message(code).sse)
            self._ended = True

    def _put(self, block: bytes) -> None:
        if self._ended:
            return
        self._buffer.append(block)
        self._buffered_bytes += len(block)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())
        elif self.live and self._buffered_bytes > self._bytes_max:
            self._buffered_bytes = 0
            self.end(SLOW_CONSUMER)

    async def _flush(self) -> None:
        try:
            while self._buffer:
                body = b"".join(self._buffer)
                self._buffer.clear()
                self._buffered_bytes = 0
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            if self._ended:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._flushing = None


class SseEndpoint:
    """`GET /realtime/sse`, with the cursor as `Last-Event-ID` or `?cursor=`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream until either side ends it. Raises ApiError before the first byte."""
        realtime: Realtime = scope["state"]["realtime"]
        session = realtime.authenticator.verify(credentials_of(scope["headers"], scope["query_string"]))
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        stream = SseStream(send, realtime.settings.buffer_bytes_max)
        if realtime.leaving:
            stream.end(SERVICE_RESTART)
            await stream.drain()
            return
        expiry = realtime.expiry(session, stream)
        bucket = realtime.register(stream)
        try:
            subscription = await unless_disconnected(receive, realtime.open(session, _cursor(scope), stream))
            if subscription is None:
                return
            stream.live = True
            try:
                await until_disconnected(receive)
            finally:
                subscription.detach()
        finally:
            expiry.cancel()
            realtime.unregister(bucket, stream)


def _cursor(scope: Scope) -> str | None:
    """A reconnecting EventSource sends the newer place as a header; its URL still has the first."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if place := headers.get(b"last-event-id"):
        return place.decode("latin-1")
    query_string: bytes = scope["query_string"]
    query = parse_qs(query_string.decode("latin-1"))
    return query.get("cursor", [None])[0]
