"""Rentals as jobs: what the pollers claim and write. Effects, locks and refusals: the SQL function of the same name.

Each call is one short transaction, and none is open while a provider is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class RentalJob:
    """A rental due for work, leased to whoever claimed it until `leased_until`. service, country: our names."""

    id: UUID
    user_id: UUID
    status: str
    service: str
    country: str
    hours: int
    price: Decimal
    provider: str | None
    provider_order_id: str | None
    phone: str | None
    created_at: datetime
    purchase_started_at: datetime | None
    purchase_seen: Sequence[str] | None
    """What the provider listed before the purchase and we did not know; None: it has no list."""
    purchased_at: datetime | None
    ends_at: datetime | None
    cancel_requested_at: datetime | None
    finish_requested_at: datetime | None
    extension_hours: int | None
    extension_status: str | None
    extension_requested_at: datetime | None
    extension_started_at: datetime | None
    was_due_at: datetime
    leased_until: datetime
    request_id: str | None = None
    """Of the HTTP request that placed it."""
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when the rental was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead


async def claim_rentals(pool: Pool, *, limit: int, lease: timedelta) -> list[RentalJob]:
    """Lease up to `limit` due rentals."""
    rows = await pool.fetch("select * from claim_rentals($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [RentalJob(**row, clock_ahead=row["leased_until"] - lease - here) for row in rows]


async def reschedule(pool: Pool, job: RentalJob, due_at: datetime) -> None:
    """Give the lease back: the rental is next due then. If it was made due by somebody else meanwhile, that stands."""
    await pool.fetchval("select reschedule_rental($1, $2, $3)", job.id, job.leased_until, due_at)


async def codes_at(pool: Pool, provider: str, service: str, country: str) -> tuple[str, str] | None:
    """What the provider calls this service and country; None: it does not have one of them."""
    row = await pool.fetchrow(
        "select s.code, c.code from provider_services s join provider_countries c using (provider)"
        " where provider = $1 and service = $2 and country = $3",
        provider,
        service,
        country,
    )
    return (row[0], row[1]) if row is not None else None


async def begin_purchase(pool: Pool, job: RentalJob, provider: str, seen: Sequence[str] | None) -> bool:
    """Whether the caller, and nobody else, is to rent for this order now."""
    begun: bool = await pool.fetchval(
        "select begin_rental_purchase($1, $2, $3, p_leased_until => $4)", job.id, provider, seen, job.leased_until
    )
    return begun


async def abandon_purchase(pool: Pool, job: RentalJob, due_at: datetime) -> None:
    """The provider surely did not rent; try again then.

    Nothing if the lease is another's by now, who finds the purchase begun and decides.
    """
    await pool.fetchval("select abandon_rental_purchase($1, $2, $3)", job.id, due_at, job.leased_until)


async def record_purchase(
    pool: Pool,
    rental_id: UUID,
    *,
    provider_order_id: str,
    phone: str,
    cost: Decimal | None,
    ends_at: datetime,
    due_at: datetime,
) -> bool:
    """The provider rented. False: the rental was not waiting for a number any more.

    It needs no lease: a purchase that was begun is taken back by nobody but who began it.
    """
    with refusals():
        recorded: bool = await pool.fetchval(
            "select record_rental_purchase($1, $2, $3, $4, $5, $6)",
            rental_id,
            provider_order_id,
            phone,
            cost,
            ends_at,
            due_at,
        )
    return recorded


async def apply_sms(pool: Pool, rental_id: UUID, messages: Sequence[dict[str, str]]) -> int:
    """What the provider tells of a rental's SMS, as {"id", "code", "text"}; how many were new."""
    if not messages:
        return 0
    with refusals():
        applied: int = await pool.fetchval(
            "select apply_rental_sms($1, $2::text::jsonb)", rental_id, orjson.dumps(messages).decode()
        )
    return applied


