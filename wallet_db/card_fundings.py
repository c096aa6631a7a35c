"""Fundings of cards as jobs: what the pollers claim and write. Effects and locks: the SQL function of the same name.

Each call is one short transaction, and none is open while a provider is asked. No call that pays is repeated: who finds
a funding begun looks for it among the card's transactions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class FundingJob:
    """Money to go onto a card, leased to whoever claimed it until `leased_until`."""

    id: UUID
    card_id: UUID
    user_id: UUID
    status: str
    usd: Decimal
    price: Decimal
    provider: str
    provider_card_id: str
    card_status: str
    provider_reference: str | None
    seen: Sequence[str] | None
    """The provider's transactions of the card before it was begun; None: not begun."""
    begun_at: datetime | None
    """From here on it may have been paid."""
    accepted_at: datetime | None
    created_at: datetime
    request_id: str | None
    """Of the HTTP request that asked for it."""
    was_due_at: datetime
    leased_until: datetime
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when the funding was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead


async def claim_card_fundings(pool: Pool, *, limit: int, lease: timedelta) -> list[FundingJob]:
    """Lease up to `limit` due fundings; a card's first one is not among them."""
    rows = await pool.fetch("select * from claim_card_fundings($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [FundingJob(**row, clock_ahead=row["leased_until"] - lease - here) for row in rows]


async def reschedule(pool: Pool, job: FundingJob, due_at: datetime) -> None:
    """Give the lease back: the funding is next due then."""
    await pool.fetchval("select reschedule_card_funding($1, $2, $3)", job.id, job.leased_until, due_at)


async def begin(pool: Pool, job: FundingJob, seen: Sequence[str]) -> bool:
    """Whether the caller, and nobody else, is to pay now. seen: the card's transactions that the provider lists.

    False as well if the card is not to be used any more: the funding has ended then, and its money is back.
    """
    with refusals():
        begun: bool = await pool.fetchval(
            "select begin_card_funding($1, $2, p_leased_until => $3)", job.id, list(seen), job.leased_until
        )
    return begun


async def abandon(pool: Pool, job: FundingJob, due_at: datetime) -> bool:
    """The provider surely was not paid; try again then. False: the lease is another's by now, who decides."""
    abandoned: bool = await pool.fetchval("select abandon_card_funding($1, $2, $3)", job.id, due_at, job.leased_until)
    return abandoned


async def accept(pool: Pool, funding_id: UUID, *, reference: str | None, due_at: datetime) -> bool:
    """The provider has taken it on and confirms it later. False: it was decided already. No lease: its word counts."""
    with refusals():
        accepted: bool = await pool.fetchval("select accept_card_funding($1, $2, $3)", funding_id, reference, due_at)
    return accepted


async def complete(pool: Pool, funding_id: UUID, *, provider_transaction_id: str | None) -> bool:
    """The money is on the card, by this transaction of it. False: it was decided already. No lease: its word counts."""
    with refusals():
        completed: bool = await pool.fetchval(
            "select complete_card_funding($1, $2)", funding_id, provider_transaction_id
        )
    return completed


async def fail(pool: Pool, job: FundingJob, error_code: str, *, is_final: bool = False) -> bool:
    """The money is not on the card, and goes back. False: it was decided otherwise first, or the lease is another's.

    is_final: whoever has the lease could see nothing else, so that it is not asked for.
    """
    with refusals():
        failed: bool = await pool.fetchval(
            "select fail_card_funding($1, $2, p_leased_until => $3)",
            job.id,
            error_code,
            None if is_final else job.leased_until,
        )
    return failed


async def has_rivals(pool: Pool, job: FundingJob) -> bool:
    """Whether what shows now may be another's payment, for this card and as much.

    That of an earlier funding that was given up in doubt, or whose hold somebody has ended by its name before its
    payment had shown; or what the card was made with, if that was not listed yet when this one was begun.
    """
    found: bool = await pool.fetchval(
        "select exists (select from card_fundings where card_id = $1 and id <> $2 and usd = $3 and kind = 'funding'"
        " and begun_at is not null and provider_transaction_id is null"
        " and (status = 'completed' or error_code in ('CARD_FUNDING_MAY_EXIST', 'REFUNDED')))"
        " or exists (select from card_fundings where card_id = $1 and usd = $3 and kind = 'creation')"
        " and not exists (select from card_transactions t where card_id = $1 and usd = $3"
        " and provider_transaction_id = any($4::text[]) and not exists (select from card_fundings f"
        " where f.card_id = $1 and f.provider_transaction_id = t.provider_transaction_id))",
        job.card_id,
        job.id,
        job.usd,
        list(job.seen or ()),
    )
    return found


async def taken(pool: Pool, job: FundingJob) -> set[str]:
    """The provider's transactions that other fundings of this card have turned out to be."""
    rows = await pool.fetch(
        "select provider_transaction_id from card_fundings"
        " where card_id = $1 and id <> $2 and provider_transaction_id is not null",
        job.card_id,
        job.id,
    )
    return {row["provider_transaction_id"] for row in rows}
