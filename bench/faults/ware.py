"""What is ordered: a number for one SMS, or a rental. What differs between the two stands here and nowhere else.

A number is paid for if an SMS came. A rental is paid for if it was not taken back, SMS or none.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from wallet_db import orders, rentals
from wallet_db.accounts import AccountLook
from wallet_db.card_customers import CustomerJob
from wallet_db.card_fundings import FundingJob
from wallet_db.card_jobs import CardJob
from wallet_db.card_notices import WebhookJob
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob, claim_activations
from wallet_db.rental_jobs import RentalJob, claim_rentals

CardJobs: TypeAlias = CustomerJob | CardJob | FundingJob | WebhookJob
Job: TypeAlias = ActivationJob | RentalJob | AccountLook | CardJobs

LEASE = timedelta(seconds=60)
CLAIMED_MAX = 50
RENTAL_HOURS = 24
RENTAL_HOUR_PRICE = Decimal("1.50")


@dataclass(frozen=True, slots=True)
class Ware:
    """table: of our orders, and the simulator's name for its own. times: its columns that pass. open: the status with a
    number. life: longer than any of its waits. is_delivered: by the simulator's row, whether it is to be paid for.
    """

    table: str
    times: tuple[str, ...]
    open: str
    life: timedelta
    is_delivered: Callable[[Mapping[str, Any]], bool]
    order: Callable[[Pool, UUID, str], Awaitable[Mapping[str, Any]]]
    claim: Callable[[Pool], Awaitable[Sequence[ActivationJob | RentalJob]]]


async def _order_number(pool: Pool, user: UUID, country: str) -> Mapping[str, Any]:
    return await orders.create_activation(pool, user, "whatsapp", country, idempotency_key=None, max_price=None)


async def _order_rental(pool: Pool, user: UUID, country: str) -> Mapping[str, Any]:
    await pool.execute("update services set rental_price_hour = $1 where rental_price_hour is null", RENTAL_HOUR_PRICE)
    return await rentals.create_rental(
        pool, user, "whatsapp", country, RENTAL_HOURS, idempotency_key=None, max_price=None
    )


async def _claim_numbers(pool: Pool) -> Sequence[ActivationJob | RentalJob]:
    return await claim_activations(pool, limit=CLAIMED_MAX, lease=LEASE)


async def _claim_rentals(pool: Pool) -> Sequence[ActivationJob | RentalJob]:
    return await claim_rentals(pool, limit=CLAIMED_MAX, lease=LEASE)


NUMBER = Ware(
    table="activations",
    times=("created_at", "purchase_started_at", "purchased_at", "expires_at", "cancel_requested_at", "due_at"),
    open="pending",
    life=timedelta(hours=1),
    is_delivered=lambda row: bool(row["messages"]),
    order=_order_number,
    claim=_claim_numbers,
)
RENTAL = Ware(
    table="rentals",
    times=(
        *("created_at", "purchase_started_at", "purchased_at", "ends_at"),
        *("cancel_requested_at", "finish_requested_at", "extension_requested_at", "extension_started_at", "due_at"),
    ),
    open="active",
    life=timedelta(hours=RENTAL_HOURS + 2),
    is_delivered=lambda row: row["state"] != "cancelled",
    order=_order_rental,
    claim=_claim_rentals,
)
