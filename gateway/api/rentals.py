"""Rentals over HTTP: rent, look, extend, give back, finish.

As with activations these routes write a row, which the pollers carry out, and wait a while for what comes of it.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.api.kept import digest_of
from gateway.api.operation import KEYED, Call, operation
from gateway.api.orders import PURCHASE_REFUSALS, Money, Name, failure, refused_cancel, until_settled
from gateway.api.queries import RentalsQuery, write_place
from gateway.api.requests import idempotency_key_of, request_id_of_call
from gateway.api.responses import LOCATION, REPLAY, Answer, JsonResponse
from gateway.api.shapes import Rental, Rentals
from gateway.errors import STATUS_BY_CODE, ApiError
from gateway.services import Services
from wallet_db import rentals
from wallet_db.orders import JsonObject

HOURS_BEYOND = 2**31
"""What the database can count; which hours are for rent is its to say."""


class NewRental(BaseModel):
    """What to rent, and for how long: 2 to 1344 hours."""

    model_config = ConfigDict(extra="forbid")

    service: Name = Field(examples=["whatsapp"])
    country: Name = Field(examples=["indonesia"])
    hours: int = Field(strict=True, examples=[4])
    max_price: Money | None = None


class NewExtension(BaseModel):
    """How much longer."""

    model_config = ConfigDict(extra="forbid")

    hours: int = Field(strict=True, examples=[4])


@operation(
    "POST",
    "/api/rentals",
    tag="rentals",
    repeat=KEYED,
    gives={
        201: Answer("Rented: it has a number.", Rental, headers=(LOCATION, REPLAY)),
        202: Answer("Still being rented; what comes of it is an event.", Rental, headers=(LOCATION, REPLAY)),
    },
    refuses=(*PURCHASE_REFUSALS, "INVALID_HOURS"),
)
async def rent(call: Call, body: NewRental) -> Response:
    """Rent a number for hours or weeks.

    Within 20 minutes it can be given back; after that the price is spent when the rental ends.
    """
    session, services, wanted = call.session, call.services, body
    key = idempotency_key_of(call.request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.create_rental(
            services.pool,
            session.user_id,
            wanted.service,
            wanted.country,
            _bounded(wanted.hours),
            idempotency_key=key,
            max_price=wanted.max_price,
            request_id=request_id_of_call(call.request),
            request_digest=digest_of(body) if key is not None else None,
        )
        replayed = rental.pop("replayed")
        rental = await _settled(services, session.user_id, rental, wake, lambda now: now["status"] != "ordering")
    if rental["status"] == "failed":
        raise failure("rental", rental)
    headers = {"location": f"/api/rentals/{rental['id']}"} | _replay(replayed)
    return JsonResponse(rental, 202 if rental["status"] == "ordering" else 201, headers)


@operation("GET", "/api/rentals/{rental_id}", tag="rentals", gives={200: Answer("The rental.", Rental)})
async def show(call: Call, rental_id: UUID) -> Response:
    """One rental with all its SMS."""
    rental = await rentals.read_rental(call.services.pool, call.session.user_id, rental_id)
    if rental is None:
        raise ApiError("UNKNOWN_ORDER", f"no rental {rental_id}")
    return JsonResponse(rental)


@operation("GET", "/api/rentals", tag="rentals", gives={200: Answer("A page.", Rentals)})
async def listing(call: Call, query: RentalsQuery) -> Response:
    """The user's rentals, newest first."""
    rows = await rentals.list_rentals(
        call.services.pool, call.session.user_id, limit=query.limit, before=query.before, only=query.filter
    )
    following = write_place(rows[-1][0], rows[-1][1]) if len(rows) == query.limit else None
    return JsonResponse({"rentals": [rental for _, _, rental in rows], "next": following})


