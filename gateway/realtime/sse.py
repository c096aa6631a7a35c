"""Server-sent events: a plain ASGI application until the head of the answer is sent, then a protocol on the socket.

So refusals, headers and middleware are HTTP's ordinary ones, and a stream at rest keeps neither a task nor a request:
events go straight to the transport, as bytes made once for all.
"""

import random
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from gateway.auth import Session
from gateway.http import HANDOVER, Handover
from gateway.query_names import STREAM_NAMES, refuse_unknown_names
from gateway.realtime.close_codes import SERVICE_RESTART, CloseCode
from gateway.realtime.counted import note_closed
from gateway.realtime.live import LiveProtocol
from gateway.realtime.messages import HEARTBEAT, Message, chunk, close_message
from gateway.realtime.realtime import Realtime, peer_of

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx passes each block on at once
]
# Some proxies and old browsers hold a response back until about 2 KB have come; `retry` is the client's first pause. No
# blank line: it is the beginning of the first event, for some clients take a block without data for an event, too.
RETRY_MS = (500, 5_000)
"""When clients are sent away, each is told another pause, so that they do not come back together."""
PROLOGUE = b":" + b" " * 2048 + b"\nretry: 2000\n"


class SseStream(LiveProtocol):
    """One open stream; from the head of its answer on the connection is its own."""

    transport = "sse"

    __slots__ = ("_chunked", "_ended", "_taken")

    def __init__(self, realtime: Realtime, connections: set[Any]) -> None:
        super().__init__(realtime, connections)
        self._chunked = False
        """RFC 9112 section 7.1; an HTTP/1.0 client gets the bytes as they are."""
        self._taken = False
        self._ended = False

    @property
    def is_open(self) -> bool:
        """Whether more may be written."""
        return not self._ended and not self._lost

    def take_over(self, session: Session, cursor: str | None, *, chunked: bool) -> None:
        """The head is written, the connection taken over: the body begins."""
        self._chunked = chunked
        self._taken = True
        if self._ended:
            self._transport.close()
        elif self._realtime.leaving:
            self.end(SERVICE_RESTART)
        else:
            self.begin(partial(self.serve, session, cursor))

    def write(self, message: Message) -> None:
        """A block: the same bytes for everybody."""
        if self.is_open:
            self._transport.write(message.sse_chunk if self._chunked else message.sse)

    def ready(self, message: Message, *, resumed: bool) -> None:
        """The first message, after what proxies and clients need before it."""
        self._put(PROLOGUE)
        super().ready(message, resumed=resumed)

    def beat(self, now: float) -> None:
        """A message the client's code sees, unless it awaits the first."""
        if self._greeted:
            self.write(HEARTBEAT)
            self.bound_backlog()

    def end(self, code: CloseCode) -> None:
        """Say why, and end answer and connection; a client that does not read that far in time is cut off."""
        self.release()
        if not self.is_open:
            return
        note_closed(self.transport, code)
        if self._taken:
            if code is SERVICE_RESTART:
                self._put(b"retry: %d\n" % random.randint(*RETRY_MS))  # noqa: S311 - spreads load
            self.write(close_message(code))
            self._transport.write(b"0\r\n\r\n" if self._chunked else b"")
            self._transport.close()
            self.abort_soon()
        self._ended = True

    def _put(self, block: bytes) -> None:
        if self.is_open:
            self._transport.write(chunk(block) if self._chunked else block)


class SseEndpoint:
    """`GET /realtime/sse`, with the cursor as `Last-Event-ID` or `?cursor=`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin a stream and leave the connection to it. Raises ApiError before the first byte."""
        realtime: Realtime = scope["state"]["realtime"]
        refuse_unknown_names(scope["query_string"], STREAM_NAMES)
        session = await realtime.admit(scope["headers"], scope["query_string"], scope["method"])
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": b""})
            return
        handover: Handover = scope["extensions"][HANDOVER]
        stream = SseStream(realtime, handover.connections)
        stream.register(session, *peer_of(scope))
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        chunked = handover.to(stream)
        if chunked is None:
            stream.release()  # the client is gone already
        else:
            stream.take_over(session, _cursor(scope), chunked=chunked)


def _cursor(scope: Scope) -> str | None:
    """A reconnecting EventSource sends the newer place as a header; its URL still has the first.

    A repeated header counts as its last that is not empty: who adds one to a request made before knows better.
    """
    if places := [value for name, value in scope["headers"] if name == b"last-event-id" and value]:
        place: bytes = places[-1]
        return place.decode("latin-1")
    query_string: bytes = scope["query_string"]
    query = parse_qs(query_string.decode("latin-1"))
    return query.get("cursor", [None])[0]
