"""The application: its operations, the page's files, and what is around them all."""

import posixpath
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from gateway.api import (
    activations,
    admin,
    cards,
    demo,
    document,
    health,
    metrics,
    receipts,
    rentals,
    served,
    streams,
    tokens,
    wallet,
    webhooks,
)
from gateway.api.limited import Limits
from gateway.api.openapi import document as write_document
from gateway.api.operation import Operation
from gateway.api.responses import EXCEPTION_HANDLERS
from gateway.cors import Cors, origins_of
from gateway.headers import AnswerHeaders
from gateway.services import Services
from gateway.timed import timing

STATIC = Path(__file__).resolve().parent.parent / "static"

OPERATIONS: tuple[Operation, ...] = (
    *activations.OPERATIONS,
    *served.OPERATIONS,
    *rentals.OPERATIONS,
    *wallet.OPERATIONS,
    *streams.OPERATIONS,
    *receipts.OPERATIONS,
    *tokens.OPERATIONS,
    *admin.OPERATIONS,
    *cards.OPERATIONS,  # before `webhooks`, whose path would match its webhook's
    *webhooks.OPERATIONS,
    *document.OPERATIONS,
    *health.OPERATIONS,
    *metrics.OPERATIONS,
)
"""Everything that is served, but the page's files."""
DEMO_OPERATIONS: tuple[Operation, ...] = demo.OPERATIONS
"""With DEMO=1 only."""


SERVED = frozenset({".html", ".css", ".js", ".svg"})
"""By suffix; a directory's own page has none."""


class Page(StaticFiles):
    """The page's files, each by its one address. Other methods than reading meet nothing here.

    So nothing is redirected, for an address that is made of the Host header may be anybody's.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or HTTPException 404."""
        asked: str = scope["path"]
        suffix = PurePosixPath(asked).suffix
        is_directory = not suffix and asked.endswith("/")
        is_plain = asked in (plain := posixpath.normpath(asked), f"{plain}/" if is_directory else plain)
        is_ours = is_plain and not asked.startswith(("//", "/tests/"))
        if scope["method"] not in ("GET", "HEAD") or not is_ours or not (is_directory or suffix in SERVED):
            raise HTTPException(404)
        return await super().get_response(path, scope)


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """One route for each path, so that a 405 names all that the path serves."""
    by_path: dict[str, dict[str, Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = each
    return [_route(path, by_method) for path, by_method in by_path.items()]


def _route(path: str, by_method: dict[str, Operation]) -> Route:
    for each in by_method.values():
        if each.endpoint is not None:
            return Route(path, each.endpoint, methods=[each.method])

    async def serve(request: Request) -> Response:
        asked = by_method["GET" if request.method == "HEAD" else request.method]
        with timing(asked.name):
            return await asked.serve(request)

    return Route(path, serve, methods=list(by_method))


def create_app(services: Services) -> ASGIApp:
    """The ASGI application over services that run already."""
    operations = (*OPERATIONS, *(DEMO_OPERATIONS if services.settings.demo else ()))
    state = {
        "services": services,
        "realtime": services.realtime,
        "limits": Limits(services.settings),
        "document": orjson.dumps(write_document(operations)),
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield state

    # Routes are tried one after the other, and polls are by far the most that comes.
    routes = routes_of((*streams.OPERATIONS, *operations))
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan)
    # What no route serves is a file of the page. Not mounted at "/": that would match before a route's own 405 does.
    app.router.redirect_slashes = False
    app.router.default = Page(directory=STATIC, html=True)
    # Both around everything, so that a page of another site can read what went wrong, and a preflight is guarded, too.
    return AnswerHeaders(Cors(app, origins_of(services.settings.cors_origins)))
