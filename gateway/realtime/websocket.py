"""WebSocket on the socket itself, over websockets' sans-I/O protocol (RFC 6455): a uvicorn protocol class of our own.

uvicorn's HTTP parser has read the handshake's request; `upgrade` answers it, and from there bytes go straight between
socket and protocol. Outgoing events are frames made once for all connections and written by the hub's call: no task,
queue or ASGI message belongs to a connection (`live`). What comes in is parsed by websockets, whose parser is kept no
longer than a message is under way: most connections are silent most of the time. Text messages only.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.exceptions import PayloadTooBig
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as WebSocketParser
from websockets.protocol import Side, State
from websockets.server import ServerProtocol

from gateway.errors import ApiError
from gateway.headers import HEADERS
from gateway.query_names import STREAM_NAMES, refuse_unknown_names
from gateway.realtime.close_codes import (
    SERVICE_RESTART,
    SILENT,
    TOO_MANY_MESSAGES,
    CloseCode,
)
from gateway.realtime.counted import note_closed
from gateway.realtime.frames import take_frames
from gateway.realtime.limits import Allowance
from gateway.realtime.live import LiveProtocol
from gateway.realtime.messages import DEFLATE_WINDOW_BITS, HEARTBEAT, Message, error_message
from gateway.realtime.realtime import forwarded_for
from gateway.refused import note_refusal
from gateway.request_ids import request_id_of

PATH = "/realtime/ws"
PING = b"\x89\x00"
PONG, PONG_SIZE = b"\x8a\x80", 6
"""What an answer to it begins with; the mask follows, of nothing."""
REFUSALS = {405: "METHOD_NOT_ALLOWED", 426: "UPGRADE_REQUIRED"}
"""Error codes by the status that `websockets` gives a faulty handshake; 400 else."""
# Without context from message to message a frame is made once for all, and an idle connection keeps no compressor.
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=DEFLATE_WINDOW_BITS
)


class WebSocketProtocol(LiveProtocol):
    """One connection, from the upgrade to the end."""

    transport = "websocket"

    __slots__ = ("_allowance", "_deflates", "_extensions", "_fragments", "_heard_at", "_parser", "_pinged_at", "_rest")

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(app_state["realtime"], server_state.connections)
        self._parser: WebSocketParser | None = None
        """None: the connection is open, and no message under way."""
        self._rest = b""
        """The beginning of a frame."""
        self._extensions: Sequence[Extension] = ()
        self._deflates = False
        """The client takes compressed messages."""
        self._allowance: Allowance | None = None
        self._fragments = b""
        self._heard_at = 0.0
        self._pinged_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether more may be written."""
        return not self._lost and (self._parser is None or self._parser.state is State.OPEN)

    def upgrade(self, method: str, target: bytes, http_version: str, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Answer the request of the handshake, and bring the stream to live. Called once, before any data comes.

        headers: names in lower case.
        """
        self._heard_at = self._loop.time()
        fields = Headers((name.decode(), value.decode("latin-1")) for name, value in headers)
        request = Request(target.decode("latin-1"), fields, method, f"HTTP/{http_version}")
        handshake = ServerProtocol(extensions=[DEFLATE] if self._realtime.settings.ws_deflate else None)
        path, _, query = request.path.partition("?")
        if path != PATH:
            response = _refusal(handshake.reject(404, ""), ApiError("NOT_FOUND", "no WebSocket here"), headers)
        elif self._realtime.leaving:
            response = _refusal(handshake.reject(503, ""), ApiError("UNAVAILABLE", "leaving: try another"), headers)
        elif (refused := _refused_names(query)) is not None:
            response = _refusal(handshake.reject(refused.status, ""), refused, headers)
        else:
            response = handshake.accept(request)
            if response.status_code != 101:
                code = REFUSALS.get(response.status_code, "BAD_REQUEST")
                response = _refusal(response, ApiError(code, bytes(response.body).decode().strip()), headers)
        handshake.send_response(response)
        self._parser = handshake
        self._flush()
        if handshake.state is not State.OPEN:
            return
        self._extensions = handshake.extensions
        self._deflates = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits >= DEFLATE_WINDOW_BITS
            for extension in handshake.extensions
        )
        self._drop_parser()
        # After the handshake, for a browser shows its code a close code but never an HTTP status.
        self.begin(partial(self._admit, headers, query))

    # asyncio calls these

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever brought it about."""
        super().connection_lost(exc)
        self._drop_parser()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client: frames, or parts of them. However they are cut, they mean the same."""
        answers = self._heard_at < self._pinged_at
        self._heard_at = self._loop.time()
        if answers and self._parser is None and not self._rest and len(data) == PONG_SIZE and data.startswith(PONG):
            return  # nearly all that clients ever send, and says nothing: a parser for it costs more than an event
        data = self._rest + data
        frames, self._rest = [data], b""
        if self.is_open:
            frames, self._rest = take_frames(data, self._realtime.settings.frame_bytes_max)
        for each in frames:
            parser = self._parse()
            parser.receive_data(each)
            for frame in parser.events_received():
                if isinstance(frame, Frame):
                    self._frame_received(parser, frame)
        self._flush()
        self.bound_backlog()  # answers pile up too, if only questions are sent
        parser_now = self._parser
        if parser_now is not None and parser_now.state is State.OPEN and parser_now.current_size is None:
            self._drop_parser()

    def eof_received(self) -> None:
        """The client will send no more; the transport closes itself, once what was written has been taken."""
        self.release()
        self._lost = True
        self.abort_soon()

    # the contract's words, on this wire

    def write(self, message: Message) -> None:
        """A frame: the same bytes for everybody."""
        if not self._lost:
            self._transport.write(message.deflated_frame if self._deflates else message.frame)

    def beat(self, now: float) -> None:
        """A message the client's code sees, unless it awaits the first, and a ping its WebSocket answers by itself."""
        # Not a word since the ping before: it is dead, for one heartbeat at least and two at most.
        if self._heard_at < self._pinged_at:
            self.end(SILENT)
        else:
            self._pinged_at = now
            self._transport.write(HEARTBEAT.frame + PING if self._greeted else PING)

    def end(self, code: CloseCode) -> None:
        """Start the closing handshake; a client that does not answer it in time is cut off."""
        self.release()
        if self.is_open:
            note_closed(self.transport, code)
            self._parse().send_close(code.code, code.name)
            self._flush()
            self.abort_soon()

    # our own

    def _parse(self) -> WebSocketParser:
        if self._parser is None:
            self._parser = WebSocketParser(Side.SERVER, max_size=self._realtime.settings.frame_bytes_max)
            self._parser.extensions = list(self._extensions)
        return self._parser

    def _drop_parser(self) -> None:
        if self._parser is not None:
            self._parser.parser.close()  # a generator that holds it: a circle, which would wait for the collector
            self._parser = None

    async def _admit(self, headers: Sequence[tuple[bytes, bytes]], query: str) -> None:
        session = await self._realtime.admit(headers, query.encode())
        if self._realtime.leaving:
            self.end(SERVICE_RESTART)
            return
        peer = (self._transport.get_extra_info("peername") or ("",))[0]
        self.register(session, peer, forwarded_for(headers))
        await self.serve(session, parse_qs(query).get("cursor", [None])[0])

    def _frame_received(self, parser: WebSocketParser, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.release()
        elif parser.state is not State.OPEN:
            pass  # sent before the client knew of the end
        elif not self._may_send_more():
            self.end(TOO_MANY_MESSAGES)
        elif frame.opcode is Opcode.BINARY:
            parser.fail(StandardCode.UNSUPPORTED_DATA, "expected text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments += frame.data
            if len(self._fragments) > self._realtime.settings.frame_bytes_max:
                too_big = PayloadTooBig(len(self._fragments), self._realtime.settings.frame_bytes_max)
                parser.fail(StandardCode.MESSAGE_TOO_BIG, str(too_big))
            elif frame.fin:
                message, self._fragments = self._fragments, b""
                self._message_received(parser, message)

    def _may_send_more(self) -> bool:
        per_s = self._realtime.settings.frames_per_s_max
        if self._allowance is None:
            self._allowance = Allowance(per_s, self._heard_at)
        return not per_s or self._allowance.spend(per_s, self._heard_at)

    def _message_received(self, parser: WebSocketParser, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            parser.fail(StandardCode.INVALID_DATA, "expected UTF-8")
            return
        try:
            self._take(text)
        except ApiError as refusal:
            self.write(error_message(refusal.code, str(refusal)))

    def _take(self, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            raise ApiError("INVALID_JSON", 'expected a JSON object like {"type":"ack","cursor":"…"}')
        match message.get("type"):
            case "auth":
                self._renew(_text_of(message, "token"))
            case "ack":
                self._acknowledge(_text_of(message, "cursor"))
            case other:
                raise ApiError("BAD_REQUEST", f"type: expected auth or ack, got {_shown(other)}")

    def _acknowledge(self, cursor: str) -> None:
        if self._permit is not None:
            self._realtime.acknowledge_soon(self._permit, cursor, self._refused)

    def _renew(self, token: str) -> None:
        if self._permit is not None:
            self._realtime.renew_soon(self._permit, token, self._refused)

    def _refused(self, refusal: ApiError) -> None:
        if self._permit is not None and self._greeted:
            self.write(error_message(refusal.code, str(refusal)))

    def _flush(self) -> None:
        parser = self._parser
        if parser is None:
            return
        for data in parser.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()  # RFC 6455: the server closes first
                self.abort_soon()
        if parser.close_expected():
            self.release()


def _refused_names(query: str) -> ApiError | None:
    """What is misspelt in the address, before a ticket in it is used up."""
    try:
        refuse_unknown_names(query.encode("latin-1"), STREAM_NAMES)
    except ApiError as refused:
        return refused
    return None


def _refusal(response: Response, error: ApiError, headers: Sequence[tuple[bytes, bytes]]) -> Response:
    """The refusal of a handshake, in the one shape of all errors; RFC 6455 section 4.2.2 wants the version named."""
    note_refusal(error)
    request_id = request_id_of(headers)
    response.body = orjson.dumps({**error.body, "request_id": request_id})
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(response.body)),
        "Cache-Control": "no-store",
        "Sec-WebSocket-Version": "13",
        "X-Request-Id": request_id,
        **HEADERS,
    }.items():
        if name in response.headers:
            del response.headers[name]
        response.headers[name] = value
    return response


def _text_of(message: dict[str, Any], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str):
        raise ApiError("INVALID_ARGUMENT", f"{field}: expected a string, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()[:40]
