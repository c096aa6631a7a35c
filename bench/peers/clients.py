"""Clients of the peers: what each kind of server is asked, and what of its answer matters. As cheap as ours."""

import time

from bench.delivery.clients import Face, Stream, Tally

MARK = b'"bench-'
"""A transaction id begins so, however the JSON around it is spaced."""
TEXT_HEAD = b"\x81"
NO_MASK = b"\x00\x00\x00\x00"  # RFC 6455 section 5.3 wants a mask of clients; this one changes nothing


class PeerClient(Stream):
    """A stream of one user's rows, at `target`."""

    __slots__ = ("_target",)

    def __init__(self, face: Face, target: str, port: int, tally: Tally, source: str | None) -> None:
        super().__init__(face, port, tally, source)
        self._target = target.encode()

    def ask(self) -> None:
        """The whole request is its address."""
        self.get(self._target)

    def opened(self) -> None:
        """A stream whose head has come is told what is committed from now on."""
        self.tally.opened()

    def message(self, message: bytes) -> None:
        """Count it, if it brings a row."""
        now = time.monotonic()
        if (at := message.find(MARK)) >= 0:
            at += 1
            self.tally.arrived(message[at : message.index(b'"', at)], now)


class EventStreamClient(PeerClient):
    """django-eventstream: it listens once it has said so, after the head."""

    __slots__ = ()

    def opened(self) -> None:
        """Not yet."""

    def message(self, message: bytes) -> None:
        """Its first word, or a row."""
        if b"event: stream-open" in message:
            self.tally.opened()
        else:
            super().message(message)


class SocketIoClient(PeerClient):
    """Socket.IO over its WebSocket transport, protocol 5 over Engine.IO's 4: open, connect, then events and pings."""

    __slots__ = ("_connect",)

    def __init__(self, face: Face, user: str, port: int, tally: Tally, source: str | None) -> None:
        super().__init__(face, "/socket.io/?EIO=4&transport=websocket", port, tally, source)
        self._connect = b'40{"user":"%s"}' % user.encode()

    def opened(self) -> None:
        """Not yet: it has to say that it connects to the namespace."""

    def message(self, message: bytes) -> None:
        """By the first one or two characters of a packet."""
        if message.startswith(b"42"):
            super().message(message)
        elif message.startswith(b"0"):
            self._say(self._connect)
        elif message.startswith(b"40"):
            self.tally.opened()
        elif message == b"2":
            self._say(b"3")

    def _say(self, packet: bytes) -> None:
        self.send(TEXT_HEAD + bytes([0x80 | len(packet)]) + NO_MASK + packet)


class NchanClient(PeerClient):
    """Nchan: a WebSocket has the row alone, an SSE block its id too, a poll's answer one row and where it is."""

    __slots__ = ()

    def ask(self) -> None:
        """From where it was, if the transport can say that."""
        if self.face == "sse":
            place = b"Last-Event-ID: %s\r\n" % self.cursor if self.cursor else b""
            self.get(self._target, b"Accept: text/event-stream\r\n" + place)
            return
        self.get(self._target, self.cursor)
        if self.face == "poll" and not self._open:  # nothing answers the first poll until there is a row
            self._open = True
            self.opened()

    def message(self, message: bytes) -> None:
        """Keep an SSE block's id, and count."""
        if self.face == "sse" and (at := message.find(b"id: ")) >= 0:
            self.cursor = message[at + 4 :].partition(b"\n")[0]
        super().message(message)

    def answered(self, head: bytes, body: bytes) -> None:
        """Take the row, and ask for what comes after it."""
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"expected a row, got {head[:200]!r}")
        found = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self.cursor = b"If-Modified-Since: %s\r\nIf-None-Match: %s\r\n" % (found[b"Last-Modified"], found[b"Etag"])
        self.message(body)
        self.ask()
