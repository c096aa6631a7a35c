"""Reconciliations of cards as rows: asked for, worked on in steps under a lease, and reported.

Effects and locks: the SQL function of the same name. A provider has one open at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Connection, Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class ReconciliationJob:
    """An open reconciliation, the claimer's until `leased_until`. after_id: cards up to here have been compared."""

    id: int
    provider: str
    correct: bool
    asked_by: str
    after_id: UUID | None
    started_at: datetime
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class ComparedCard:
    """Our side of a card. is_moving: ours and theirs may differ rightly, for something is under way."""

    id: UUID
    provider_card_id: str
    status: str
    balance: Decimal
    checked_at: datetime | None
    is_moving: bool


@dataclass(slots=True)
class Tally:
    """What a step adds up to: cards compared, left out because they move, and because they could not be asked about.

    beyond: balances that differ by more than is tolerated.
    """

    cards: int = 0
    moving: int = 0
    unread: int = 0
    beyond: int = 0
    usd_ours: Decimal = field(default_factory=Decimal)
    usd_theirs: Decimal = field(default_factory=Decimal)


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconciliation has found, as far as it has come. kinds: mismatches by kind.

    worst: the largest of them, 50 at most. agrees: None while it is not over.
    """

    id: int
    provider: str
    asked_by: str
    correct: bool
    started_at: datetime | None
    ended_at: datetime | None
    cards: int
    moving: int
    unread: int
    mismatches: int
    corrected: int
    beyond: int
    usd_ours: Decimal
    usd_theirs: Decimal
    agrees: bool | None
    kinds: dict[str, int]
    worst: list[dict[str, Any]]


async def ask_card_reconciliation(
    connection: Connection | Pool, provider: str, *, correct: bool, asked_by: str | None = None
) -> int:
    """Ask for one; the id of the one that is open from now on. asked_by: None is whoever the database says."""
    with refusals():
        id_: int = await connection.fetchval("select ask_card_reconciliation($1, $2, $3)", provider, correct, asked_by)
    return id_


async def claim_card_reconciliations(
    pool: Pool, providers: Sequence[str], *, limit: int, lease: timedelta
) -> list[ReconciliationJob]:
    """Lease up to `limit` that are due, of these providers."""
    rows = await pool.fetch("select * from claim_card_reconciliations($1, $2, $3)", list(providers), limit, lease)
    return [ReconciliationJob(**row) for row in rows]


async def read_cards_to_compare(pool: Pool, provider: str, after_id: UUID | None, limit: int) -> list[ComparedCard]:
    """The next ones, by id."""
    rows = await pool.fetch("select * from read_cards_to_compare($1, $2, $3)", provider, after_id, limit)
    return [ComparedCard(**row) for row in rows]


async def reread_card_to_compare(pool: Pool, card: ComparedCard) -> ComparedCard | None:
    """The card as it is now; None: it is not to be compared any more."""
    row = await pool.fetchrow(
        "select n.* from cards c, read_cards_to_compare(c.provider, null, 1, p_card_id => c.id) n where c.id = $1",
        card.id,
    )
    return ComparedCard(**row) if row is not None else None


async def correct_card(
    connection: Connection, card_id: UUID, status: str, balance: Decimal | None, asked_at: datetime
) -> str:
    """Write the provider's word: what `record_card_state` says of it. The card's time table stays as it is."""
    with refusals():
        outcome: str = await connection.fetchval(
            "select record_card_state(p_card_id => $1, p_status => $2, p_balance => $3, p_checked_at => $4,"
            " p_last4_sealed => null, p_expiry_sealed => null, p_brand => null, p_due_at => null,"
            " p_leased_until => '-infinity', p_actor_type => 'system', p_reason => 'reconciliation')",
            card_id,
            status,
            balance,
            asked_at,
        )
    return outcome


async def record_card_mismatch(
    connection: Connection,
    reconciliation_id: int,
    card_id: UUID,
    kind: str,
    *,
    ours: str | None,
    theirs: str | None,
    corrected: bool,
) -> None:
    """Write down what differs: `balance`, `status` or `missing`."""
    await connection.execute(
        "select record_card_mismatch($1, $2, $3, $4, $5, $6)", reconciliation_id, card_id, kind, ours, theirs, corrected
    )


async def advance_card_reconciliation(
    pool: Pool, job: ReconciliationJob, after_id: UUID | None, tally: Tally, *, due_at: datetime
) -> bool:
    """Add a step's figures; the lease goes on until due_at. Whether the lease was still held."""
    advanced: bool = await pool.fetchval(
        "select advance_card_reconciliation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        job.id,
        job.leased_until,
        due_at,
        after_id,
        tally.cards,
        tally.moving,
        tally.unread,
        tally.beyond,
        tally.usd_ours,
        tally.usd_theirs,
    )
    return advanced


async def finish_card_reconciliation(pool: Pool, job: ReconciliationJob) -> bool:
    """All cards have been compared. Whether the lease was still held."""
    finished: bool = await pool.fetchval("select finish_card_reconciliation($1, $2)", job.id, job.leased_until)
    return finished


async def read_card_reconciliation(connection: Connection | Pool, id_: int) -> Report | None:
    """One of them, open or over."""
    row = await connection.fetchrow(
        "select id, provider, asked_by, correct, started_at, ended_at, cards, moving, unread, mismatches, corrected,"
        " beyond, usd_ours, usd_theirs, report from card_reconciliations where id = $1",
        id_,
    )
    if row is None:
        return None
    columns = dict(row)
    report = orjson.loads(columns.pop("report"))
    return Report(**columns, agrees=report.get("agrees"), kinds=report.get("kinds", {}), worst=report.get("worst", []))
