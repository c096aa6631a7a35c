"""The cheapest clients that still read what they get: thousands in one process, each a protocol on a raw socket.

They look for the few bytes that matter (what kind of message, its cursor, its transaction id) instead of parsing JSON,
so that measuring costs less than what is measured. `Stream` is what every server's clients share: the connection, the
head, where frames, blocks and answers end; a kind of client says what it asks and what it looks for. Correctness is
`bench loss`'s business, not theirs.
"""

import asyncio
import os
import socket
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from bench.wallet.server import BenchError

Face = Literal["ws", "sse", "poll"]

TRANSACTION = b'"transaction_id": "'
CURSOR = b'"cursor":"'
LENGTH = b"content-length: "
POLL_WAIT_S = 60
AGAIN_S = 0.2
WITHIN_S = 60.0
CONNECTING_AT_ONCE = 256
IP_BIND_ADDRESS_NO_PORT = 24
"""Linux's ip(7), elsewhere another option's number; Python names it from 3.12 on."""
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
        entry = (reached, asyncio.Event())
        self.waiting.append(entry)
        try:
            async with asyncio.timeout(within_s):
                await entry[1].wait()
        finally:
            if entry in self.waiting:
                self.waiting.remove(entry)

    def changed(self) -> None:
        """Wake whoever waits for this."""
        for entry in list(self.waiting):
            if entry[0](self):
                self.waiting.remove(entry)
                entry[1].set()

    def opened(self) -> None:
        """One more connection is ready."""
        self.ready += 1
        if self.waiting:
            self.changed()

    def arrived(self, transaction_id: bytes, now: float) -> None:
        """One more event."""
        self.events += 1
        if self.arrivals is not None:
            self.arrivals[transaction_id.decode()] = now
        if self.waiting:
            self.changed()


class Subscriber(Protocol):
    """One who is told a user's events, and counts them in its tally."""

    tally: Tally

    async def connect(self) -> bool:
        """Open the connection and ask; whether somebody listens there."""

    def close(self) -> None:
        """End it, for good."""


class Stream(asyncio.Protocol):
    """One connection by one transport. Its kind says what is asked and looked for, in the methods at the end."""

    __slots__ = ("_buffer", "_loop", "_open", "_port", "_source", "_transport", "closing", "cursor", "face", "tally")

    def __init__(self, face: Face, port: int, tally: Tally, source: str | None = None) -> None:
        """`source`: this machine's address to connect from, for more connections than one address has ports."""
        self.cursor = b""
        self.closing = False
        self.face = face
        self.tally = tally
        self._port = port
        self._source = source
        self._buffer = b""
        self._open = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    async def connect(self) -> bool:
        """Open the connection and ask; whether somebody listens there."""
        line = socket.socket()
        line.setblocking(False)
        try:
            if self._source:
                if sys.platform == "linux":
                    # Else a port would be taken of the address as a whole, and those of lines just closed are not free.
                    line.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                line.bind((self._source, 0))
            await self._loop.sock_connect(line, ("127.0.0.1", self._port))
            await self._loop.create_connection(lambda: self, sock=line)
        except BaseException as fault:
            line.close()
            if isinstance(fault, OSError):
                return False
            raise
        return True

    def close(self) -> None:
        """End it, for good."""
        self.closing = True
        if self._transport is not None:
            self._transport.abort()

    def cut(self) -> None:
        """End it as a broken line does; it may connect again."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        if TYPE_CHECKING:  # uvloop's is none by its class
            assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open = False
        self._buffer = b""
        self.ask()

    def data_received(self, data: bytes) -> None:
        """The head, then messages."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if not self._open or self.face == "poll":
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            if self.face == "poll":
                self._answer(head, data)
                return
            if not head.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                raise RuntimeError(f"expected a stream, got {head[:200]!r}")
            self._open = True
            self.opened()
        if self.face == "ws":
            self._frames(data)
        else:
            *blocks, self._buffer = data.split(b"\n\n")
            for block in blocks:
                self.message(block)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cut."""
        if not self.closing:
            self.tally.lost += 1
            self.tally.changed()

    def send(self, data: bytes) -> None:
        """Write to the open connection."""
        assert self._transport is not None  # noqa: S101 - asked for when it is there
        self._transport.write(data)

    def get(self, target: bytes, headers: bytes = b"") -> None:
        """Ask for something: a request with its upgrade, if this is a WebSocket. `headers` end with CRLF."""
        if self.face == "ws":
            headers += (
                b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                + b64encode(os.urandom(16))
                + b"\r\n"
            )
        self.send(b"GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n" % (target, headers))

    def _answer(self, head: bytes, body: bytes) -> None:
        """A whole answer; or a part of one, to be looked at again."""
        at = head.lower().find(LENGTH)
        length = int(head[at + len(LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(body) < length:
            self._buffer = head + b"\r\n\r\n" + body
        else:
            self.answered(head, body)

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
                self.send(PONG)
            elif data[at] == 0x81:
                self.message(data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def ask(self) -> None:
        """Send the request of a connection that has just been made."""
        raise NotImplementedError

    def opened(self) -> None:
        """The head of a stream was good."""

    def message(self, message: bytes) -> None:
        """A frame's payload, or a block of SSE."""
        raise NotImplementedError

    def answered(self, head: bytes, body: bytes) -> None:
        """A whole answer to a poll has come."""
        raise NotImplementedError


