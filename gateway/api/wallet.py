"""The wallet over HTTP: what the user has, and every movement that led there. Also the catalogue: what it buys."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import page_limit_of, services_of, session_of
from gateway.api.responses import JsonResponse
from gateway.errors import ApiError
from wallet_db.orders import list_operations, read_catalogue, read_wallet


async def show(request: Request) -> Response:
    """`GET /api/wallet`: balance, frozen, available."""
    session = await session_of(request)
    services = services_of(request)
    wallet = await read_wallet(services.pool, session.user_id)
    if wallet is None:
        services.users.forget(session.user_id)
        raise ApiError("UNKNOWN_USER", "this user is gone")
    return JsonResponse(wallet)


async def operations(request: Request) -> Response:
    """`GET /api/wallet/operations?limit=&before=`: newest first; `next` is the `before` of the next page."""
    session = await session_of(request)
    limit = page_limit_of(request)
    before = request.query_params.get("before")
    if before is not None and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise ApiError("BAD_REQUEST", f"before: expected an operation's number, got {before[:20]!r}")
    found = await list_operations(
        services_of(request).pool, session.user_id, limit=limit, before=int(before) if before else None
    )
    return JsonResponse({"operations": found, "next": found[-1]["number"] if len(found) == limit else None})


async def catalogue(request: Request) -> Response:
    """`GET /api/services`: what is sold, where, and for how much. No token needed."""
    return JsonResponse(await read_catalogue(services_of(request).pool))


ROUTES = [
    Route("/api/wallet", show, methods=["GET"]),
    Route("/api/wallet/operations", operations, methods=["GET"]),
    Route("/api/services", catalogue, methods=["GET"]),
]
