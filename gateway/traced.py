"""Traces of requests, around the application. The realtime transports are left out: a stream is no request."""

import re
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.request_ids import SCOPE
from wallet_db.tracing import ORDER_ID, is_tracing, request_span

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
        with request_span(f"{scope['method']} {_ID.sub('{id}', path)}", about, headers) as span:
            _note_order(span, path)

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    for name, value in message["headers"]:
                        if name.lower() == b"location":  # of an order just made
                            _note_order(span, value.decode("latin-1"))
                await send(message)

            await self._app(scope, receive, send_and_note)
            if (request_id := scope.get(SCOPE)) is not None:
                span.set_attribute("onesms.request_id", request_id)


def _note_order(span: Any, path: str) -> None:
    if (found := _ORDER.search(path)) is not None:
        span.set_attribute(ORDER_ID, found[1])
