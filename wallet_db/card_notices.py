"""What comes to the pollers of cards unasked: a provider's webhooks, and owners who want to see their card's number.

Each call is one short transaction. Of a number nothing is written: its answer goes through the database as a NOTIFY,
sealed to the process that asked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals
from wallet_db.orders import JsonObject

JOBS = "onesms_card_jobs"
"""NOTIFY: there is something to do: `customers`, `cards`, `fundings`, `webhooks` or `reveals`."""


@dataclass(frozen=True, slots=True)
class WebhookJob:
    """What a provider told us, leased to whoever claimed it until `leased_until`. A hint: the card is looked at."""

    id: int
    event_id: str
    event: str
    provider_card_id: str | None
    card_id: UUID | None
    """None: no card of ours, or not yet."""
    payload: JsonObject
    received_at: datetime
    was_due_at: datetime
    leased_until: datetime
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when it was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead


@dataclass(frozen=True, slots=True)
class RevealJob:
    """A card's number to be told to its owner before `expires_at`, sealed to public_key (X25519)."""

    id: UUID
    card_id: UUID
    user_id: UUID
    provider: str
    provider_card_id: str
    public_key: bytes
    asked_at: datetime
    expires_at: datetime
    was_due_at: datetime
    leased_until: datetime


async def claim_card_webhooks(pool: Pool, *, limit: int, lease: timedelta) -> list[WebhookJob]:
    """Lease up to `limit` webhooks that nobody has looked into."""
    rows = await pool.fetch("select * from claim_card_webhooks($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [
        WebhookJob(
            **dict(row) | {"payload": orjson.loads(row["payload"])}, clock_ahead=row["leased_until"] - lease - here
        )
        for row in rows
    ]


async def reschedule_webhook(pool: Pool, job: WebhookJob, due_at: datetime) -> None:
    """Give the lease back: it is next due then."""
    await pool.fetchval("select reschedule_card_webhook($1, $2, $3)", job.id, job.leased_until, due_at)


async def finish_webhook(
    pool: Pool, job: WebhookJob, status: str, *, error: str | None = None, card_id: UUID | None = None
) -> bool:
    """It has been `applied`, `ignored`, or `failed` for good. False: the lease is another's by now."""
    finished: bool = await pool.fetchval(
        "select finish_card_webhook($1, $2, $3, $4, p_leased_until => $5)",
        job.id,
        status,
        error,
        card_id,
        job.leased_until,
    )
    return finished


async def claim_card_reveals(pool: Pool, *, limit: int, lease: timedelta) -> list[RevealJob]:
    """Lease up to `limit` reveals that somebody still waits for."""
    return [RevealJob(**row) for row in await pool.fetch("select * from claim_card_reveals($1, $2)", limit, lease)]


async def answer_reveal(pool: Pool, reveal_id: UUID, answer: str) -> bool:
    """Tell the number, sealed to who asked. False: nobody waits any more, and nothing went out."""
    with refusals():
        told: bool = await pool.fetchval("select finish_card_reveal($1, $2)", reveal_id, answer)
    return told


async def refuse_reveal(pool: Pool, reveal_id: UUID, error_code: str) -> bool:
    """Tell that the number is not told, and why. False: nobody waits any more."""
    refused: bool = await pool.fetchval("select finish_card_reveal($1, p_error_code => $2)", reveal_id, error_code)
    return refused
