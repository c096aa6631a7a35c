"""What activations and rentals share over HTTP: how an order is named, waited for, paged through, and refused."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field

from gateway.api.requests import Text
from gateway.errors import STATUS_BY_CODE, ApiError
from wallet_db.orders import JsonObject

LOOK_AGAIN_S = 1.0
"""Events are hints and may be lost: the row is looked at this often at the latest."""


def _code(value: object) -> object:
    """Codes are often written as numbers: 6 for "6"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[Text, BeforeValidator(_code), Field(min_length=1, max_length=50)]
Money = Annotated[Decimal, Field(gt=0, lt=10**12, decimal_places=2, allow_inf_nan=False)]


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


def write_place(at: datetime, order_id: UUID) -> str:
    """A place in a list, for `before`."""
    # With Z: in an address the "+" of "+00:00" would be a space.
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z_{order_id}"


def read_place(text: str | None) -> tuple[datetime, UUID] | None:
    """What `write_place` wrote. Raises 400."""
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