async def close_rental(
    pool: Pool,
    job: RentalJob,
    status: str,
    error_code: str | None = None,
    *,
    unused_hours: int | None = None,
    is_final: bool = False,
) -> bool:
    """The rental ends and its holds with it. False: it was decided otherwise first, or the lease is another's by now.

    is_final: whoever has the lease could see nothing else, so that it is not asked for.
    """
    with refusals():
        closed: bool = await pool.fetchval(
            "select close_rental($1, $2, $3, $4, p_leased_until => $5)",
            job.id,
            status,
            error_code,
            unused_hours,
            None if is_final else job.leased_until,
        )
    return closed


async def refuse_cancel(
    pool: Pool, rental_id: UUID, error_code: str, *, allowed_at: datetime | None, due_at: datetime
) -> None:
    """The provider will not take it back, or not before `allowed_at`; the user is told. No lease: it moves no money."""
    with refusals():
        await pool.fetchval("select refuse_rental_cancel($1, $2, $3, $4)", rental_id, error_code, allowed_at, due_at)


async def begin_extension(pool: Pool, rental_id: UUID, *, cost: Decimal | None) -> datetime | None:
    """When the caller, and nobody else, has begun to ask for more time; None: it is not to.

    cost: what the provider says it would be. A lease could not tell two extensions apart: what the user asks for
    meanwhile ends it.
    """
    started_at: datetime | None = await pool.fetchval("select begin_extension($1, $2)", rental_id, cost)
    return started_at


async def abandon_extension(pool: Pool, rental_id: UUID, started_at: datetime, due_at: datetime) -> None:
    """The provider surely did not sell the extension begun then; try again when it is due."""
    await pool.fetchval("select abandon_extension($1, $2, $3)", rental_id, started_at, due_at)


async def record_extension(
    pool: Pool, rental_id: UUID, *, ends_at: datetime, total_cost: Decimal | None, due_at: datetime
) -> bool:
    """The provider extended. False: no extension was under way any more. No lease: one begun is decided by its outcome.

    total_cost: of the rental with all its extensions; None if the provider did not say.
    """
    with refusals():
        recorded: bool = await pool.fetchval(
            "select record_extension($1, $2, $3, $4)", rental_id, ends_at, due_at, total_cost
        )
    return recorded


async def refuse_extension(
    pool: Pool, rental_id: UUID, error_code: str, *, started_at: datetime | None, due_at: datetime
) -> bool:
    """It was not extended, and the extra goes back.

    started_at: of the extension that was refused; None: it was not begun. False: that is not under way any more.
    """
    with refusals():
        refused: bool = await pool.fetchval(
            "select refuse_extension($1, $2, $3, p_started_at => $4)", rental_id, error_code, due_at, started_at
        )
    return refused


async def unknown_of(pool: Pool, provider: str, provider_order_ids: Sequence[str]) -> list[str]:
    """Those of the provider's rentals that no rental of ours has."""
    rows = await pool.fetch(
        "select provider_order_id from rentals where provider = $1 and provider_order_id = any($2)",
        provider,
        provider_order_ids,
    )
    known = {row[0] for row in rows}
    return [provider_order_id for provider_order_id in provider_order_ids if provider_order_id not in known]


async def doubts_beside(pool: Pool, job: RentalJob) -> list[tuple[str, str, int]]:
    """(service, country, hours) of the other rentals whose number may be on the provider's list, unknown to us.

    They are being rented there, or are in doubt, or were given up in doubt since this one was begun.
    """
    rows = await pool.fetch(
        "select service, country, hours from rentals where provider = $1 and id <> $2"
        "   and (status = 'ordering' and purchase_started_at is not null"
        "        or status = 'failed' and error_code = 'OUTCOME_UNKNOWN' and closed_at > $3)",
        job.provider,
        job.id,
        job.purchase_started_at,
    )
    return [(service, country, hours) for service, country, hours in rows]
