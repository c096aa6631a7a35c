"""WebSocket as a uvicorn protocol class of our own, over websockets' sans-I/O `ServerProtocol` (RFC 6455).

uvicorn hands the upgraded TCP connection over; from there bytes go straight between socket and protocol. Outgoing
events are frames made once for all connections and written by the hub's call: no task, queue or ASGI message belongs
to a connection (`live`). Text messages only.
"""

from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.exceptions import PayloadTooBig
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.errors import ApiError
from gateway.realtime.close_codes import (
    SERVICE_RESTART,
    SILENT,
    TOO_MANY_MESSAGES,
    CloseCode,
)
from gateway.realtime.limits import Allowance
from gateway.realtime.live import LiveProtocol
from gateway.realtime.messages import DEFLATE_WINDOW_BITS, HEARTBEAT, Message, error_message
from gateway.realtime.realtime import forwarded_for

PATH = "/realtime/ws"
PING = b"\x89\x00"
# Without context from message to message a frame is made once for all, and an idle connection keeps no compressor.
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=DEFLATE_WINDOW_BITS
)


class WebSocketProtocol(LiveProtocol):
    """One connection, from the upgrade to the end."""

    __slots__ = ("_allowance", "_deflates", "_fragments", "_heard_at", "_ws")

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(app_state["realtime"], server_state.connections)
        settings = self._realtime.settings
        self._ws = ServerProtocol(
            extensions=[DEFLATE] if settings.ws_deflate else None, max_size=settings.frame_bytes_max
        )
        self._deflates = False
        """The client takes compressed messages."""
        self._allowance: Allowance | None = None
        self._fragments = b""
        self._heard_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether more may be written."""
        return self._ws.state is State.OPEN and not self._lost

    # asyncio calls these

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, the handshake's first."""
        self._heard_at = self._loop.time()
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Request):
                self._accept(event)
            elif isinstance(event, Frame):
                self._frame_received(event)
        self._flush()
        self.bound_backlog()  # answers pile up too, if only questions are sent

    def eof_received(self) -> None:
        """The client will send no more; the transport closes itself, once what was written has been taken."""
        self._ws.receive_eof()
        self.release()
        self.abort_soon()

    # the contract's words, on this wire

    def write(self, message: Message) -> None:
        """A frame: the same bytes for everybody."""
        if not self._lost:
            self._transport.write(message.deflated_frame if self._deflates else message.frame)

    def beat(self, now: float) -> None:
        """A message the client's code sees, unless it awaits the first, and a ping its WebSocket answers by itself."""
        # Its pong to the last ping is about one heartbeat old; who has died since is found before two have passed.
        if now - self._heard_at > 1.5 * self._realtime.settings.heartbeat_s:
            self.end(SILENT)
        else:
            self._transport.write(HEARTBEAT.frame + PING if self._greeted else PING)

    def end(self, code: CloseCode) -> None:
        """Start the closing handshake; a client that does not answer it in time is cut off."""
        self.release()
        if self.is_open:
            self._ws.send_close(code.code, code.name)
            self._flush()
            self.abort_soon()
        elif self._ws.state is State.CONNECTING and not self._lost:
            self._transport.close()

    # our own

    def _accept(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        if path != PATH:
            self._ws.send_response(self._ws.reject(404, "no WebSocket here\n"))
            return
        if self._realtime.leaving:
            self._ws.send_response(self._ws.reject(503, "leaving: try another\n"))
            return
        self._ws.send_response(self._ws.accept(request))
        if self._ws.state is not State.OPEN:
            return
        self._deflates = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= DEFLATE_WINDOW_BITS
            for extension in self._ws.extensions
        )
        # After the handshake, for a browser shows its code a close code but never an HTTP status.
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.raw_items()]
        self.begin(partial(self._admit, headers, query))

    async def _admit(self, headers: list[tuple[bytes, bytes]], query: str) -> None:
        session = await self._realtime.admit(headers, query.encode())
        if self._realtime.leaving:
            self.end(SERVICE_RESTART)
            return
        peer = (self._transport.get_extra_info("peername") or ("",))[0]
        self.register(session, peer, forwarded_for(headers))
        await self.serve(session, parse_qs(query).get("cursor", [None])[0])

    def _frame_received(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.release()
        elif self._ws.state is not State.OPEN:
            pass  # sent before the client knew of the end
        elif not self._may_send_more():
            self.end(TOO_MANY_MESSAGES)
        elif frame.opcode is Opcode.BINARY:
            self._ws.fail(StandardCode.UNSUPPORTED_DATA, "expected text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments += frame.data
            if len(self._fragments) > self._realtime.settings.frame_bytes_max:
                too_big = PayloadTooBig(len(self._fragments), self._realtime.settings.frame_bytes_max)
                self._ws.fail(StandardCode.MESSAGE_TOO_BIG, str(too_big))
            elif frame.fin:
                message, self._fragments = self._fragments, b""
                self._message_received(message)

    def _may_send_more(self) -> bool:
        per_s = self._realtime.settings.frames_per_s_max
        if self._allowance is None:
            self._allowance = Allowance(per_s, self._heard_at)
        return not per_s or self._allowance.spend(per_s, self._heard_at)

    def _message_received(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._ws.fail(StandardCode.INVALID_DATA, "expected UTF-8")
            return
        try:
            message = orjson.loads(text)
            kind = message["type"]
            if kind == "auth":
                self._renew(message["token"])
            elif kind == "ack":
                self._acknowledge(message["cursor"])
            else:
                raise ApiError("BAD_REQUEST", f"expected a message of type auth or ack, got {str(kind)[:40]!r}")
        except ApiError as refusal:
            self.write(error_message(refusal.code, str(refusal)))
        except (orjson.JSONDecodeError, KeyError, TypeError):
            expected = 'expected a JSON object like {"type":"auth","token":"…"}'
            self.write(error_message("INVALID_JSON", expected))

    def _acknowledge(self, cursor: object) -> None:
        if self._permit is not None:
            self._realtime.acknowledge_soon(self._permit.session.user_id, cursor, self._refused)

    def _renew(self, token: str) -> None:
        if self._permit is not None:
            self._realtime.renew_soon(self._permit, token, self._refused)

    def _refused(self, refusal: ApiError) -> None:
        if self._permit is not None and self._greeted:
            self.write(error_message(refusal.code, str(refusal)))

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()  # RFC 6455: the server closes first
                self.abort_soon()
        if self._ws.close_expected():
            self.release()