class Client(Stream):
    """Of our gateway; comes back with its cursor if it is cut."""

    __slots__ = ("_token",)

    def __init__(self, face: Face, port: int, token: str, tally: Tally, source: str | None = None) -> None:
        super().__init__(face, port, tally, source)
        self._token = token.encode()

    def ask(self) -> None:
        """From the cursor on, if there is one."""
        self._ask(wait_s=0)

    def _ask(self, *, wait_s: int) -> None:
        place = b"?wait=%d" % wait_s if self.face == "poll" else b"?"
        if self.cursor:
            place += b"&cursor=" + self.cursor
        self.get(b"/realtime/%s%s" % (self.face.encode(), place), b"Authorization: Bearer %s\r\n" % self._token)

    def answered(self, head: bytes, body: bytes) -> None:
        """Take it, and ask again."""
        if head.startswith(b"HTTP/1.1 503"):
            # Too many at once to be read for in time: the answer says to poll again.
            self._loop.call_later(AGAIN_S, self.ask)
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"expected a stream, got {head[:200]!r}")
        if not self._open:  # the first answer comes at once, and is what `ready` is elsewhere
            self._open = True
            ready, *events = body.split(b'{"type":"')
            self.message(b'"type":"ready"' + ready)
        else:
            cursor, *events = body.split(b'{"type":"')
            self.message(cursor)
        for event in events:
            self.message(event)
        self._ask(wait_s=POLL_WAIT_S)

    def message(self, message: bytes) -> None:
        """Keep its cursor, and count it."""
        now = time.monotonic()
        if (at := message.find(CURSOR)) >= 0:
            at += len(CURSOR)
            self.cursor = message[at : message.index(b'"', at)]
        if (at := message.find(TRANSACTION)) >= 0 and b'"type":"ready"' not in message:
            at += len(TRANSACTION)
            self.tally.arrived(message[at : message.index(b'"', at)], now)
        elif b'"type":"ready"' in message:
            self.tally.resumed += b'"resumed":true' in message
            self.tally.opened()


async def all_ready(clients: Sequence[Subscriber], tally: Tally) -> None:
    """Connect them all, a few hundred at a time. Raises `BenchError` if not all get ready."""
    room = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect_one(client: Subscriber) -> bool:
        async with room:
            return await client.connect()

    taken = await asyncio.gather(*map(connect_one, clients))
    if refused := taken.count(False):
        raise BenchError(f"the server did not take {refused} of {len(clients)} connections")
    try:
        await tally.until(lambda seen: seen.ready >= len(clients), WITHIN_S)
    except TimeoutError:
        raise BenchError(f"{len(clients) - tally.ready} of {len(clients)} connections did not get ready") from None
