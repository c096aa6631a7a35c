"""Messages as bytes: an event is encoded once in a process, and framed once for each transport that carries it.

The payload is JSON text from the database and goes through untouched: nothing is parsed to be written again.
"""

import zlib
from datetime import UTC, datetime

import orjson

from gateway.realtime.close_codes import CloseCode
from gateway.realtime.cursor import write_cursor
from gateway.realtime.frames import text_frame
from notifier.event import Event

DEFLATE_WINDOW_BITS = 12
"""A client that keeps less of what it has read is sent plain frames."""


class Message:
    """One message to a client: its JSON, and from that the WebSocket frame and the SSE block, made when first asked."""

    __slots__ = ("_deflated_frame", "_frame", "_sse", "_sse_chunk", "cursor", "json", "seq", "type")

    def __init__(self, type_: str, json: bytes, *, cursor: str | None = None, seq: int = 0) -> None:
        self.type = type_
        self.json = json
        self.cursor = cursor
        self.seq = seq
        self._frame: bytes | None = None
        self._deflated_frame: bytes | None = None
        self._sse: bytes | None = None
        self._sse_chunk: bytes | None = None

    @property
    def frame(self) -> bytes:
        """A WebSocket text frame, unmasked and unfragmented (RFC 6455 section 5.2)."""
        if self._frame is None:
            self._frame = text_frame(self.json)
        return self._frame

    @property
    def deflated_frame(self) -> bytes:
        """The same for a client of permessage-deflate; as it is if that is no shorter, which RFC 7692 allows."""
        if self._deflated_frame is None:
            self._deflated_frame = min(self.frame, text_frame(deflate(self.json), compressed=True), key=len)
        return self._deflated_frame

    @property
    def sse(self) -> bytes:
        """A server-sent event; `id` is the cursor, so `Last-Event-ID` resumes."""
        if self._sse is None:
            place = f"id: {self.cursor}\n" if self.cursor is not None else ""
            self._sse = b"%sevent: %s\ndata: %s\n\n" % (place.encode(), self.type.encode(), self.json)
        return self._sse

    @property
    def sse_chunk(self) -> bytes:
        """The same as a chunk, as HTTP/1.1 clients get it."""
        if self._sse_chunk is None:
            self._sse_chunk = chunk(self.sse)
        return self._sse_chunk


def chunk(data: bytes) -> bytes:
    """The data as one chunk of an answer of unknown length (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def deflate(payload: bytes) -> bytes:
    """A message's data by RFC 7692 section 7.2.1, that leans on no other message: so one frame serves every client."""
    encoder = zlib.compressobj(wbits=-DEFLATE_WINDOW_BITS, memLevel=5)
    return (encoder.compress(payload) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def event_message(event: Event, epoch: str) -> Message:
    """An event of a user's stream."""
    cursor = write_cursor(epoch, event.user_id, event.seq)
    json = f'{{"type":"{event.type}","seq":{event.seq},"cursor":"{cursor}","at":"{event.at}","data":{event.payload}}}'
    return Message(event.type, json.encode(), cursor=cursor, seq=event.seq)


def ready_message(cursor: str, *, heartbeat_s: int, server_time: str, snapshot: str | None) -> Message:
    """The first message of a connection: resumed, or with a snapshot, JSON text, that replaces what the client has."""
    state = "" if snapshot is None else f',"snapshot":{snapshot}'
    json = (
        f'{{"type":"ready","cursor":"{cursor}","resumed":{"true" if snapshot is None else "false"},'
        f'"heartbeat_s":{heartbeat_s},"server_time":"{server_time}"{state}}}'
    )
    return Message("ready", json.encode(), cursor=cursor)


def close_message(code: CloseCode) -> Message:
    """The last message of an SSE stream: what a WebSocket's close frame says."""
    return Message(
        "close", orjson.dumps({"type": "close", "code": code.code, "name": code.name, "reconnect": code.reconnect})
    )


def error_message(error_code: str, message: str) -> Message:
    """An answer to a client's frame that could not be taken; the connection stays."""
    return Message(
        "error", orjson.dumps({"type": "error", "success": False, "error_code": error_code, "message": message})
    )


def auth_expiring_message(expires_at: float, *, in_s: float) -> Message:
    """The token the connection stands on expires soon, at this moment in seconds since the epoch: renew it."""
    body = {"type": "auth.expiring", "expires_at": iso_utc(expires_at), "in_s": round(in_s, 1)}
    return Message("auth.expiring", orjson.dumps(body))


def auth_renewed_message(expires_at: float) -> Message:
    """The connection stands on another token now, which expires at this moment."""
    return Message("auth.renewed", orjson.dumps({"type": "auth.renewed", "expires_at": iso_utc(expires_at)}))


def iso_utc(seconds: float) -> str:
    """A moment in seconds since the epoch as clients read it: UTC with milliseconds and Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


HEARTBEAT = Message("heartbeat", b'{"type":"heartbeat"}')
