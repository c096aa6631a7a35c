"""The application: routes, realtime endpoints, the page, and the few headers every answer carries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api import activations, demo, health, metrics, receipts, rentals, served, tokens, wallet, webhooks
from gateway.api.responses import EXCEPTION_HANDLERS, JsonResponse
from gateway.cors import Cors, origins_of
from gateway.errors import ApiError
from gateway.realtime import websocket
from gateway.realtime.poll import PollEndpoint
from gateway.realtime.sse import SseEndpoint
from gateway.services import Services

STATIC = Path(__file__).resolve().parent.parent / "static"

HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",  # an address may hold a token
    "x-content-type-options": "nosniff",
}


class DefaultHeaders:
    """Adds headers to every answer that does not set them. Plain ASGI: it keeps nothing while a stream is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # The page's files carry an ETag: ask each time, transfer on change.
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class Page(StaticFiles):
    """The page's files. Other methods than reading meet nothing here."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or HTTPException 404."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        return await super().get_response(path, scope)


async def _not_a_websocket(request: Request) -> Response:
    """An upgrade never comes here: uvicorn hands its connection to the WebSocket protocol."""
    error = ApiError("UPGRADE_REQUIRED", f"{websocket.PATH} speaks WebSocket: expected an upgrade")
    return JsonResponse(error.body, error.status, {"upgrade": "websocket", "connection": "upgrade"})


def create_app(services: Services) -> ASGIApp:
    """The ASGI application over services that run already."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"services": services, "realtime": services.realtime}

    app = Starlette(
        routes=[
            *health.ROUTES,
            *metrics.ROUTES,
            *wallet.ROUTES,
            *activations.ROUTES,
            *served.ROUTES,
            *rentals.ROUTES,
            *receipts.ROUTES,
            *tokens.ROUTES,
            *webhooks.ROUTES,
            *(demo.routes(services.demo_pool) if services.demo_pool is not None else []),
            Route("/realtime/sse", SseEndpoint(), methods=["GET"]),
            Route("/realtime/poll", PollEndpoint(), methods=["GET"]),
            Route(websocket.PATH, _not_a_websocket, methods=["GET"]),
        ],
        middleware=[Middleware(DefaultHeaders)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    # What no route serves is a file of the page. Not mounted at "/": that would match before a route's own 405 does.
    app.router.redirect_slashes = False
    app.router.default = Page(directory=STATIC, html=True)
    # Around everything, so that a page of another site can read what went wrong as well.
    return Cors(app, origins_of(services.settings.cors_origins))
