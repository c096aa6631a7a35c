"""Activations over HTTP: buy, look, cancel.

A purchase is a row; the pollers carry it out. These routes write the row, then wait a while for what comes of it,
woken by the user's own events; whether they are still waiting when it comes makes no difference to the order.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import (
    Text,
    body_of,
    idempotency_key_of,
    page_limit_of,
    services_of,
    session_of,
    uuid_of,
)
from gateway.api.responses import JsonResponse
from gateway.errors import STATUS_BY_CODE, ApiError
from gateway.services import Services
from wallet_db.orders import (
    JsonObject,
    create_activation,
    list_activations,
    read_activation,
    request_cancel,
)

LOOK_AGAIN_S = 1.0
"""Events are hints and may be lost: the row is looked at this often at the latest."""


def _code(value: object) -> object:
    """Codes are often written as numbers: 6 for "6"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[Text, BeforeValidator(_code), Field(min_length=1, max_length=50)]
Money = Annotated[Decimal, Field(gt=0, lt=10**12, decimal_places=2, allow_inf_nan=False)]


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
        activation = await _settled(
            services, session.user_id, activation, wake, lambda order: order["status"] != "ordering"
        )
    headers = {"location": f"/api/activations/{activation['id']}"}
    if replayed:
        headers["idempotent-replay"] = "true"
    if activation["status"] == "failed":
        raise _failure(activation)
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
    before = _read_place(request.query_params.get("before"))
    rows = await list_activations(services_of(request).pool, session.user_id, limit=limit, before=before)
    following = _write_place(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
    return JsonResponse({"activations": [activation for _, _, activation in rows], "next": following})


async def cancel(request: Request) -> Response:
    """`POST /api/activations/{id}/cancel`: 200 cancelled, 202 asked for, 409 refused (by the provider or by an SMS)."""
    session = await session_of(request)
    activation_id = uuid_of(request.path_params["id"])
    services = services_of(request)
    with services.hub_watch(session.user_id) as wake:
        activation = await request_cancel(services.pool, session.user_id, activation_id)
        activation = await _settled(
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
    raise _refused_cancel(activation)


async def _settled(
    services: Services,
    user_id: UUID,
    activation: JsonObject,
    wake: asyncio.Event,
    settled: Callable[[JsonObject], bool],
) -> JsonObject:
    """The order once it is settled, or as it is when the wait is over."""
    activation_id = UUID(activation["id"])
    with suppress(TimeoutError):
        async with asyncio.timeout(services.settings.order_wait_s):
            while not settled(activation):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await wake.wait()
                wake.clear()
                activation = await read_activation(services.pool, user_id, activation_id) or activation
    return activation


def _failure(activation: JsonObject) -> ApiError:
    code = activation["error_code"]
    return ApiError(
        code if code in STATUS_BY_CODE else "ORDER_FAILED",
        "no number could be had; nothing was charged",
        activation=activation,
    )


def _refused_cancel(activation: JsonObject) -> ApiError:
    allowed_at = activation["cancel_allowed_at"]
    if allowed_at is None:
        return ApiError("CANCEL_REFUSED", "the provider would not cancel; the order goes on", activation=activation)
    left = (datetime.fromisoformat(allowed_at) - datetime.now(UTC)).total_seconds()
    seconds = max(1, math.ceil(left))
    return ApiError(
        "EARLY_CANCEL_DENIED",
        f"the provider cancels no sooner than in {seconds} s",
        retry_after_s=seconds,
        activation=activation,
    )


def _write_place(at: datetime, order_id: UUID) -> str:
    # With Z: in an address the "+" of "+00:00" would be a space.
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z_{order_id}"


def _read_place(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    at, _, order_id = text.partition("_")
    try:
        if not at.endswith("Z"):
            raise ValueError(at)
        place = datetime.fromisoformat(at), UUID(order_id)
    except ValueError:
        raise ApiError("BAD_REQUEST", f"before: expected the `next` of a page, got {text[:60]!r}") from None
    return place


ROUTES = [
    Route("/api/activations", buy, methods=["POST"]),
    Route("/api/activations", listing, methods=["GET"]),
    Route("/api/activations/{id}", show, methods=["GET"]),
    Route("/api/activations/{id}/cancel", cancel, methods=["POST"]),
]
