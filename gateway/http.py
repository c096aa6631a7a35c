"""HTTP by uvicorn and httptools, with the bounds they lack: on headers, and on the time a request takes to come.

A connection that sends nothing, or a request without end, is refused and closed; whoever it is has shown no token yet.
What is not HTTP is answered in the one shape of all errors. Bodies are the application's to bound.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.cors import headers_of_answer, origins_of
from gateway.errors import ApiError
from gateway.headers import HEADERS
from gateway.refused import note_refusal
from gateway.request_ids import SCOPE, request_id_of

HEADERS_BYTES_MAX = 65_536
"""Of a request's address, headers and trailers, as RFC 7541 section 4.1 counts them: an entry costs 32 bytes more."""
HEADER_OVERHEAD_BYTES = 32
SLICE_BYTES = 16_384
"""Parsed at a time, and so the most that goes uncounted; a read may be sixteen times that."""


HANDOVER = "onesms.handover"
"""The ASGI extension's name."""
NOBODY_WAITS = asyncio.Event()
"""In place of a parked request's own, whose application has returned: most of a kilobyte."""
ANSWERED_BY = ("type", "http_version", "method", "path", "headers", "extensions", SCOPE)
"""What of a request's scope is needed to answer it."""


@dataclass(frozen=True, slots=True)
class Handover:
    """An application that has sent the head of its answer may leave the connection to a protocol of its own."""

    _protocol: "HttpProtocol"
    _cycle: RequestResponseCycle

    @property
    def connections(self) -> set[Any]:
        """uvicorn's: what is in here it asks to shut down at the end."""
        connections: set[Any] = self._protocol.connections
        return connections

    def to(self, successor: asyncio.Protocol) -> bool | None:
        """Let the connection be the successor's; the application returns without a body, and is not asked for one.

        Whether the body has to be sent in chunks; None: the client is gone.
        """
        cycle, transport = self._cycle, self._protocol.transport
        is_there = self._is_there()
        cycle.disconnected = True  # uvicorn asks nothing of an application whose client is gone, and it may be that
        if not is_there:
            return None
        cycle.scope.pop("extensions", None)
        self._protocol.leave()
        transport.set_protocol(successor)
        successor.connection_made(transport)
        if self._protocol.flow.write_paused:
            successor.pause_writing()
        return bool(cycle.chunked_encoding)

    def park(self, gone: Callable[[], None]) -> bool:
        """Let the application return without an answer, which follows after `resume`; False: the client is gone.

        So a request that waits keeps no task. `gone` is called if the client leaves meanwhile.
        """
        if not self._is_there():
            return False
        self._cycle.disconnected = True  # as in `to`
        scope: Any = self._cycle.scope
        headers = scope["headers"]  # a kilobyte, with the token; what CORS asks for stays
        headers[:] = [header for header in headers if header[0] == b"origin"]
        kept = {name: scope[name] for name in ANSWERED_BY if name in scope}
        scope.clear()  # another kilobyte: the address, and what the application found on its way
        scope.update(kept)
        if self._protocol.scope is self._cycle.scope and not self._cycle.more_body:  # and nothing of the next has come
            self._protocol.parser = None  # type: ignore[assignment]  # another kilobyte
            self._cycle.message_event = NOBODY_WAITS
        self._protocol.parked = gone
        return True

    def resume(self) -> bool:
        """The parked request is answered now, by the `send` its application was given; False: the client is gone."""
        self._protocol.parked = None
        self._cycle.disconnected = False
        if not self._is_there():
            self._cycle.disconnected = True
            return False
        cycle, protocol = self._cycle, self._protocol

        def answered() -> None:
            cycle.on_response = _nothing  # circles, as in `leave`
            cycle.scope.pop("extensions", None)
            protocol.on_response_complete()

        cycle.on_response = answered
        return True

    def _is_there(self) -> bool:
        """The client waits for this answer, on a connection that is still HTTP's."""
        transport = self._protocol.transport
        return (
            not self._cycle.disconnected and not transport.is_closing() and transport.get_protocol() is self._protocol
        )


class Pipeline(list[Any]):
    """Requests that came before their turn: hardly ever any, and an empty deque is most of a kilobyte."""

    def appendleft(self, request: Any) -> None:
        """As a deque's."""
        self.insert(0, request)


