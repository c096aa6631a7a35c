"""The three transports as a client sees them: the request that opens one, and what its bytes say.

Pure. Each reader has the same face: `feed` takes bytes and returns what they say, in order: messages as the contract's
JSON objects (a long-poll's answer becomes `ready` and its events), a ping to answer, the end of an answer, or the end
of the stream with its close code or HTTP status.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import orjson

from bench.loss.wire import CLOSE, PING, TEXT, Answer, Blocks, Frames, WireError, accept_of

Message: TypeAlias = dict[str, Any]
TransportName: TypeAlias = Literal["websocket", "sse", "long-poll"]
TRANSPORTS: tuple[TransportName, ...] = ("websocket", "sse", "long-poll")

CUT_OFF = 1006
"""The code of an end without one (RFC 6455 section 7.1.5)."""

WEBSOCKET_KEY = b"bG9zcy1jaGVja2VyLWtleQ=="
"""Any 16 bytes: it guards against caches, and each connection here is new."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A WebSocket ping: answer with the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """A long-poll's answer is complete: the next may be asked for, on the same connection."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The gateway ended the stream, or refused it: a close code, or an HTTP status."""

    code: int


Said: TypeAlias = Message | Ping | Answered | Ended


class Reader(Protocol):
    """What a connection's bytes say."""

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes. Raises WireError."""


def request(transport: TransportName, token: str, cursor: str | None, *, wait_s: int = 0) -> bytes:
    """The bytes that open a stream, or ask for the next answer of a long-poll that waits up to `wait_s`."""
    place = f"?cursor={cursor}" if cursor is not None else ""
    lines = ["Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    if transport == "websocket":
        path = f"/realtime/ws{place}"
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines.append(f"Sec-WebSocket-Key: {WEBSOCKET_KEY.decode()}")
    elif transport == "sse":
        path = "/realtime/sse"
        lines += ["Accept: text/event-stream", *([f"Last-Event-ID: {cursor}"] if cursor is not None else [])]
    else:
        path = f"/realtime/poll{place}{'&' if place else '?'}wait={wait_s}"
    return "\r\n".join((f"GET {path} HTTP/1.1", *lines, "", "")).encode()


def reader_of(transport: TransportName) -> Reader:
    """A reader for one connection."""
    readers: dict[TransportName, type[Reader]] = {
        "websocket": WebSocketReader,
        "sse": SseReader,
        "long-poll": PollReader,
    }
    return readers[transport]()


class WebSocketReader:
    """The handshake's answer, then frames."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._frames = Frames()

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes. Raises WireError."""
        greeted = self._answer.status == 101
        data = data if greeted else self._answer.feed(data)
        if not self._answer.status:
            return []
        if self._answer.status != 101:
            return [Ended(self._answer.status)]
        if not greeted and self._answer.headers.get("sec-websocket-accept") != accept_of(WEBSOCKET_KEY):
            raise WireError("expected the handshake to answer our key")
        said: list[Said] = []
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                said.append(parse(payload))
            elif opcode == PING:
                said.append(Ping(payload))
            elif opcode == CLOSE:
                said.append(Ended(int.from_bytes(payload[:2], "big") if payload else 1005))
        return said


class SseReader:
    """The answer's head, then blocks; a last event `close` carries the code."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._blocks = Blocks()

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes. Raises WireError."""
        body = self._answer.feed(data)
        if self._answer.status not in (0, 200):
            return [Ended(self._answer.status)]
        said: list[Said] = []
        for block in self._blocks.feed(body):
            message = parse(block.data)
            if block.event != message["type"] or block.id != message.get("cursor"):
                raise WireError(f"expected a block's event and id to be its data's, got {block.event!r}, {block.id!r}")
            said.append(Ended(message["code"]) if block.event == "close" else message)
        if self._answer.complete and not (said and isinstance(said[-1], Ended)):
            said.append(Ended(CUT_OFF))
        return said


class PollReader:
    """One answer after another."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._body = b""

    def feed(self, data: bytes) -> list[Said]:
        """Take bytes. Raises WireError."""
        self._body += self._answer.feed(data)
        if self._answer.status not in (0, 200):
            return [Ended(self._answer.status)]
        if not self._answer.complete:
            return []
        answer = parse(self._body)
        self._answer, self._body = Answer(), b""
        events, cursor = answer.pop("events"), answer.pop("cursor")
        if events and events[-1]["cursor"] != cursor:
            raise WireError(f"expected the cursor of the last event, got {cursor!r}")
        ready: Message = {"type": "ready", **answer}
        if not answer["resumed"]:
            # Where the snapshot stands is written only in the event after it; the wallet within tells if that is true.
            ready["cursor"] = before(events[0]["cursor"]) if events else cursor
        return [ready, *events, Answered()]


def parse(text: bytes) -> Message:
    """A JSON object with a type, but for a long-poll's answer. Raises WireError."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise WireError(f"expected JSON, got {text[:80]!r}") from None
    if not isinstance(message, dict):
        raise WireError(f"expected a JSON object, got {text[:80]!r}")
    return message


def place_of(cursor: str) -> tuple[str, int]:
    """The epoch and the seq of a cursor: opaque to clients, but not to who checks it. Raises WireError."""
    epoch, _, rest = cursor.partition("-")
    _, _, seq = rest.partition("-")
    if not seq.isdigit():
        raise WireError(f"expected a cursor, got {cursor[:80]!r}")
    return epoch, int(seq)


def before(cursor: str) -> str:
    """The cursor of the event before."""
    head, _, seq = cursor.rpartition("-")
    if not seq.isdigit():
        raise WireError(f"expected a cursor, got {cursor[:80]!r}")
    return f"{head}-{int(seq) - 1}"
