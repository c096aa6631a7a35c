"""Manual work on an activation over HTTP: another SMS, done early, look now, and a code entered by an operator."""

import asyncio
from contextlib import suppress
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.activations import settled_activation
from gateway.api.requests import Text, body_of, services_of, session_of, uuid_of
from gateway.api.responses import JsonResponse
from gateway.auth import OPERATOR_ROLES
from gateway.errors import ApiError
from wallet_db.orders import (
    enter_sms,
    is_check_due,
    read_activation,
    request_another_sms,
    request_check,
    request_finish,
)

LOOK_ENDED_S = 0.2
"""A look that finds nothing is no event: whether it has ended is asked this often."""


class EnteredSms(BaseModel):
    """What the operator has read; at least one of the two."""

    model_config = ConfigDict(extra="forbid")

    code: Text | None = Field(None, min_length=1, max_length=64)
    text: Text | None = Field(None, min_length=1, max_length=4_000)

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if self.code is None and self.text is None:
            raise ValueError("expected code, text or both")
        return self


async def retry(request: Request) -> Response:
    """`POST /api/activations/{id}/retry`: 200 the number waits for another SMS, 202 asked for, 409 refused."""
    session = await session_of(request)
    services = services_of(request)
    activation_id = uuid_of(request.path_params["id"])
    with services.hub_watch(session.user_id) as wake:
        activation = await request_another_sms(services.pool, session.user_id, activation_id)
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: order["another_sms"] != "requested"
        )
    if activation["error_code"] == "RETRY_REFUSED":
        raise ApiError("RETRY_REFUSED", "the provider does not wait for another SMS", activation=activation)
    return JsonResponse(activation, 202 if activation["another_sms"] == "requested" else 200)


async def finish(request: Request) -> Response:
    """`POST /api/activations/{id}/finish`: 200 completed, 202 asked for."""
    session = await session_of(request)
    services = services_of(request)
    activation_id = uuid_of(request.path_params["id"])
    with services.hub_watch(session.user_id) as wake:
        activation = await request_finish(services.pool, session.user_id, activation_id)
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: order["closed_at"] is not None
        )
    return JsonResponse(activation, 202 if activation["closed_at"] is None else 200)


async def check(request: Request) -> Response:
    """`POST /api/activations/{id}/check`: 200 as it is after a look upstream, 202 if that takes longer.

    429 with `retry_after_s` when it was asked for just now. While the number is being bought there is nothing to see.
    """
    session = await session_of(request)
    services = services_of(request)
    activation_id = uuid_of(request.path_params["id"])
    with services.hub_watch(session.user_id) as wake:
        activation = await request_check(services.pool, session.user_id, activation_id)
        is_due = True
        with suppress(TimeoutError):
            async with asyncio.timeout(services.settings.order_wait_s):
                while is_due := await is_check_due(services.pool, activation_id):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_ENDED_S):
                            await wake.wait()
                    wake.clear()
        activation = await read_activation(services.pool, session.user_id, activation_id) or activation
    return JsonResponse(activation, 202 if is_due else 200)


async def enter(request: Request) -> Response:
    """`POST /api/activations/{id}/sms`, for operators: an SMS they have read elsewhere, applied under their name."""
    session = await session_of(request)
    if session.role not in OPERATOR_ROLES:
        raise ApiError("OPERATORS_ONLY", "expected a token with an operator's role")
    activation_id: UUID = uuid_of(request.path_params["id"])
    entered = await body_of(request, EnteredSms)
    result = await enter_sms(
        services_of(request).pool,
        activation_id,
        code=entered.code,
        text=entered.text or entered.code,
        actor=str(session.user_id),
    )
    return JsonResponse(result)


ROUTES = [
    Route("/api/activations/{id}/retry", retry, methods=["POST"]),
    Route("/api/activations/{id}/finish", finish, methods=["POST"]),
    Route("/api/activations/{id}/check", check, methods=["POST"]),
    Route("/api/activations/{id}/sms", enter, methods=["POST"]),
]
