"""Activations over HTTP: buy, look, cancel; what comes after the SMS is `served.py`.

A purchase is a row; the pollers carry it out. These routes write the row, then wait a while for what comes of it,
woken by the user's own events; whether they are still waiting when it comes makes no difference to the order.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.responses import Response

from gateway.api.kept import digest_of
from gateway.api.operation import KEYED, Call, operation
from gateway.api.orders import PURCHASE_REFUSALS, Money, Name, failure, refused_cancel, until_settled
from gateway.api.queries import ActivationsQuery, write_place
from gateway.api.requests import idempotency_key_of, request_id_of_call
from gateway.api.responses import LOCATION, REPLAY, Answer, JsonResponse
from gateway.api.shapes import Activation, Activations
from gateway.errors import ApiError
from gateway.services import Services
from wallet_db.orders import (
    JsonObject,
    create_activation,
    list_activations,
    read_activation,
    request_cancel,
)

RETRY_COUNTRIES_MAX = 10


class Retry(BaseModel):
    """Where to try again, after the order's own country."""

    model_config = ConfigDict(extra="forbid")

    countries: list[Name] = Field([], max_length=RETRY_COUNTRIES_MAX)


class NewActivation(BaseModel):
    """What to buy: by name (`whatsapp`, `indonesia`) or by the SMS-Activate protocol's code (`wa`, `6`).

    retry_on_timeout: whether to try again if no SMS comes, with countries to go on to or in the order's own only;
    unsaid, the service decides.
    """

    model_config = ConfigDict(extra="forbid")

    service: Name = Field(examples=["whatsapp"])
    country: Name = Field(examples=["indonesia"])
    max_price: Money | None = None
    retry_on_timeout: StrictBool | Retry | None = None


@operation(
    "POST",
    "/api/activations",
    tag="activations",
    repeat=KEYED,
    gives={
        201: Answer("Bought: it has a number, and waits for an SMS.", Activation, headers=(LOCATION, REPLAY)),
        202: Answer("Still being bought; what comes of it is an event.", Activation, headers=(LOCATION, REPLAY)),
    },
    refuses=PURCHASE_REFUSALS,
)
async def buy(call: Call, body: NewActivation) -> Response:
    """Buy a number for one service.

    The price is held at once, spent with the first SMS, and given back if none comes. Waits a while for the number; the
    order goes on whether or not somebody waits.
    """
    session, services, wanted = call.session, call.services, body
    key = idempotency_key_of(call.request)
    retry = wanted.retry_on_timeout
    with services.hub_watch(session.user_id) as wake:
        activation = await create_activation(
            services.pool,
            session.user_id,
            wanted.service,
            wanted.country,
            idempotency_key=key,
            max_price=wanted.max_price,
            retry_on_timeout=retry is not False if retry is not None else None,
            retry_countries=retry.countries if isinstance(retry, Retry) else None,
            request_id=request_id_of_call(call.request),
            request_digest=digest_of(body) if key is not None else None,
        )
        replayed = activation.pop("replayed")
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: order["status"] != "ordering"
        )
    headers = {"location": f"/api/activations/{activation['id']}"}
    if replayed:
        headers["idempotent-replay"] = "true"
    if activation["status"] == "failed":
        raise failure("activation", activation)
    return JsonResponse(activation, 202 if activation["status"] == "ordering" else 201, headers)


@operation("GET", "/api/activations/{activation_id}", tag="activations", gives={200: Answer("The order.", Activation)})
async def show(call: Call, activation_id: UUID) -> Response:
    """One activation with its SMS."""
    activation = await read_activation(call.services.pool, call.session.user_id, activation_id)
    if activation is None:
        raise ApiError("UNKNOWN_ORDER", f"no activation {activation_id}")
    return JsonResponse(activation)


@operation("GET", "/api/activations", tag="activations", gives={200: Answer("A page.", Activations)})
async def listing(call: Call, query: ActivationsQuery) -> Response:
    """The user's activations, newest first."""
    rows = await list_activations(
        call.services.pool, call.session.user_id, limit=query.limit, before=query.before, only=query.filter
    )
    following = write_place(rows[-1][0], rows[-1][1]) if len(rows) == query.limit else None
    return JsonResponse({"activations": [activation for _, _, activation in rows], "next": following})


@operation(
    "POST",
    "/api/activations/{activation_id}/cancel",
    tag="activations",
    repeat="Asking again changes nothing.",
    gives={
        200: Answer("Cancelled, and the money is back.", Activation),
        202: Answer("Asked for; the provider has not answered yet.", Activation),
    },
    refuses=("SMS_ALREADY_RECEIVED", "ALREADY_CLOSED", "CANCEL_REFUSED", "EARLY_CANCEL_DENIED", "CANCEL_TOO_LATE"),
)
async def cancel(call: Call, activation_id: UUID) -> Response:
    """Give an activation up.

    The provider decides: it may want some minutes to have passed, and an SMS that came first is paid.
    """
    session, services = call.session, call.services
    with services.hub_watch(session.user_id) as wake:
        activation = await request_cancel(services.pool, session.user_id, activation_id)
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: not order["cancel_requested"]
        )
    if activation["status"] == "cancelled":
        return JsonResponse(activation)
    if activation["cancel_requested"]:
        return JsonResponse(activation, 202)
    if activation["status"] in ("received", "completed"):
        raise ApiError("SMS_ALREADY_RECEIVED", "the SMS came first, so the order is paid", activation=activation)
    if activation["closed_at"] is not None:
        raise ApiError("ALREADY_CLOSED", f"the order has ended: {activation['status']}", activation=activation)
    raise refused_cancel("activation", activation)


async def settled_activation(
    services: Services,
    user_id: UUID,
    activation: JsonObject,
    wake: asyncio.Event,
    settled: Callable[[JsonObject], bool],
) -> JsonObject:
    """The order once it is settled, or as it is after ORDER_WAIT_S."""
    activation_id = UUID(activation["id"])

    async def read() -> JsonObject | None:
        return await read_activation(services.pool, user_id, activation_id)

    return await until_settled(activation, settled, read=read, wake=wake, wait_s=services.settings.order_wait_s)


OPERATIONS = (buy, listing, show, cancel)
