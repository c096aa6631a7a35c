"""HTTP by uvicorn and httptools, with the bounds they lack: on headers, on requests that wait for their turn, and on
the time a request takes to come.

A connection that sends nothing, or a request without end, is refused and closed; whoever it is has shown no token yet.
What is not HTTP is answered in the one shape of all errors. Bodies are the application's to bound.

One request at a time is answered. Those sent ahead wait, and meanwhile nothing more is read. Too many of them get no
error: the last that is kept is answered with `connection: close`, and the client repeats the rest on another connection
(RFC 9112 section 9.3.2). Whatever it still sends, it has time to read that (`lingering`).

Who ends, ends without circles: a request knows its connection, and the connection forgets its requests when it is lost
or another protocol's. So reference counts free both.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import httptools
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.cors import headers_of_answer, origins_of
from gateway.errors import ApiError
from gateway.lingering import Lingering
from gateway.pipeline import Flow, Pipeline
from gateway.refused import refusal
from gateway.request_ids import SCOPE

HEADERS_BYTES_MAX = 65_536
"""Of a request's address, headers and trailers, as RFC 7541 section 4.1 counts them: an entry costs 32 bytes more."""
HEADER_OVERHEAD_BYTES = 32
SLICE_BYTES = 16_384
"""Parsed at a time, and so the most that goes uncounted; a read may be sixteen times that."""

HANDOVER = "onesms.handover"
"""The ASGI extension's name."""
NOBODY_WAITS = asyncio.Event()
"""In place of a parked request's own, whose application has returned: most of a kilobyte."""
ANSWERED_BY = ("type", "http_version", "method", "path", "headers", SCOPE)
"""What of a request's scope is needed to answer it."""


class Parked(Protocol):
    """Who is told what becomes of the connection of a parked request."""

    def due(self) -> None:
        """Another request comes behind it: it is to be answered soon."""

    def gone(self) -> None:
        """The client has left."""


