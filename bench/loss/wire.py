"""What comes over a socket, taken apart as it comes: an HTTP answer, WebSocket frames, server-sent events.

Pure: bytes in, values out, however the bytes were cut. Each takes what a gateway sends and no more of its standard (RFC
9112, RFC 6455 section 5, the HTML standard's event streams); anything else is a `WireError`, never skipped. Nothing
here shares a line with the gateway's writing side, so that a fault there cannot cancel itself out here.
"""

import base64
import hashlib
from dataclasses import dataclass

HEAD_BYTES_MAX = 16_384
BODY_BYTES_MAX = 64 * 1024 * 1024
_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class WireError(Exception):
    """The gateway sent something that it must not send. The text says what was expected and what came."""


class Answer:
    """One HTTP/1.1 answer. `feed` returns what is new of its body; after `101` all that follows is body."""

    def __init__(self) -> None:
        self.status = 0
        """0 until the head is complete."""
        self.headers: dict[str, str] = {}
        """Names in lower case."""
        self.complete = False
        self._buffer = b""
        self._left: int | None = None
        """Bytes until the body, or the chunk at hand, ends; None: no length is known."""
        self._chunked = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes; returns those of the body."""
        if self.status and not self._chunked:
            return self._counted(data)
        self._buffer += data
        if not self.status:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                if len(self._buffer) > HEAD_BYTES_MAX:
                    raise WireError(f"expected a head of at most {HEAD_BYTES_MAX} bytes")
                return b""
            self._buffer = b""
            self._read_head(head)
            return self.feed(rest)
        return self._unchunked()

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        status = rest[:3]
        if version != "HTTP/1.1" or not status.isdigit():
            raise WireError(f"expected an HTTP/1.1 status line, got {first[:80]!r}")
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self._chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        if "content-length" in self.headers:
            self._left = int(self.headers["content-length"])
        self.status = int(status)

    def _counted(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        if len(data) > self._left:
            raise WireError(f"expected {self._left} more bytes of body, got {len(data)}")
        self._left -= len(data)
        self.complete = self._left == 0
        return data

    def _unchunked(self) -> bytes:
        body = []
        while self._buffer and not self.complete:
            if self._left is None:
                line, found, rest = self._buffer.partition(b"\r\n")
                if not found:
                    break
                self._buffer = rest
                self._left = _chunk_size(line) + 2
            ended = self._left == 2
            if len(self._buffer) < self._left:
                break  # gateways write small chunks: each is taken when it is whole
            body.append(self._buffer[: self._left - 2])
            self._buffer = self._buffer[self._left :]
            self._left = None
            self.complete = ended
        return b"".join(body)


def _chunk_size(line: bytes) -> int:
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError:
        raise WireError(f"expected the size of a chunk, got {line[:40]!r}") from None
    if not 0 <= size <= BODY_BYTES_MAX:
        raise WireError(f"expected a chunk of at most {BODY_BYTES_MAX} bytes, got {size}")
    return size


TEXT, CLOSE, PING = 0x1, 0x8, 0x9


class Frames:
    """A server's WebSocket frames: whole, unmasked; `feed` returns each as (opcode, payload)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes; returns the frames that are complete."""
        buffer = self._buffer + data if self._buffer else data
        frames, at = [], 0
        while len(buffer) - at >= 2:
            first, length = buffer[at], buffer[at + 1]
            if first not in (0x80 | TEXT, 0x80 | CLOSE, 0x80 | PING) or length & 0x80:
                raise WireError(f"expected a whole, unmasked text, close or ping frame, got {buffer[at : at + 2]!r}")
            begin = at + 2
            if length >= 126:
                begin += 2 if length == 126 else 8
                if len(buffer) < begin:
                    break
                length = int.from_bytes(buffer[at + 2 : begin], "big")
            end = begin + length
            if len(buffer) < end:
                break
            frames.append((first & 0x0F, buffer[begin:end]))
            at = end
        self._buffer = buffer[at:]
        return frames


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A small frame as clients send it. Masked with zeros: the mask protects proxies, and ours needs none."""
    if len(payload) > 125:
        raise ValueError(f"expected at most 125 bytes, got {len(payload)}")
    return bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def accept_of(key: bytes) -> str:
    """The `Sec-WebSocket-Accept` that proves a server has read the key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _ACCEPT, usedforsecurity=False).digest()).decode()


@dataclass(frozen=True, slots=True)
class Block:
    """One server-sent event."""

    event: str
    data: bytes
    id: str | None


class Blocks:
    """An event stream: `feed` returns each block that has data. Comments and `retry` are for other clients."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Block]:
        """Take bytes; returns the blocks that are complete."""
        *texts, self._buffer = (self._buffer + data).split(b"\n\n")
        return [block for text in texts if (block := _block(text)) is not None]


def _block(text: bytes) -> Block | None:
    fields: dict[bytes, bytes] = {}
    for line in text.split(b"\n"):
        name, _, value = line.partition(b":")
        if name in (b"event", b"data", b"id", b"retry"):
            if name in fields:
                raise WireError(f"expected one line {name.decode()} in a block, got two")
            fields[name] = value.removeprefix(b" ")
        elif name:
            raise WireError(f"expected a field of an event, got {line[:40]!r}")
    if b"data" not in fields:
        return None
    place = fields.get(b"id")
    return Block(fields.get(b"event", b"message").decode(), fields[b"data"], None if place is None else place.decode())
