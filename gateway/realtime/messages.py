"""Messages as bytes: an event is encoded once in a process, and framed once for each transport that carries it.

The payload is JSON text from the database and goes through untouched: nothing is parsed to be written again.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.realtime.close_codes import CloseCode
from gateway.realtime.cursor import write_cursor
from notifier.event import Event


class Message:
    """One message to a client: its JSON, and from that the WebSocket frame and the SSE block, made when first asked."""

    __slots__ = ("_frame", "_sse", "cursor", "json", "seq", "type")

    def __init__(self, type_: str, json: bytes, *, cursor: str | None = None, seq: int = 0) -> None:
        self.type = type_
        self.json = json
        self.cursor = cursor
        self.seq = seq
        self._frame: bytes | None = None
        self._sse: bytes | None = None

    @property
    def frame(self) -> bytes:
        """A WebSocket text frame, unmasked and unfragmented (RFC 6455 section 5.2)."""
        if self._frame is None:
            self._frame = text_frame(self.json)
        return self._frame

    @property
    def sse(self) -> bytes:
        """A server-sent event; `id` is the cursor, so `Last-Event-ID` resumes."""
        if self._sse is None:
            place = f"id: {self.cursor}\n" if self.cursor is not None else ""
            self._sse = b"%sevent: %s\ndata: %s\n\n" % (place.encode(), self.type.encode(), self.json)
        return self._sse


def text_frame(payload: bytes) -> bytes:
    """The payload as one final, unmasked text frame."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def event_message(event: Event, epoch: str) -> Message:
    """An event of a user's stream."""
    cursor = write_cursor(epoch, event.user_id, event.seq)
    json = f'{{"type":"{event.type}","seq":{event.seq},"cursor":"{cursor}","at":"{event.at}","data":{event.payload}}}'
    return Message(event.type, json.encode(), cursor=cursor, seq=event.seq)


def ready_message(cursor: str, *, heartbeat_s: int, server_time: str, snapshot: Mapping[str, Any] | None) -> Message:
    """The first message of a connection: resumed, or with a snapshot that replaces what the client has."""
    body: dict[str, Any] = {
        "type": "ready",
        "cursor": cursor,
        "resumed": snapshot is None,
        "heartbeat_s": heartbeat_s,
        "server_time": server_time,
    }
    if snapshot is not None:
        body["snapshot"] = snapshot
    return Message("ready", orjson.dumps(body), cursor=cursor)


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


HEARTBEAT = Message("heartbeat", b'{"type":"heartbeat"}')