class Flow(FlowControl):
    """uvicorn's, with an event only while the kernel takes no more: one is most of a kilobyte."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._writable: asyncio.Event | None = None

    async def drain(self) -> None:
        """Until it takes more."""
        if self._writable is not None:
            await self._writable.wait()

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        if not self.write_paused:
            self.write_paused = True
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """It does again."""
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
            self._writable = None


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    # uvicorn's own attributes are 28. Up to 30 share their names among all instances, which is a kilobyte for each.
    __slots__ = ("_deadline", "_fault", "_kept_bytes", "_request_s", "_unreported_bytes", "parked", "pipeline", "url")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.url, self.headers = b"", []  # uvicorn has none before the first request
        self.pipeline = Pipeline()  # type: ignore[assignment]  # typed as a deque
        self._request_s: float = self.app_state["realtime"].settings.request_s
        self._kept_bytes = 0
        """What the headers of this request cost so far."""
        self._unreported_bytes = 0
        """What the parser took since it last told us something: a part of a header it keeps, or padding."""
        self._fault: ApiError | None = None
        """Why parsing was stopped, if not by the parser."""
        self._deadline: asyncio.TimerHandle | None = None
        self.parked: Callable[[], None] | None = None
        """Who is to be told if the client of a parked request leaves."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A request is awaited from now on."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop_waiting()
        super().connection_lost(exc)
        gone, self.parked = self.parked, None
        if gone is not None:
            gone()
            self.cycle.scope.pop("extensions", None)
            self.cycle = None  # type: ignore[assignment]  # see `leave`

    def data_received(self, data: bytes) -> None:
        """Parse, unless too much has come that is no body."""
        if self._deadline is None and self.cycle is not None and self.cycle.response_complete:
            self._await_request()  # uvicorn's own timer ends with the first byte, be that a blank line
        parser: object = self.parser
        if parser is None:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        for at in range(0, len(data), SLICE_BYTES):
            part = data[at : at + SLICE_BYTES]
            self._unreported_bytes += len(part)
            super().data_received(part)
            if self._kept_bytes + self._unreported_bytes > HEADERS_BYTES_MAX:
                self._refuse(_too_large())
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                break

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._kept_bytes = self._unreported_bytes = 0
        self._await_request()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._keep(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after a chunked body a trailer."""
        self._keep(len(name) + len(value) + HEADER_OVERHEAD_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application is called, or will be when the requests before this one are answered."""
        self._check_head()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            # uvicorn types extensions as the standard's, which are dicts.
            self.scope["extensions"] = {HANDOVER: Handover(self, self.cycle)}  # type: ignore[dict-item]
            if self.scope["http_version"] == "1.0":
                _answer_until_close(self.cycle)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unreported_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is the application's business."""
        self._kept_bytes = self._unreported_bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection becomes another protocol's, unless an answer is still due on it."""
        self._stop_waiting()
        if self.pipeline or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.close()
            return
        transport, flow, scope = self.transport, self.flow, self.scope
        target, method, version, headers = self.url, scope["method"], scope["http_version"], scope["headers"]
        make: Any = self.ws_protocol_class
        successor = make(self.config, self.server_state, self.app_state)
        self.leave()
        transport.set_protocol(successor)
        successor.connection_made(transport)
        if flow.write_paused:
            successor.pause_writing()
        successor.upgrade(method, target, version, headers)

    def on_response_complete(self) -> None:
        """A request is answered; not the newest, if others came meanwhile."""
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle.scope.pop("extensions", None)  # its handover knows us: a circle, as in `leave`
        super().on_response_complete()

    def leave(self) -> None:
        """The connection becomes another's, in the middle of an answer: nothing of this one is to outlive it."""
        self._stop_waiting()
        self.connections.discard(self)
        self.flow.resume_reading()
        self.pipeline.clear()
        self.parser = self.cycle = None  # type: ignore[assignment]  # circles, which would wait for the collector

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP, or we have stopped the parser."""
        self._refuse(self._fault or ApiError("BAD_REQUEST", "expected an HTTP request"))

    def _keep(self, size: int) -> None:
        self._unreported_bytes = 0
        self._kept_bytes += size
        if self._kept_bytes > HEADERS_BYTES_MAX:
            self._fault = _too_large()
            raise self._fault  # stops the parser before the head is whole and the application called

    def _check_head(self) -> None:
        """HTTP of a kind that we speak, for one host (RFC 9112 section 3.2): else a proxy may understand another."""
        version = self.parser.get_http_version()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if version not in ("1.0", "1.1") or hosts > 1 or (version == "1.1" and not hosts):
            self._fault = ApiError("BAD_REQUEST", "expected HTTP/1.1 with one Host, or HTTP/1.0")
            raise self._fault  # as in `_keep`

    def _await_request(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self._request_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.pipeline or self.parked is not None:
            self._await_request()  # it is we who do not read on, until the request before it is answered
        else:
            self._refuse(ApiError("REQUEST_TIMEOUT", f"expected a whole request within {self._request_s:g} s"))

    def _refuse(self, error: ApiError) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._may_answer():
            note_refusal(error)
            request_id = request_id_of(self.headers)
            body = orjson.dumps({**error.body, "request_id": request_id})
            headers = {
                "content-type": "application/json",
                "content-length": str(len(body)),
                "cache-control": "no-store",
                "connection": "close",
                "x-request-id": request_id,
                **HEADERS,
                **self._cors(),
            }
            lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            if self.cycle is not None:
                self.cycle.disconnected = True  # the application, which may await the body, is not to answer too
        self.transport.close()

    def _cors(self) -> dict[str, str]:
        """For a page of another site, as far as what has come of the request tells."""
        origins = origins_of(self.app_state["realtime"].settings.cors_origins)
        origin = next((value.decode("latin-1") for name, value in self.headers if name == b"origin"), None)
        return headers_of_answer(origins, self.url.decode("latin-1"), origin)

    def _may_answer(self) -> bool:
        """Whether something was asked that has no answer yet, and none under way that ours would land in."""
        if self.cycle is None or self.cycle.response_complete:
            # Not if nothing came at all: browsers connect before they know what to ask for.
            return self._unreported_bytes > 0 or self.scope is not None
        return self.cycle.more_body and not self.cycle.response_started and not self.pipeline


def _nothing() -> None:
    pass


def _answer_until_close(cycle: RequestResponseCycle) -> None:
    """Let the connection's end be the answer's: HTTP/1.0 knows no chunks (RFC 9112 section 6.1), uvicorn sends them."""
    send = cycle.send

    async def send_plain(message: Any) -> None:
        cycle.chunked_encoding = False
        cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    cycle.send = send_plain  # type: ignore[method-assign]  # it is made within uvicorn, where it cannot be another's


def _too_large() -> ApiError:
    return ApiError("HEADERS_TOO_LARGE", f"expected at most {HEADERS_BYTES_MAX} bytes of headers")
