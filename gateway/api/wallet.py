"""The wallet over HTTP: what the user has, and every movement that led there. Also the catalogue: what it buys."""

import orjson
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.queries import OperationsQuery
from gateway.api.responses import ETAG, Answer, JsonResponse, shared_response
from gateway.api.shapes import Catalogue, Offers, Wallet, WalletOperations
from gateway.errors import ApiError
from wallet_db.orders import list_operations, read_catalogue, read_wallet


@operation("GET", "/api/wallet", tag="wallet", gives={200: Answer("The wallet.", Wallet)}, refuses=("UNKNOWN_USER",))
async def show(call: Call) -> Response:
    """What the user has."""
    session, services = call.session, call.services
    wallet = await read_wallet(services.pool, session.user_id)
    if wallet is None:
        services.users.forget(session.user_id)
        raise ApiError("UNKNOWN_USER", "this user is gone")
    return JsonResponse(wallet)


@operation("GET", "/api/wallet/operations", tag="wallet", gives={200: Answer("A page.", WalletOperations)})
async def operations(call: Call, query: OperationsQuery) -> Response:
    """Every movement of the user's money, newest first."""
    found = await list_operations(
        call.services.pool,
        call.session.user_id,
        limit=query.limit,
        before=query.before,
        types=query.type or None,
        since=query.since,
        until=query.until,
    )
    return JsonResponse({"operations": found, "next": found[-1]["number"] if len(found) == query.limit else None})


@operation(
    "GET",
    "/api/services",
    tag="catalogue",
    access=Access.PUBLIC,
    gives={
        200: Answer("The catalogue.", Catalogue, headers=(ETAG,)),
        304: Answer("It has not changed since `If-None-Match`.", headers=(ETAG,)),
    },
)
async def catalogue(call: Call) -> Response:
    """What is sold, where, and for how much."""
    return shared_response(call.request, orjson.dumps(await read_catalogue(call.services.pool)))


@operation(
    "GET",
    "/api/offers",
    tag="catalogue",
    access=Access.PUBLIC,
    gives={
        200: Answer("Every service in every country.", Offers, headers=(ETAG,)),
        304: Answer("Nothing has changed since `If-None-Match`.", headers=(ETAG,)),
    },
)
async def offers(call: Call) -> Response:
    """What can be bought now: price, stock and success of each service in each country.

    Ten seconds old at most. The price that counts is the one at the purchase: `max_price` guards against another.
    """
    return shared_response(call.request, await call.services.offers.read())


OPERATIONS = (show, operations, catalogue, offers)
