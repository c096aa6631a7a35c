"""Customers of card providers as jobs: what the pollers claim and write. Effects: the SQL function of the same name.

Each call is one short transaction, and none is open while a provider is asked. Details and documents come sealed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from wallet_db.cards import SealedDocument
from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class CustomerJob:
    """A customer to be submitted, leased to whoever claimed it until `leased_until`."""

    id: UUID
    user_id: UUID
    provider: str
    status: str
    details: bytes
    """Sealed for `card_customers.details` and this id."""
    email_digest: bytes
    created_at: datetime
    submitted_at: datetime | None
    """From here on the provider may know the customer."""
    request_id: str | None
    was_due_at: datetime
    leased_until: datetime
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when it was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead


async def claim_card_customers(pool: Pool, *, limit: int, lease: timedelta) -> list[CustomerJob]:
    """Lease up to `limit` customers to be submitted."""
    rows = await pool.fetch("select * from claim_card_customers($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [CustomerJob(**row, clock_ahead=row["leased_until"] - lease - here) for row in rows]


async def reschedule(pool: Pool, job: CustomerJob, due_at: datetime) -> None:
    """Give the lease back: the customer is next due then."""
    await pool.fetchval("select reschedule_card_customer($1, $2, $3)", job.id, job.leased_until, due_at)


async def read_documents(pool: Pool, customer_id: UUID) -> Sequence[SealedDocument]:
    """The customer's documents; none once they are purged."""
    rows = await pool.fetch("select * from read_card_documents($1)", customer_id)
    return [SealedDocument(**row) for row in rows]


async def begin(pool: Pool, job: CustomerJob) -> bool:
    """Whether the caller, and nobody else, is to tell the provider of the customer now."""
    begun: bool = await pool.fetchval("select begin_card_customer($1, p_leased_until => $2)", job.id, job.leased_until)
    return begun


async def abandon(pool: Pool, job: CustomerJob, due_at: datetime) -> bool:
    """The provider surely was not told; try again then. False: the lease is another's by now, who decides."""
    abandoned: bool = await pool.fetchval("select abandon_card_customer($1, $2, $3)", job.id, due_at, job.leased_until)
    return abandoned


async def record(pool: Pool, customer_id: UUID, provider_customer_id: str, *, purge_at: datetime) -> bool:
    """The provider knows the customer; the documents go at purge_at. False: that was decided already."""
    recorded: bool = await pool.fetchval(
        "select record_card_customer($1, $2, $3)", customer_id, provider_customer_id, purge_at
    )
    return recorded


async def fail(pool: Pool, job: CustomerJob, error_code: str, *, purge_at: datetime, is_final: bool = False) -> bool:
    """The provider does not take the customer. False: decided otherwise first, or the lease is another's by now.

    is_final: whoever has the lease could see nothing else, so that it is not asked for.
    """
    failed: bool = await pool.fetchval(
        "select fail_card_customer($1, $2, $3, p_leased_until => $4)",
        job.id,
        error_code,
        purge_at,
        None if is_final else job.leased_until,
    )
    return failed


async def purge_documents(pool: Pool, *, limit: int) -> int:
    """Remove documents whose time is over; how many."""
    purged: int = await pool.fetchval("select purge_card_documents($1)", limit)
    return purged
