"""Cards as rows: what the gateway writes and reads of them. Effects and refusals: `sql/functions/`.

What tells whose card it is comes sealed and goes sealed: nothing here has a key. A row that something is sealed for is
named by who sealed it, before it exists: the seal holds for that row alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from wallet_db.connect import Pool
from wallet_db.errors import refusals
from wallet_db.orders import JsonObject

ANSWERS = "onesms_card_reveals"
"""NOTIFY: a reveal's sealed answer, or {"id", "error_code"}."""


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """An image of who a customer is. kind: `id_image` or `user_photo`."""

    id: UUID
    kind: str
    content_type: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class OwnedCard:
    """A card with what only its owner, or an operator, is shown. `checked_at`: when the provider was asked last.

    refresh_asked_at: somebody wants it looked at since then; null, when that has been done.
    """

    id: UUID
    user_id: UUID
    checked_at: datetime | None
    refresh_asked_at: datetime | None
    name_on_card_sealed: bytes | None
    last4_sealed: bytes | None
    expiry_sealed: bytes | None
    shown: JsonObject
    """As in events: nothing sealed."""


_OWNED = (
    "id, user_id, checked_at, refresh_asked_at, name_on_card_sealed, last4_sealed, expiry_sealed, card_json(c) as shown"
)


async def read_card_offer(pool: Pool, provider: str) -> JsonObject | None:
    """What its cards cost: `{"on_sale", "creation_fee", "usd_price", "funding_fee_percent", "usd_min", "usd_max"}`."""
    row = await pool.fetchrow(
        "select on_sale, creation_fee::text, usd_price::text, funding_fee_percent::text, usd_min::text, usd_max::text"
        " from card_offers where provider = $1",
        provider,
    )
    return dict(row) if row is not None else None


async def create_card_customer(
    pool: Pool,
    user_id: UUID,
    customer_id: UUID,
    *,
    provider: str,
    details: bytes,
    email_digest: bytes,
    documents: Sequence[SealedDocument],
    idempotency_key: str | None = None,
    request_id: str | None = None,
    request_digest: bytes | None = None,
) -> JsonObject:
    """Write down that the user is to be registered with the provider. The customer, with `replayed`.

    details: sealed for `customer_id`. email_digest: of the address by which the provider knows customers.
    """
    return await _call(
        pool,
        "create_card_customer($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        user_id,
        customer_id,
        provider,
        details,
        email_digest,
        [document.id for document in documents],
        [document.kind for document in documents],
        [document.content_type for document in documents],
        [document.sealed for document in documents],
        idempotency_key,
        request_id,
        request_digest,
    )


async def read_card_customer(pool: Pool, user_id: UUID, provider: str) -> JsonObject | None:
    """The user as the provider's customer; None: never submitted."""
    text = await pool.fetchval("select read_card_customer($1, $2)", user_id, provider)
    return orjson.loads(text) if text is not None else None


async def create_card(
    pool: Pool,
    user_id: UUID,
    card_id: UUID,
    *,
    provider: str,
    usd: Decimal,
    name_sealed: bytes,
    idempotency_key: str | None = None,
    request_id: str | None = None,
    request_digest: bytes | None = None,
) -> JsonObject:
    """Write a card's intent and freeze what it costs with its first dollars. The card, with `replayed`.

    name_sealed: the name on it, sealed for `card_id`; of a replay the first call's id counts.
    """
    return await _call(
        pool,
        "create_card($1, $2, $3, $4, $5, $6, $7, $8)",
        user_id,
        card_id,
        provider,
        usd,
        name_sealed,
        idempotency_key,
        request_id,
        request_digest,
    )


async def request_card_funding(
    pool: Pool,
    user_id: UUID,
    card_id: UUID,
    usd: Decimal,
    *,
    idempotency_key: str | None = None,
    request_id: str | None = None,
    request_digest: bytes | None = None,
) -> JsonObject:
    """Write down that money is to go onto the card, freeze what it costs. The card with this `funding`, `replayed`."""
    return await _call(
        pool,
        "request_card_funding($1, $2, $3, $4, $5, $6)",
        user_id,
        card_id,
        usd,
        idempotency_key,
        request_id,
        request_digest,
    )


