"""The headers every answer carries, and the request's id among them. Plain ASGI, around the whole application.

Around it, so that the answer to an unforeseen fault carries them as well. An answer's own headers win. The endpoints of
the transports get the fixed headers only: nothing is kept for a stream that is open or a poll that waits.
"""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.request_ids import SCOPE, request_id_of

HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",  # an address may hold a token
    "x-content-type-options": "nosniff",
}
TRANSPORTS = ("/realtime/sse", "/realtime/poll")
FURTHER = "onesms.headers"
"""Where an operation leaves headers for its answer, whatever that will be, in the ASGI scope: a dict."""


class AnswerHeaders:
    """Adds headers to every answer that does not set them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in TRANSPORTS:
            await self._app(scope, receive, _adding(HEADERS, send))
        else:
            request_id = scope[SCOPE] = request_id_of(scope["headers"])
            further = scope[FURTHER] = {**HEADERS, "x-request-id": request_id}
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, _adding(further, send))


def _adding(further: dict[str, str], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in further.items():
                headers.setdefault(name, value)
            # The page's files carry an ETag: ask each time, transfer on change.
            headers.setdefault("cache-control", "no-cache")
        await send(message)

    return send_with_headers
