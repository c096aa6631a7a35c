"""What activations and rentals share over HTTP: how an order is named, waited for, and refused."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.api.requests import SUM, Text
from gateway.errors import STATUS_BY_CODE, ApiError
from wallet_db.orders import JsonObject

LOOK_AGAIN_S = 1.0
"""Events are hints and may be lost: the row is looked at this often at the latest."""


def _code(value: object) -> object:
    """Codes are often written as numbers: 6 for "6"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


PURCHASE_REFUSALS = (
    "INSUFFICIENT_FUNDS",
    "UNKNOWN_USER",
    "NO_NUMBERS",
    "ORDER_FAILED",
    "ALREADY_CLOSED",
    "IDEMPOTENCY_MISMATCH",
    "INVALID_AMOUNT",
    "INVALID_ARGUMENT",
    "NOT_FOR_SALE",
    "PRICE_ABOVE_LIMIT",
    "UNKNOWN_COUNTRY",
    "UNKNOWN_SERVICE",
    "TOO_MANY_OPEN_ORDERS",
)
"""Of buying and of renting."""

Name = Annotated[Text, BeforeValidator(_code), Field(min_length=1, max_length=50)]
Money = Annotated[
    Decimal,
    SUM,
    Field(gt=0, lt=10**12, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,2})?$"},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**12},
            ],
            "description": "At most two decimals; as a string nothing is lost on the way.",
        }
    ),
]


async def until_settled(
    order: JsonObject,
    settled: Callable[[JsonObject], bool],
    *,
    read: Callable[[], Awaitable[JsonObject | None]],
    wake: asyncio.Event,
    wait_s: float,
    look_again_s: float = LOOK_AGAIN_S,
) -> JsonObject:
    """The order once it is settled, or as it is when the wait is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while not settled(order):
                with suppress(TimeoutError):
                    async with asyncio.timeout(look_again_s):
                        await wake.wait()
                wake.clear()
                order = await read() or order
    return order


def failure(kind: str, order: JsonObject) -> ApiError:
    """Why an order came to nothing, as a refusal. kind: `activation` or `rental`."""
    code = order["error_code"]
    return ApiError(
        code if code in STATUS_BY_CODE else "ORDER_FAILED",
        "no number could be had; nothing was charged",
        **{kind: order},
    )


def refused_cancel(kind: str, order: JsonObject) -> ApiError:
    """Why the provider has not cancelled an order that is still open."""
    allowed_at = order["cancel_allowed_at"]
    if allowed_at is None:
        code = order["error_code"] if order["error_code"] == "CANCEL_TOO_LATE" else "CANCEL_REFUSED"
        return ApiError(code, "the provider would not cancel; the order goes on", **{kind: order})
    left = (datetime.fromisoformat(allowed_at) - datetime.now(UTC)).total_seconds()
    seconds = max(1, math.ceil(left))
    return ApiError(
        "EARLY_CANCEL_DENIED",
        f"the provider cancels no sooner than in {seconds} s",
        retry_after_s=seconds,
        **{kind: order},
    )
