"""Manual work on an activation over HTTP: another SMS, done early, look now, and a code entered by an operator."""

import asyncio
from contextlib import suppress
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from gateway.api.activations import settled_activation
from gateway.api.operation import Access, Call, operation
from gateway.api.requests import Text
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Activation, SmsEntered
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


@operation(
    "POST",
    "/api/activations/{activation_id}/retry",
    tag="activations",
    repeat="While an SMS is waited for, asking again changes nothing; after it has come, one more is waited for, free"
    " of charge.",
    gives={
        200: Answer("The number waits for another SMS.", Activation),
        202: Answer("Asked for; the provider has not answered yet.", Activation),
    },
    refuses=("ALREADY_CLOSED", "SMS_NOT_RECEIVED", "RETRY_REFUSED"),
)
async def retry(call: Call, activation_id: UUID) -> Response:
    """Wait for one more SMS on a number that has had one."""
    session, services = call.session, call.services
    with services.hub_watch(session.user_id) as wake:
        activation = await request_another_sms(services.pool, session.user_id, activation_id)
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: order["another_sms"] != "requested"
        )
    if activation["error_code"] == "RETRY_REFUSED":
        raise ApiError("RETRY_REFUSED", "the provider does not wait for another SMS", activation=activation)
    return JsonResponse(activation, 202 if activation["another_sms"] == "requested" else 200)


@operation(
    "POST",
    "/api/activations/{activation_id}/finish",
    tag="activations",
    repeat="Asking again changes nothing.",
    gives={
        200: Answer("Completed.", Activation),
        202: Answer("Asked for; the provider has not answered yet.", Activation),
    },
    refuses=("ALREADY_CLOSED", "SMS_NOT_RECEIVED"),
)
async def finish(call: Call, activation_id: UUID) -> Response:
    """Be done early with a number that has had its SMS."""
    session, services = call.session, call.services
    with services.hub_watch(session.user_id) as wake:
        activation = await request_finish(services.pool, session.user_id, activation_id)
        activation = await settled_activation(
            services, session.user_id, activation, wake, lambda order: order["closed_at"] is not None
        )
    return JsonResponse(activation, 202 if activation["closed_at"] is None else 200)


@operation(
    "POST",
    "/api/activations/{activation_id}/check",
    tag="activations",
    repeat="It is one more look, once in 5 s; nothing else changes.",
    gives={
        200: Answer("As it is after a look at the provider's.", Activation),
        202: Answer("The look takes longer.", Activation),
    },
    refuses=("ALREADY_CLOSED", "CHECK_TOO_SOON"),
)
async def check(call: Call, activation_id: UUID) -> Response:
    """Look now whether an SMS has come.

    That happens by itself, too. While the number is being bought there is nothing to see.
    """
    session, services = call.session, call.services
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


@operation(
    "POST",
    "/api/activations/{activation_id}/sms",
    tag="operators",
    access=Access.OPERATOR,
    repeat="The same SMS counts once: `outcome` is `repeated`.",
    gives={200: Answer("What came of it.", SmsEntered)},
    refuses=("INVALID_TRANSITION",),
)
async def enter(call: Call, activation_id: UUID, body: EnteredSms) -> Response:
    """Enter an SMS that was read elsewhere, under the operator's name."""
    result = await enter_sms(
        call.services.pool,
        activation_id,
        code=body.code,
        text=body.text or body.code,
        actor=str(call.session.user_id),
    )
    return JsonResponse(result)


OPERATIONS = (retry, finish, check, enter)
