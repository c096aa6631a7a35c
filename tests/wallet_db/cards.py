"""Cards for tests of what is done to them: made by the import, which needs no provider and no money."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from wallet_db.connect import Pool
from wallet_db.sealing import CardKeys, place

KEYS = CardKeys.parse(CardKeys.make("k1"))


async def new_card(
    db: Pool,
    user: UUID,
    status: str = "active",
    *,
    balance: str = "10.00",
    provider_card_id: str | None = None,
    keys: CardKeys = KEYS,
) -> UUID:
    """A card of 4242, until 05/29, in this state."""
    card = uuid4()
    outcome = await db.fetchval(
        "select import_card($1, 'strowallet', $2, $3, $4, $5, $6, $7)",
        card,
        provider_card_id or card.hex[:10],
        user,
        status,
        Decimal(balance),
        keys.seal(b"4242", place("cards", "last4_sealed", card)),
        keys.seal(b"05/29", place("cards", "expiry_sealed", card)),
    )
    assert outcome == "imported"
    return card


async def new_transaction(
    db: Pool,
    card: UUID,
    usd: str = "-10.00",
    *,
    at: datetime | None = None,
    ago: timedelta = timedelta(0),
    status: str = "completed",
    type_: str = "debit",
) -> int:
    """What a provider told of a card; its number."""
    id_: int = await db.fetchval(
        "insert into card_transactions (card_id, user_id, provider_transaction_id, usd, type, status, at)"
        " select id, user_id, $2, $3, $4, $5, coalesce($6, now() - $7::interval) from cards where id = $1 returning id",
        card,
        uuid4().hex,
        Decimal(usd),
        type_,
        status,
        at,
        ago,
    )
    return id_


async def new_webhook(db: Pool, *, status: str = "applied", ago: timedelta = timedelta(0)) -> int:
    """A webhook that came so long ago; its number."""
    id_: int = await db.fetchval(
        "insert into strowallet_webhook_events (event_id, event, payload, signature_valid, status, received_at, due_at)"
        " values ($1, 'balance.updated', '{\"amount\": \"3\"}', true, $2, now() - $3::interval,"
        " case $2 when 'new' then now() end) returning id",
        uuid4().hex,
        status,
        ago,
    )
    return id_