async def request_card_action(
    pool: Pool,
    card_id: UUID,
    action: str,
    *,
    user_id: UUID | None,
    actor_type: str = "user",
    actor_id: str | None = None,
) -> JsonObject:
    """Write down that the card is to be blocked or unblocked. The card.

    user_id: its owner; None: whoever may with any card, an `operator` or the `system`, named by actor_id.
    """
    return await _call(pool, "request_card_action($1, $2, $3, $4, $5)", user_id, card_id, action, actor_type, actor_id)


async def ask_card_refresh(pool: Pool, card_id: UUID, *, unless_since: datetime | None = None) -> bool:
    """Whether it was this call that made the card due for a look; its owner gets a card.updated after it.

    unless_since: a look begun since then will do. None: something has happened to the card.
    """
    with refusals():
        asked: bool = await pool.fetchval("select ask_card_refresh($1, p_unless_since => $2)", card_id, unless_since)
    return asked


async def ask_card_reveal(pool: Pool, user_id: UUID, card_id: UUID, public_key: bytes, *, wait: timedelta) -> UUID:
    """Ask for the card's number; the reveal's id, by which the answer comes on `ANSWERS`, sealed to public_key."""
    with refusals():
        reveal_id: UUID = await pool.fetchval(
            "select ask_card_reveal($1, $2, $3, $4)", user_id, card_id, public_key, wait
        )
    return reveal_id


async def take_card_webhook(
    pool: Pool,
    *,
    event_id: str,
    event: str,
    provider: str,
    provider_card_id: str | None,
    payload: JsonObject,
    signature_valid: bool,
) -> bool:
    """Keep what the provider told us; False: it is here already. payload: without any number of a card."""
    taken: bool = await pool.fetchval(
        "select take_card_webhook($1, $2, $3, $4, $5::text::jsonb, $6)",
        event_id,
        event,
        provider,
        provider_card_id,
        orjson.dumps(payload).decode(),
        signature_valid,
    )
    return taken


async def read_card(pool: Pool, card_id: UUID, *, user_id: UUID | None) -> OwnedCard | None:
    """One card; None: not theirs, or not at all. user_id None: anybody's, for operators."""
    row = await pool.fetchrow(
        f"select {_OWNED} from cards c where id = $1 and ($2::uuid is null or user_id = $2)",  # noqa: S608 - above
        card_id,
        user_id,
    )
    return _owned(row) if row is not None else None


async def read_card_funding(pool: Pool, user_id: UUID, funding_id: UUID) -> JsonObject | None:
    """One funding of this user's cards; None: not theirs, or not at all."""
    text = await pool.fetchval(
        "select card_funding_json(f) from card_fundings f where id = $1 and user_id = $2", funding_id, user_id
    )
    return orjson.loads(text) if text is not None else None


async def list_cards(
    pool: Pool, *, user_id: UUID | None, limit: int, offset: int = 0
) -> tuple[int, Sequence[OwnedCard]]:
    """How many cards there are, and some of them, newest first. user_id None: everybody's, for operators."""
    total = await pool.fetchval("select count(*) from cards where $1::uuid is null or user_id = $1", user_id)
    rows = await pool.fetch(
        f"select {_OWNED} from cards c where $1::uuid is null or user_id = $1"  # noqa: S608 - above
        " order by created_at desc, id desc limit $2 offset $3",
        user_id,
        limit,
        offset,
    )
    return total, [_owned(row) for row in rows]


async def list_card_transactions(
    pool: Pool, card_id: UUID, *, limit: int, before: tuple[datetime, int] | None = None
) -> list[tuple[datetime, int, JsonObject]]:
    """The card's transactions, newest first, each with its (at, id): the keyset to go on `before`."""
    rows = await pool.fetch(
        "select at, id, card_transaction_json(t) from card_transactions t"
        " where card_id = $1 and ($2::timestamptz is null or (at, id) < ($2, $3::bigint))"
        " order by at desc, id desc limit $4",
        card_id,
        *(before or (None, None)),
        limit,
    )
    return [(at, number, orjson.loads(text)) for at, number, text in rows]


def _owned(row: asyncpg.Record) -> OwnedCard:
    return OwnedCard(**dict(row) | {"shown": orjson.loads(row["shown"])})


async def _call(pool: Pool, call: str, *arguments: object) -> JsonObject:
    with refusals():
        text: Any = await pool.fetchval(f"select {call}", *arguments)
    answer: JsonObject = orjson.loads(text)
    return answer