@dataclass(frozen=True, slots=True)
class Handover:
    """An application that has sent the head of its answer may leave the connection to a protocol of its own.

    It may also leave its request unanswered for a while. Both are for the request that is being answered.
    """

    _protocol: "HttpProtocol"

    @property
    def connections(self) -> set[Any]:
        """uvicorn's: what is in here it asks to shut down at the end."""
        connections: set[Any] = self._protocol.connections
        return connections

    def to(self, successor: asyncio.Protocol) -> bool | None:
        """Let the connection be the successor's; the application returns without a body, and is not asked for one.

        Whether the body has to be sent in chunks; None: the client is gone.
        """
        protocol = self._protocol
        cycle, transport, flow = protocol.answering, protocol.transport, protocol.flow
        if cycle is None:
            return None
        cycle.disconnected = True  # uvicorn asks nothing of an application whose client is gone, and it may be that
        if not protocol.is_there:
            return None
        protocol.leave()
        transport.set_protocol(successor)
        successor.connection_made(transport)
        if flow.write_paused:
            successor.pause_writing()
        return bool(cycle.chunked_encoding)

    def park(self, parked: Parked) -> bool:
        """Let the application return without an answer, which follows after `resume`: a request that waits has no task.

        False if it is to be answered now: the client is gone, or has sent more than this request, or not all of it.
        Nobody could tell whether such a client leaves, once nothing is read of it because of what it sends ahead.
        """
        protocol, cycle = self._protocol, self._protocol.answering
        if cycle is None or not protocol.is_there or cycle.more_body or protocol.scope is not cycle.scope:
            return False
        cycle.disconnected = True  # as in `to`
        scope: Any = cycle.scope
        headers = scope["headers"]  # a kilobyte, with the token; what CORS asks for stays
        headers[:] = [header for header in headers if header[0] == b"origin"]
        kept = {name: scope[name] for name in ANSWERED_BY if name in scope}
        scope.clear()  # another kilobyte: the address, and what the application found on its way
        scope.update(kept)
        protocol.parser = None  # type: ignore[assignment]  # another kilobyte
        cycle.message_event = NOBODY_WAITS
        protocol.parked = parked
        return True

    def resume(self) -> bool:
        """The parked request is answered now, by the `send` its application was given; False: the client is gone."""
        protocol, cycle = self._protocol, self._protocol.answering
        if cycle is None:
            return False
        protocol.parked = None
        if not protocol.is_there:
            return False
        cycle.disconnected = False
        cycle.on_response = protocol.on_response_complete  # which uvicorn took from it when the application returned
        return True


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    # uvicorn's own attributes are 28. Up to 30 share their names among all instances, which is a kilobyte for each.
    __slots__ = (
        "_deadline",
        "_fault",
        "_kept_bytes",
        "_request_s",
        "_unreported_bytes",
        "answering",
        "parked",
        "pipeline",
        "url",
    )
    pipeline: Pipeline  # type: ignore[assignment]  # typed as a deque

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.url, self.headers = b"", []  # uvicorn has none before the first request
        self.pipeline = Pipeline()
        self._request_s: float = self.app_state["realtime"].settings.request_s
        self._kept_bytes = 0
        """What the headers of this request cost so far."""
        self._unreported_bytes = 0
        """What the parser took since it last told us something: a part of a header it keeps, or padding."""
        self._fault: ApiError | None = None
        """Why parsing was stopped, if not by the parser."""
        self._deadline: asyncio.TimerHandle | None = None
        self.answering: RequestResponseCycle | None = None
        """The request whose turn it is, or was last; `cycle`, uvicorn's, is the newest."""
        self.parked: Parked | None = None
        """Who waits with its answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A request is awaited from now on."""
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        parked, answering = self.parked, self.answering
        super().connection_lost(exc)
        if answering is not None:  # uvicorn tells the newest only
            answering.disconnected = True
            answering.message_event.set()
        self._forget()
        if parked is not None:
            parked.gone()

    @property
    def is_there(self) -> bool:
        """The client waits for the answer that is under way, on a connection that is still HTTP's."""
        return self.answering is not None and not self.transport.is_closing()

    @property
    def _has_the_last(self) -> bool:
        """The last request of the connection has come whole; what follows is not taken (RFC 9112 section 9.6)."""
        return self.cycle is not None and not self.cycle.keep_alive and not self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        """Parse, unless too much has come that is no body."""
        if self._deadline is None and self.cycle is not None and self.cycle.response_complete:
            self._await_request()  # uvicorn's own timer ends with the first byte, be that a blank line
        parser: object = self.parser
        if parser is None:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        for at in range(0, len(data), SLICE_BYTES):
            if self._has_the_last:
                break
            part = data[at : at + SLICE_BYTES]
            self._unreported_bytes += len(part)
            super().data_received(part)
            if self._kept_bytes + self._unreported_bytes > HEADERS_BYTES_MAX:
                self._refuse(_too_large())
            if self.is_closing():
                break

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if self._has_the_last:
            raise EOFError  # stops the parser
        super().on_message_begin()
        self._kept_bytes = self._unreported_bytes = 0
        self._await_request()
        if self.parked is not None:
            self.parked.due()

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
        # uvicorn types extensions as the standard's, which are dicts.
        self.scope["extensions"] = {HANDOVER: Handover(self)}  # type: ignore[dict-item]
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = self  # type: ignore[assignment]  # see `close`
        if self.pipeline and self.pipeline.is_full:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._unreported_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is the application's business."""
        self._kept_bytes = self._unreported_bytes = 0
        self._stop_waiting()
        super().on_message_complete()
        if self.cycle is not None:
            self.cycle.more_body = False  # uvicorn does not note it of one that is answered already

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
        """A request is answered, and the next that waits begins; what is missing of it has all the time there is."""
        if self.answering is None:
            return  # that was the last
        waited = bool(self.pipeline)
        super().on_response_complete()
        if waited and not self.transport.is_closing():
            self.flow.resume_reading()  # if none waits any more
            if self._deadline is not None:
                self._await_request()

    def write(self, data: bytes) -> None:
        """Of an answer. With `is_closing` and `close` it is all that uvicorn asks of an answer's transport."""
        self.transport.write(data)

    def is_closing(self) -> bool:
        """Whether what is written comes to nothing."""
        return self.transport.is_closing() or self.transport.get_protocol() is not self

    def close(self) -> None:
        """The last answer is written: the client has time to read it, whatever it sends."""
        if self.is_closing():
            return
        for cycle in (self.cycle, self.answering):
            if cycle is not None:  # an application that awaits the body is told
                cycle.disconnected = True
                cycle.message_event.set()
        self.flow.resume_writing()  # and one that waits to write, for nobody tells us any more that it may
        transport = self.transport
        self._unset_keepalive_if_required()
        self.leave()
        Lingering(transport)

    def leave(self) -> None:
        """The connection becomes another's, in the middle of an answer: nothing of this one is to outlive it."""
        self.connections.discard(self)
        flow = self.flow
        self._forget()
        flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP, or we have stopped the parser."""
        if not self._has_the_last:
            self._refuse(self._fault or ApiError("BAD_REQUEST", "expected an HTTP request"))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, _until_close(cycle, app) if cycle.scope["http_version"] == "1.0" else app)

    def _forget(self) -> None:  # circles, which would wait for the collector
        self._stop_waiting()
        self.pipeline.clear()
        self.answering = self.parked = None
        self.parser = self.cycle = self.scope = None  # type: ignore[assignment]

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
        if self.flow.read_paused:
            self._await_request()  # it is we who do not read on
        else:
            self._refuse(ApiError("REQUEST_TIMEOUT", f"expected a whole request within {self._request_s:g} s"))

    def _refuse(self, error: ApiError) -> None:
        self._stop_waiting()
        if self.is_closing():
            return
        if self._may_answer():
            self.write(refusal(error, self.headers, self._cors()))
            self.close()
        else:
            self.transport.close()

    def _cors(self) -> dict[str, str]:
        """For a page of another site, as far as what has come of the request tells."""
        origins = origins_of(self.app_state["realtime"].settings.cors_origins)
        origin = next((value.decode("latin-1") for name, value in self.headers if name == b"origin"), None)
        return headers_of_answer(origins, self.url.decode("latin-1"), origin)

    def _may_answer(self) -> bool:
        """Whether something was asked that has no answer yet, and none under way that ours would land in."""
        if self.cycle is not None and (self.cycle.more_body or not self.cycle.response_complete):
            return self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        # Not if nothing came at all: browsers connect before they know what to ask for.
        return self._unreported_bytes > 0 or self.scope is not None


def _until_close(cycle: RequestResponseCycle, app: ASGIApp) -> Any:
    """Let the connection's end be the answer's: HTTP/1.0 knows no chunks (RFC 9112 section 6.1), uvicorn sends them."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_plain(message: Message) -> None:
            cycle.chunked_encoding = False
            cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return answer


def _too_large() -> ApiError:
    return ApiError("HEADERS_TOO_LARGE", f"expected at most {HEADERS_BYTES_MAX} bytes of headers")
