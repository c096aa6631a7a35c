"""The cheapest clients that still read what they get: thousands in one process, each a protocol on a raw socket.

They look for the few bytes that matter (what kind of message, its cursor, its transaction id) instead of parsing JSON,
so that measuring costs less than what is measured. Correctness is `bench loss`'s business, not theirs.
"""

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

Face = Literal["ws", "sse", "poll"]

TRANSACTION = b'"transaction_id": "'
CURSOR = b'"cursor":"'
LENGTH = b"content-length: "
POLL_WAIT_S = 60
AGAIN_S = 0.2
PONG = b"\x8a\x80\x00\x00\x00\x00"  # masked with zeros, RFC 6455 section 5.3


@dataclass(slots=True)
class Tally:
    """What all clients of a run have seen."""

    ready: int = 0
    resumed: int = 0
    events: int = 0
    lost: int = 0
    """Connections that ended without being asked to."""
    arrivals: dict[str, float] | None = None
    """time.monotonic() by transaction id, while it is kept."""
    waiting: list[tuple[Callable[["Tally"], bool], asyncio.Event]] = field(default_factory=list)

    async def until(self, reached: Callable[["Tally"], bool], within_s: float) -> None:
        """Wait for the tally to come so far. Raises TimeoutError."""
        if reached(self):
            return
        event = asyncio.Event()
        self.waiting.append((reached, event))
        async with asyncio.timeout(within_s):
            await event.wait()

    def changed(self) -> None:
        """Wake whoever waits for this."""
        for entry in list(self.waiting):
            if entry[0](self):
                self.waiting.remove(entry)
                entry[1].set()


class Client(asyncio.Protocol):
    """One connection of one user, by one transport; comes back with its cursor if it is cut."""

    __slots__ = ("_buffer", "_face", "_loop", "_open", "_port", "_token", "_transport", "closing", "cursor", "tally")

    def __init__(self, face: Face, port: int, token: str, tally: Tally) -> None:
        self.cursor = b""
        self.closing = False
        self._face = face
        self._port = port
        self._token = token.encode()
        self.tally = tally
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    async def connect(self) -> bool:
        """Open the connection and ask; whether somebody listens there."""
        try:
            await self._loop.create_connection(lambda: self, "127.0.0.1", self._port)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End it, for good."""
        self.closing = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        if TYPE_CHECKING:  # uvloop's is none by its class
            assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open = False
        self._buffer = b""
        self._ask(wait_s=0)

    def _ask(self, *, wait_s: int) -> None:
        assert self._transport is not None  # noqa: S101 - asked for when it is there
        place = b"?wait=%d" % wait_s if self._face == "poll" else b"?"
        if self.cursor:
            place += b"&cursor=" + self.cursor
        upgrade = b""
        if self._face == "ws":
            upgrade = (
                b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                + b64encode(os.urandom(16))
                + b"\r\n"
            )
        self._transport.write(
            b"GET /realtime/%s%s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n%s\r\n"
            % (self._face.encode(), place, self._token, upgrade)
        )

    def data_received(self, data: bytes) -> None:
        """The head, then messages."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if not self._open or self._face == "poll":
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            if self._face == "poll" and head.startswith(b"HTTP/1.1 503"):
                # Too many at once to be read for in time: the answer says to poll again.
                self._loop.call_later(AGAIN_S, lambda: self._ask(wait_s=0))
                return
            if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                raise RuntimeError(f"expected a stream, got {head[:200]!r}")
            if self._face == "poll":
                self._answer(head, data)
                return
            self._open = True
        if self._face == "ws":
            self._frames(data)
        else:
            *blocks, self._buffer = data.split(b"\n\n")
            for block in blocks:
                self._message(block)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cut."""
        if not self.closing:
            self.tally.lost += 1
            self.tally.changed()

    def _answer(self, head: bytes, body: bytes) -> None:
        """A whole answer, and the next question; or a part of one, to be looked at again."""
        at = head.lower().index(LENGTH) + len(LENGTH)
        length = int(head[at:].partition(b"\r\n")[0])
        if len(body) < length:
            self._buffer = head + b"\r\n\r\n" + body
            return
        if not self._open:  # the first answer comes at once, and is what `ready` is elsewhere
            self._open = True
            self._message(b'"type":"ready"' + body)
        else:
            cursor, *events = body.split(b'{"type":"')
            for event in events:
                self._message(event)
            self._message(cursor)
        self._ask(wait_s=POLL_WAIT_S)

    def _frames(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1] & 0x7F, at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start + length > end:
                break
            if data[at] == 0x89:
                assert self._transport is not None  # noqa: S101 - it has just brought something
                self._transport.write(PONG)
            elif data[at] == 0x81:
                self._message(data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def _message(self, message: bytes) -> None:
        now = time.monotonic()
        tally = self.tally
        if (at := message.find(CURSOR)) >= 0:
            at += len(CURSOR)
            self.cursor = message[at : message.index(b'"', at)]
        if (at := message.find(TRANSACTION)) >= 0 and b'"type":"ready"' not in message:
            tally.events += 1
            if tally.arrivals is not None:
                at += len(TRANSACTION)
                tally.arrivals[message[at : message.index(b'"', at)].decode()] = now
        elif b'"type":"ready"' in message:
            tally.ready += 1
            tally.resumed += b'"resumed":true' in message
        else:
            return
        if tally.waiting:
            tally.changed()
