"""Traces of requests, around the application. The realtime transports are left out: a stream is no request.

A request that makes or changes an order is part of the order's trace; one that reads it has a trace of its own.
"""

import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.request_ids import SCOPE
from wallet_db.tracing import ORDER_ID, Request, is_tracing

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(_UUID)
_ORDER = re.compile(rf"/api/(?:activations|rentals)/({_UUID})")


def traced(app: ASGIApp) -> ASGIApp:
    """The application with a span around each request, or itself if nobody traces."""
    return _Traced(app) if is_tracing() else app


class _Traced:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it, seen."""
        if scope["type"] != "http" or scope["path"].startswith("/realtime/"):
            await self._app(scope, receive, send)
            return
        path = scope["path"][:200]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        about = {"http.request.method": scope["method"], "url.path": path}
        with Request(f"{scope['method']} {_ID.sub('{id}', path)}", about, headers) as request:
            if (found := _ORDER.search(path)) is None:
                pass
            elif scope["method"] in READING:
                request.attributes[ORDER_ID] = found[1]
            else:
                request.order_id = found[1]

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_answer(request, message)
                await send(message)

            try:
                await self._app(scope, receive, send_and_note)
            finally:
                if (request_id := scope.get(SCOPE)) is not None:
                    request.attributes["onesms.request_id"] = request_id


def _note_answer(request: Request, answer: Message) -> None:
    request.attributes["http.response.status_code"] = answer["status"]
    headers: dict[bytes, Any] = {name.lower(): value for name, value in answer["headers"]}
    if (found := _ORDER.search(headers.get(b"location", b"").decode("latin-1"))) is not None:
        request.order_id = found[1]
        request.has_made = b"idempotent-replay" not in headers
