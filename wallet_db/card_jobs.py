"""Cards as jobs: what the pollers claim and write. Effects, locks and refusals: the SQL function of the same name.

Each call is one short transaction, and none is open while a provider is asked. Fundings are `card_fundings`' jobs, but
a card's first one, which is part of its creation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals
from wallet_db.orders import JsonObject


@dataclass(frozen=True, slots=True)
class CardJob:
    """A card to be made, looked at, blocked or unblocked, leased to whoever claimed it until `leased_until`."""

    id: UUID
    user_id: UUID
    status: str
    provider: str
    provider_card_id: str | None
    reference: str | None
    customer_id: UUID | None
    """None: imported, and so are the customer's other columns."""
    provider_customer_id: str | None
    customer_details: bytes | None
    """Sealed for `card_customers.details` and customer_id."""
    name_on_card_sealed: bytes | None
    last4_sealed: bytes | None
    balance: Decimal
    checked_at: datetime | None
    refresh_asked_at: datetime | None
    wanted_action: str | None
    wanted_by: str | None
    wanted_at: datetime | None
    action_started_at: datetime | None
    created_at: datetime
    request_id: str | None
    """Of the HTTP request that asked for it."""
    funding_id: UUID | None
    """Of its creation, as are the next three; None: imported."""
    usd: Decimal | None
    creation_begun_at: datetime | None
    """From here on it may have been made: never ask for it again."""
    creation_accepted_at: datetime | None
    was_due_at: datetime
    leased_until: datetime
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when the card was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead


@dataclass(frozen=True, slots=True)
class CardDoubt:
    """A creation that the provider may have carried out without our knowing. status: of our card."""

    card_id: UUID
    customer_id: UUID | None
    provider_customer_id: str | None
    name_on_card_sealed: bytes | None
    usd: Decimal
    begun_at: datetime
    status: str


async def claim_cards(pool: Pool, *, limit: int, lease: timedelta) -> list[CardJob]:
    """Lease up to `limit` due cards."""
    rows = await pool.fetch("select * from claim_cards($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [CardJob(**row, clock_ahead=row["leased_until"] - lease - here) for row in rows]


async def reschedule(pool: Pool, job: CardJob, due_at: datetime | None) -> None:
    """Give the lease back: the card is next due then; None: when somebody wants something of it."""
    await pool.fetchval("select reschedule_card($1, $2, $3)", job.id, job.leased_until, due_at)


async def begin_creation(pool: Pool, job: CardJob) -> bool:
    """Whether the caller, and nobody else, is to ask for this card now."""
    begun: bool = await pool.fetchval("select begin_card_creation($1, p_leased_until => $2)", job.id, job.leased_until)
    return begun


async def abandon_creation(pool: Pool, job: CardJob, due_at: datetime) -> bool:
    """The provider surely made no card; try again then. False: the lease is another's by now, or it was accepted."""
    abandoned: bool = await pool.fetchval("select abandon_card_creation($1, $2, $3)", job.id, due_at, job.leased_until)
    return abandoned


async def record_created(
    pool: Pool, card_id: UUID, provider_card_id: str, *, reference: str | None, due_at: datetime
) -> str:
    """The provider makes the card, under this id of its own: `recorded`, `replayed`, `taken` or `decided`.

    It needs no lease: a creation that was begun is taken back by nobody but who began it.
    """
    with refusals():
        outcome: str = await pool.fetchval(
            "select record_card_created($1, $2, $3, $4)", card_id, provider_card_id, reference, due_at
        )
    return outcome


async def fail_card(pool: Pool, job: CardJob, error_code: str, *, is_final: bool = False) -> bool:
    """No card is made, and what it held goes back. False: it was decided otherwise first, or the lease is another's.

    is_final: whoever has the lease could see nothing else, so that it is not asked for.
    """
    with refusals():
        failed: bool = await pool.fetchval(
            "select fail_card($1, $2, p_leased_until => $3)", job.id, error_code, None if is_final else job.leased_until
        )
    return failed


async def record_state(
    pool: Pool,
    card_id: UUID,
    *,
    status: str | None,
    balance: Decimal | None,
    checked_at: datetime,
    last4_sealed: bytes | None = None,
    expiry_sealed: bytes | None = None,
    brand: str | None = None,
    due_at: datetime | None = None,
    leased_until: datetime | None = None,
    actor_type: str = "provider",
    reason: str | None = None,
) -> str:
    """What the provider says of a card, asked at checked_at: `recorded`, `stale`, `ended` or `refused`.

    status: ours; None: it said nothing of it. due_at counts where the card's lease is still leased_until.
    """
    with refusals():
        outcome: str = await pool.fetchval(
            "select record_card_state($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            card_id,
            status,
            balance,
            checked_at,
            last4_sealed,
            expiry_sealed,
            brand,
            due_at,
            leased_until,
            actor_type,
            reason,
        )
    return outcome


async def record_transactions(
    pool: Pool, card_id: UUID, transactions: Sequence[JsonObject], *, tell: bool = True
) -> int:
    """What the provider lists of the card, as `record_card_transactions` takes it; how many were new or changed.

    tell: the owner gets an event of each; False: for what happened before anybody asked.
    """
    if not transactions:
        return 0
    with refusals():
        written: int = await pool.fetchval(
            "select record_card_transactions($1, $2::text::jsonb, p_tell => $3)",
            card_id,
            orjson.dumps(list(transactions), default=str).decode(),
            tell,
        )
    return written


async def begin_action(pool: Pool, job: CardJob) -> str | None:
    """What the caller is to ask the provider to do with the card; None: nothing any more, or the lease is another's."""
    action: str | None = await pool.fetchval(
        "select begin_card_action($1, p_leased_until => $2)", job.id, job.leased_until
    )
    return action


async def abandon_action(pool: Pool, job: CardJob, due_at: datetime) -> bool:
    """The provider surely did not do it; ask again then. False: the lease is another's by now."""
    abandoned: bool = await pool.fetchval("select abandon_card_action($1, $2, $3)", job.id, due_at, job.leased_until)
    return abandoned


async def refuse_action(
    pool: Pool, card_id: UUID, action: str, error_code: str, *, due_at: datetime | None = None
) -> bool:
    """The provider will not do it; the user is told. False: that is not what is wanted any more."""
    with refusals():
        refused: bool = await pool.fetchval(
            "select refuse_card_action($1, $2, $3, $4)", card_id, action, error_code, due_at
        )
    return refused


async def read_doubts(pool: Pool, provider: str, *, since: datetime) -> list[CardDoubt]:
    """The creations that a card unknown to us may be; those given up in doubt since then among them."""
    rows = await pool.fetch("select * from read_card_doubts($1, $2)", provider, since)
    return [CardDoubt(**row) for row in rows]


async def find_card(pool: Pool, provider: str, provider_card_id: str) -> UUID | None:
    """Our card that the provider calls so."""
    card_id: UUID | None = await pool.fetchval(
        "select id from cards where provider = $1 and provider_card_id = $2", provider, provider_card_id
    )
    return card_id


async def purge_numbers(pool: Pool, *, limit: int, closed_before: datetime) -> int:
    """Forget what is kept of the numbers of cards closed before then; of how many."""
    purged: int = await pool.fetchval("select purge_card_numbers($1, $2)", limit, closed_before)
    return purged