@operation(
    "POST",
    "/api/rentals/{rental_id}/extend",
    tag="rentals",
    repeat=KEYED,
    gives={
        200: Answer("Extended: it has a later end.", Rental, headers=(REPLAY,)),
        202: Answer("Asked for; the provider has not answered yet.", Rental, headers=(REPLAY,)),
    },
    refuses=(
        "INSUFFICIENT_FUNDS",
        "EXTENSION_REFUSED",
        "NO_NUMBERS",
        "ALREADY_CLOSED",
        "IDEMPOTENCY_MISMATCH",
        "NOT_EXTENDABLE",
        "INVALID_HOURS",
        "NOT_FOR_SALE",
    ),
)
async def extend(call: Call, rental_id: UUID, body: NewExtension) -> Response:
    """Keep a rented number for longer.

    A refusal costs nothing, and the rental goes on either way.
    """
    session, services, wanted = call.session, call.services, body
    key = idempotency_key_of(call.request)
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_extension(
            services.pool, session.user_id, rental_id, _bounded(wanted.hours), idempotency_key=key
        )
        replayed = rental.pop("replayed")
        rental = await _settled(
            services, session.user_id, rental, wake, lambda now: now["extension"]["status"] != "requested"
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


@operation(
    "POST",
    "/api/rentals/{rental_id}/cancel",
    tag="rentals",
    repeat="Asking again changes nothing; of a rental that was cancelled it is told that it has ended.",
    gives={
        200: Answer("Given back, and the money is back.", Rental),
        202: Answer("Asked for; the provider has not answered yet.", Rental),
    },
    refuses=("ALREADY_CLOSED", "CANCEL_REFUSED", "CANCEL_TOO_LATE", "EARLY_CANCEL_DENIED", "EXTENSION_PENDING"),
)
async def cancel(call: Call, rental_id: UUID) -> Response:
    """Give a rented number back, within 20 minutes of its purchase."""
    session, services = call.session, call.services
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_rental_cancel(services.pool, session.user_id, rental_id)
        rental = await _settled(services, session.user_id, rental, wake, lambda now: not now["cancel_requested"])
    if rental["cancel_requested"]:
        return JsonResponse(rental, 202)
    if rental["closed_at"] is None:
        raise refused_cancel("rental", rental)
    if rental["status"] != "cancelled":
        raise ApiError("ALREADY_CLOSED", f"the rental has ended: {rental['status']}", rental=rental)
    return JsonResponse(rental)


@operation(
    "POST",
    "/api/rentals/{rental_id}/finish",
    tag="rentals",
    repeat="Asking again changes nothing; of a rental that has ended it is told so.",
    gives={
        200: Answer("Given up, and paid.", Rental),
        202: Answer("Asked for; the provider has not answered yet.", Rental),
    },
    refuses=("ALREADY_CLOSED", "EXTENSION_PENDING", "INVALID_TRANSITION"),
)
async def finish(call: Call, rental_id: UUID) -> Response:
    """Give a rented number up early, without money back."""
    session, services = call.session, call.services
    with services.hub_watch(session.user_id) as wake:
        rental = await rentals.request_rental_finish(services.pool, session.user_id, rental_id)
        rental = await _settled(services, session.user_id, rental, wake, lambda now: now["closed_at"] is not None)
    return JsonResponse(rental, 202 if rental["closed_at"] is None else 200)


async def _settled(
    services: Services, user_id: UUID, rental: JsonObject, wake: asyncio.Event, settled: Callable[[JsonObject], bool]
) -> JsonObject:
    rental_id = UUID(rental["id"])

    async def read() -> JsonObject | None:
        return await rentals.read_rental(services.pool, user_id, rental_id)

    return await until_settled(rental, settled, read=read, wake=wake, wait_s=services.settings.order_wait_s)


def _bounded(hours: int) -> int:
    return min(max(hours, 0), HOURS_BEYOND - 1)


def _replay(replayed: bool) -> dict[str, str]:
    return {"idempotent-replay": "true"} if replayed else {}


OPERATIONS = (rent, listing, show, extend, cancel, finish)
