"""WebSocket as a uvicorn protocol class of our own, over websockets' sans-I/O `ServerProtocol` (RFC 6455).

uvicorn hands the upgraded TCP connection over; from there bytes go straight between socket and protocol. Outgoing
events are frames made once for all connections and written by the hub's call: no task, queue or ASGI message belongs
to a connection. Text messages only; a client that reads too slowly is closed and resumes by its cursor.
"""

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.auth import Session, credentials_of
from gateway.errors import ApiError
from gateway.realtime.close_codes import (
    BY_ERROR_CODE,
    SERVICE_RESTART,
    SILENT,
    SLOW_CONSUMER,
    STREAM_RESET,
    CloseCode,
)
from gateway.realtime.messages import HEARTBEAT, Message, error_message
from gateway.realtime.realtime import Realtime
from notifier.hub import Subscription

log = structlog.get_logger()

PATH = "/realtime/ws"
CLOSE_TIMEOUT_S = 5.0
INTERNAL_ERROR = CloseCode(1011, "internal_error", "reconnect with the cursor")
PING = b"\x89\x00"


class WebSocketProtocol(asyncio.Protocol):
    """One connection, from the upgrade to the end."""

    __slots__ = (
        "_bucket",
        "_connections",
        "_drained",
        "_expiry",
        "_fragments",
        "_greeted",
        "_heard_at",
        "_loop",
        "_opening",
        "_realtime",
        "_session",
        "_subscription",
        "_transport",
        "_ws",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._realtime: Realtime = app_state["realtime"]
        # uvicorn asks each of these to shut down at the end.
        self._connections = server_state.connections
        self._loop = asyncio.get_running_loop()
        self._ws = ServerProtocol(max_size=self._realtime.settings.frame_bytes_max)
        self._transport: asyncio.Transport
        self._session: Session | None = None
        self._subscription: Subscription[Message] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._drained: asyncio.Event | None = None
        self._bucket: int | None = None
        self._fragments = b""
        self._greeted = False
        self._heard_at = 0.0

    # uvicorn and asyncio call these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection, already carrying an upgrade request."""
        if TYPE_CHECKING:
            assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)  # type: ignore[arg-type]  # uvicorn's type names its own protocols

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
        self._bound_backlog()  # answers pile up too, if only questions are sent

    def eof_received(self) -> None:
        """The client will send no more; the transport closes itself, once what was written has been taken."""
        self._ws.receive_eof()
        self._release()
        self._abort_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever brought it about."""
        self._release()
        self._connections.discard(self)
        if self._drained is not None:
            self._drained.set()

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._drained = asyncio.Event()

    def resume_writing(self) -> None:
        """It does again."""
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def shutdown(self) -> None:
        """uvicorn stops; by now `Realtime.leave` has told the client."""
        self.end(SERVICE_RESTART)

    # the hub and the heartbeats call these

    def ready(self, message: Message, *, resumed: bool) -> None:
        """The first message."""
        self._greeted = True
        self._transport.write(message.frame)

    def deliver(self, seq: int, message: Message) -> None:
        """An event: one write of bytes that are made already."""
        self._transport.write(message.frame)
        self._bound_backlog()

    async def drain(self) -> None:
        """Wait until the socket has taken what was written."""
        if self._drained is not None:
            await self._drained.wait()

    def reset(self) -> None:
        """History was rewritten, or no longer reaches the client's place."""
        self.end(STREAM_RESET)

    def beat(self, now: float) -> None:
        """A message the client's code sees, unless it awaits the first, and a ping its WebSocket answers by itself."""
        if now - self._heard_at > 2 * self._realtime.settings.heartbeat_s:
            self.end(SILENT)
        else:
            self._transport.write(HEARTBEAT.frame + PING if self._greeted else PING)

    def end(self, code: CloseCode) -> None:
        """Start the closing handshake; a client that does not answer it in time is cut off."""
        self._release()
        if self._ws.state is State.OPEN:
            self._ws.send_close(code.code, code.name)
            self._flush()
            self._abort_soon()
        elif self._ws.state is State.CONNECTING:
            self._transport.close()

    # our own

    def _bound_backlog(self) -> None:
        """End a client that reads too slowly. A replay is not judged: its pages are drained one by one."""
        if (
            self._drained is not None
            and self._opening is None
            and self._transport.get_write_buffer_size() > self._realtime.settings.buffer_bytes_max
        ):
            self.end(SLOW_CONSUMER)

    def _abort_soon(self) -> None:
        """A client that does its part of the closing, and reads what was written before, has done so by then."""
        self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

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
        # After the handshake, for a browser shows its code a close code but never an HTTP status.
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.raw_items()]
        try:
            self._session = self._realtime.authenticator.verify(credentials_of(headers, query.encode()))
        except ApiError as refusal:
            self.end(BY_ERROR_CODE[refusal.code])
            return
        self._expiry = self._realtime.expiry(self._session, self)
        self._bucket = self._realtime.register(self)
        cursor = parse_qs(query).get("cursor", [None])[0]
        self._opening = self._loop.create_task(self._open(self._session, cursor))

    async def _open(self, session: Session, cursor: str | None) -> None:
        try:
            self._subscription = await self._realtime.open(session, cursor, self)
            if self._ws.state is not State.OPEN:  # ended by what was replayed
                self._release()
        except Exception:
            log.exception("websocket could not be opened", user_id=str(session.user_id))
            self.end(INTERNAL_ERROR)
        finally:
            self._opening = None

    def _frame_received(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._release()
        elif self._ws.state is not State.OPEN:
            pass  # sent before the client knew of the end
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
            self._transport.write(error_message(refusal.code, str(refusal)).frame)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            expected = 'expected a JSON object like {"type":"auth","token":"…"}'
            self._transport.write(error_message("INVALID_JSON", expected).frame)

    def _acknowledge(self, cursor: object) -> None:
        def refused(refusal: ApiError) -> None:
            if self._subscription is not None:
                self._transport.write(error_message(refusal.code, str(refusal)).frame)

        if self._session is not None:
            self._realtime.acknowledge_soon(self._session.user_id, cursor, refused)

    def _renew(self, token: str) -> None:
        session = self._realtime.authenticator.session_of(token)
        if self._session is None or session.user_id != self._session.user_id:
            raise ApiError("TOKEN_INVALID", "expected a token of the same user")
        self._session = session
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = self._realtime.expiry(session, self)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()  # RFC 6455: the server closes first
                self._abort_soon()
        if self._ws.close_expected():
            self._release()

    def _release(self) -> None:
        """Let go of everything outside; idempotent."""
        if self._opening is not None and self._opening is not asyncio.current_task(self._loop):
            self._opening.cancel()
        if self._subscription is not None:
            self._subscription.detach()
            self._subscription = None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if self._bucket is not None:
            self._realtime.unregister(self._bucket, self)
            self._bucket = None
