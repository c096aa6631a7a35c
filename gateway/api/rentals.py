"""Rentals over HTTP: rent, look, extend, give back, finish.

As with activations these routes write a row, which the pollers carry out, and wait a while for what comes of it.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.orders import Money, Name, failure, read_place, refused_cancel, until_settled, write_place
from gateway.api.requests import body_of, idempotency_key_of, page_limit_of, services_of, session_of, uuid_of
from gateway.api.responses import JsonResponse
from gateway.errors import STATUS_BY_CODE, ApiError
from wallet_db import rentals
from wallet_db.orders import JsonObject

HOURS_BEYOND = 2**31
"""What the database can count; which hours are for rent is its to say."""


class NewRental(BaseModel):
    """What to rent, and for how long: 2 to 1344 hours."""

    model_config = ConfigDict(extra="forbid", strict=True)

    service: Name
    country: Name
    hours: int
    max_price: Money | None = None


class NewExtension(BaseModel):
    """How much longer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hours: int


async def rent(request: Request) -> Response:
    """`POST /api/rentals`: 201 with a number, 202 while it is being rented, or a refusal."""
    session = await session_of(request)
    wanted = await body_of(request, NewRental)
    key = idempotency_key_of(request)
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.create_rental(
            services.pool,
            session.user_id,
            wanted.service,
            wanted.country,
            _bounded(wanted.hours),
            idempotency_key=key,
            max_price=wanted.max_price,
        )
        replayed = rental.pop("replayed")
        rental = await _settled(request, session.user_id, rental, wake, lambda now: now["status"] != "ordering")
    if rental["status"] == "failed":
        raise failure("rental", rental)
    headers = {"location": f"/api/rentals/{rental['id']}"} | _replay(replayed)
    return JsonResponse(rental, 202 if rental["status"] == "ordering" else 201, headers)


async def show(request: Request) -> Response:
    """`GET /api/rentals/{id}`, with all its SMS."""
    session = await session_of(request)
    rental_id = _rental_id(request)
    rental = await rentals.read_rental(services_of(request).pool, session.user_id, rental_id)
    if rental is None:
        raise ApiError("UNKNOWN_ORDER", f"no rental {rental_id}")
    return JsonResponse(rental)


async def listing(request: Request) -> Response:
    """`GET /api/rentals?limit=&before=`: newest first; `next` is the `before` of the next page."""
    session = await session_of(request)
    limit = page_limit_of(request)
    before = read_place(request.query_params.get("before"))
    rows = await rentals.list_rentals(services_of(request).pool, session.user_id, limit=limit, before=before)
    following = write_place(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
    return JsonResponse({"rentals": [rental for _, _, rental in rows], "next": following})


async def extend(request: Request) -> Response:
    """`POST /api/rentals/{id}/extend`: 200 extended, 202 asked for, or a refusal; the rental goes on either way."""
    session = await session_of(request)
    rental_id = _rental_id(request)
    wanted = await body_of(request, NewExtension)
    key = idempotency_key_of(request)
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_extension(
            services.pool, session.user_id, rental_id, _bounded(wanted.hours), idempotency_key=key
        )
        replayed = rental.pop("replayed")
        rental = await _settled(
            request, session.user_id, rental, wake, lambda now: now["extension"]["status"] != "requested"
        )
    extension = rental["extension"]
    if extension["status"] == "refused":
        code = extension["error_code"]
        raise ApiError(
            code if code in STATUS_BY_CODE else "EXTENSION_REFUSED",
            "the rental was not extended; nothing was charged for it",
            rental=rental,
        )
    return JsonResponse(rental, 202 if extension["status"] == "requested" else 200, _replay(replayed))


async def cancel(request: Request) -> Response:
    """`POST /api/rentals/{id}/cancel`: 200 given back, 202 asked for, 409 refused: by us, or by the provider."""
    session = await session_of(request)
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_rental_cancel(services.pool, session.user_id, _rental_id(request))
        rental = await _settled(request, session.user_id, rental, wake, lambda now: not now["cancel_requested"])
    if rental["cancel_requested"]:
        return JsonResponse(rental, 202)
    if rental["closed_at"] is None:
        raise refused_cancel("rental", rental)
    if rental["status"] != "cancelled":
        raise ApiError("ALREADY_CLOSED", f"the rental has ended: {rental['status']}", rental=rental)
    return JsonResponse(rental)


async def finish(request: Request) -> Response:
    """`POST /api/rentals/{id}/finish`: 200 given up, without money back; 202 asked for."""
    session = await session_of(request)
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_rental_finish(services.pool, session.user_id, _rental_id(request))
        rental = await _settled(request, session.user_id, rental, wake, lambda now: now["closed_at"] is not None)
    return JsonResponse(rental, 202 if rental["closed_at"] is None else 200)


async def _settled(
    request: Request, user_id: UUID, rental: JsonObject, wake: asyncio.Event, settled: Callable[[JsonObject], bool]
) -> JsonObject:
    services = services_of(request)
    rental_id = UUID(rental["id"])

    async def read() -> JsonObject | None:
        return await rentals.read_rental(services.pool, user_id, rental_id)

    return await until_settled(rental, settled, read=read, wake=wake, wait_s=services.settings.order_wait_s)


def _rental_id(request: Request) -> UUID:
    return uuid_of(request.path_params["id"], "rental")


def _bounded(hours: int) -> int:
    return min(max(hours, 0), HOURS_BEYOND - 1)


def _replay(replayed: bool) -> dict[str, str]:
    return {"idempotent-replay": "true"} if replayed else {}


ROUTES = [
    Route("/api/rentals", rent, methods=["POST"]),
    Route("/api/rentals", listing, methods=["GET"]),
    Route("/api/rentals/{id}", show, methods=["GET"]),
    Route("/api/rentals/{id}/extend", extend, methods=["POST"]),
    Route("/api/rentals/{id}/cancel", cancel, methods=["POST"]),
    Route("/api/rentals/{id}/finish", finish, methods=["POST"]),
]
