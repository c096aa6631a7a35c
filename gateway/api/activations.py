"""Activations over HTTP: buy, look, cancel; what comes after the SMS is `served.py`.

A purchase is a row; the pollers carry it out. These routes write the row, then wait a while for what comes of it,
woken by the user's own events; whether they are still waiting when it comes makes no difference to the order.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.orders import Money, Name, failure, read_place, refused_cancel, until_settled, write_place
from gateway.api.requests import (
    body_of,
    idempotency_key_of,
    page_limit_of,
    services_of,
    session_of,
    uuid_of,
)
from gateway.api.responses import JsonResponse
from gateway.errors import ApiError
from gateway.services import Services
from wallet_db.orders import (
    JsonObject,
    create_activation,
    list_activations,
    read_activation,
    request_cancel,
)


class NewActivation(BaseModel):
    """What to buy: by name (`whatsapp`, `indonesia`) or by the SMS-Activate protocol's code (`wa`, `6`)."""

    model_config = ConfigDict(extra="forbid")

    service: Name
    country: Name
    max_price: Money | None = None


async def buy(request: Request) -> Response:
    """`POST /api/activations`: 201 with a number, 202 while it is being bought, or a refusal."""
    session = await session_of(request)
    wanted = await body_of(request, NewActivation)
    key = idempotency_key_of(request)
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        activation = await create_activation(
            services.pool,
            session.user_id,
            wanted.service,
            wanted.country,
            idempotency_key=key,
            max_price=wanted.max_price,
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


async def show(request: Request) -> Response:
    """`GET /api/activations/{id}`."""
    session = await session_of(request)
    activation_id = uuid_of(request.path_params["id"])
    activation = await read_activation(services_of(request).pool, session.user_id, activation_id)
    if activation is None:
        raise ApiError("UNKNOWN_ORDER", f"no activation {activation_id}")
    return JsonResponse(activation)


async def listing(request: Request) -> Response:
    """`GET /api/activations?limit=&before=`: newest first; `next` is the `before` of the next page."""
    session = await session_of(request)
    limit = page_limit_of(request)
    before = read_place(request.query_params.get("before"))
    rows = await list_activations(services_of(request).pool, session.user_id, limit=limit, before=before)
    following = write_place(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
    return JsonResponse({"activations": [activation for _, _, activation in rows], "next": following})


async def cancel(request: Request) -> Response:
    """`POST /api/activations/{id}/cancel`: 200 cancelled, 202 asked for, 409 refused (by the provider or by an SMS)."""
    session = await session_of(request)
    activation_id = uuid_of(request.path_params["id"])
    services = services_of(request)
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


ROUTES = [
    Route("/api/activations", buy, methods=["POST"]),
    Route("/api/activations", listing, methods=["GET"]),
    Route("/api/activations/{id}", show, methods=["GET"]),
    Route("/api/activations/{id}/cancel", cancel, methods=["POST"]),
]
