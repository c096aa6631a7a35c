"""What the tests of cards share: customers, cards at every stage, fundings; 2.00 a card, 1.122 a dollar on it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson

from tests.wallet_db.support import Database, call
from wallet_db import card_customers, card_fundings, card_jobs, cards
from wallet_db.card_customers import CustomerJob
from wallet_db.card_fundings import FundingJob
from wallet_db.card_jobs import CardJob
from wallet_db.connect import Pool

PROVIDER = "p"
LEASE = timedelta(minutes=1)
CREATION = Decimal("13.22")
"""Of a card with 10 USD: 2.00 + 10 x 1.10 + 2 %."""
SEALED = b"sealed"


async def sell_cards(db: Database) -> None:
    """Cards are for sale afterwards."""
    await db.execute(
        "insert into card_offers (provider, creation_fee, usd_price, funding_fee_percent, usd_min, usd_max, on_sale)"
        " values ($1, 2, 1.10, 2, 1, 500, true) on conflict do nothing",
        PROVIDER,
    )


async def submit(db: Pool, user: UUID, **arguments: Any) -> dict[str, Any]:
    """What create_card_customer answers."""
    documents = arguments.pop("documents", ("id_image", "user_photo"))
    wanted = {
        "provider": PROVIDER,
        "details": SEALED,
        "email_digest": user.bytes,
        "documents": [cards.SealedDocument(uuid4(), kind, "image/png", SEALED) for kind in documents],
        **arguments,
    }
    return await cards.create_card_customer(db, user, uuid4(), **wanted)


async def claim_customer(db: Pool, customer: UUID) -> CustomerJob:
    jobs = await card_customers.claim_card_customers(db, limit=100, lease=LEASE)
    return next(job for job in jobs if job.id == customer)


async def registered(db: Pool, user: UUID) -> UUID:
    """The user as a customer whom the provider knows."""
    customer = UUID((await submit(db, user))["customer_id"])
    assert await card_customers.record(db, customer, uuid4().hex, purge_at=datetime.now(UTC) + timedelta(days=30))
    return customer


async def order_card(db: Pool, user: UUID, usd: int | Decimal = 10, **arguments: Any) -> dict[str, Any]:
    """What create_card answers."""
    wanted = {"provider": PROVIDER, "usd": Decimal(usd), "name_sealed": SEALED, **arguments}
    return await cards.create_card(db, user, uuid4(), **wanted)


async def ordered(db: Pool, user: UUID) -> UUID:
    """A card that is to be made; its user is registered, if need be."""
    if await cards.read_card_customer(db, user, PROVIDER) is None:
        await registered(db, user)
    return UUID((await order_card(db, user))["card_id"])


async def claim_card(db: Pool, card: UUID) -> CardJob:
    """The card's job; the others that are due stay so."""
    await db.execute("update cards set due_at = now() - interval '1 day' where id = $1 and due_at <= now()", card)
    [job] = await card_jobs.claim_cards(db, limit=1, lease=LEASE)
    assert job.id == card
    return job


async def accepted(db: Pool, user: UUID) -> UUID:
    """A card that the provider makes."""
    card = await ordered(db, user)
    job = await claim_card(db, card)
    assert await card_jobs.begin_creation(db, job)
    assert await card_jobs.record_created(db, card, uuid4().hex, reference="r", due_at=job.now()) == "recorded"
    return card


async def active(db: Pool, user: UUID) -> UUID:
    """A card that can be used, with 10 USD on it, of which nobody wants anything."""
    card = await accepted(db, user)
    lease = await db.fetchval("select due_at from cards where id = $1", card)
    assert await tell(db, card, "active", balance=10, leased_until=lease) == "recorded"
    return card


async def tell(db: Pool, card: UUID, status: str | None, **arguments: Any) -> str:
    """What record_card_state makes of the provider's word, asked for now."""
    balance = arguments.pop("balance", None)
    word = {
        "status": status,
        "balance": None if balance is None else Decimal(balance),
        "checked_at": await db.fetchval("select clock_timestamp()"),
        **arguments,
    }
    return await card_jobs.record_state(db, card, **word)


async def fund(db: Pool, user: UUID, card: UUID, usd: int | Decimal = 5, **arguments: Any) -> dict[str, Any]:
    """What request_card_funding answers; 5 USD are 5.61: 5 x 1.10 + 2 %."""
    return await cards.request_card_funding(db, user, card, Decimal(usd), **arguments)


async def funding_of(db: Pool, user: UUID, card: UUID) -> UUID:
    """A funding of 5 USD, asked for."""
    return UUID((await fund(db, user, card))["funding"]["id"])


async def claim_funding(db: Pool, funding: UUID) -> FundingJob:
    """The funding's job; the others that are due stay so."""
    await db.execute(
        "update card_fundings set due_at = now() - interval '1 day'"
        " where id = $1 and status in ('ordering', 'pending')",
        funding,
    )
    [job] = await card_fundings.claim_card_fundings(db, limit=1, lease=LEASE)
    assert job.id == funding
    return job


async def begun(db: Pool, user: UUID, card: UUID) -> FundingJob:
    """A funding of 5 USD that may have been paid."""
    job = await claim_funding(db, await funding_of(db, user, card))
    assert await card_fundings.begin(db, job, ["old"])
    return job


async def row(db: Database, card: UUID) -> Any:
    return await db.fetchrow("select * from cards where id = $1", card)


async def funding_row(db: Database, funding: UUID) -> Any:
    return await db.fetchrow("select * from card_fundings where id = $1", funding)


async def creation_of(db: Database, card: UUID) -> Any:
    return await db.fetchrow("select * from card_fundings where card_id = $1 and kind = 'creation'", card)


async def audit_of(db: Database, card: UUID) -> list[tuple[str, str, str, dict[str, Any]]]:
    """What was done to the card: action, actor type and id, diff."""
    rows = await db.fetch(
        "select action, actor_type, actor_id, diff from strowallet_card_audit where card_id = $1 order by id", card
    )
    return [(action, actor_type, actor_id, orjson.loads(diff)) for action, actor_type, actor_id, diff in rows]


async def events_of(db: Database, user: UUID) -> list[tuple[str, dict[str, Any]]]:
    """The user's events about cards, oldest first."""
    rows = await db.fetch(
        "select type, payload from events where user_id = $1 and type like 'card.%' order by seq", user
    )
    return [(type_, orjson.loads(payload)) for type_, payload in rows]


async def health(db: Database, user: UUID) -> str:
    """OK, WARNING or CRITICAL."""
    return str(await db.fetchval("select status from v_frozen_balance_health where user_id = $1", user))


async def reached(db: Pool, user: UUID, status: str) -> UUID:
    """A card in this status."""
    if status == "pending_activation":
        return await accepted(db, user)
    if status == "failed":
        card = await ordered(db, user)
        assert await call(db, "fail_card", p_card_id=card, p_error_code="REFUSED")
        return card
    card = await active(db, user)
    if status != "active":
        assert await tell(db, card, status) == "recorded"
    return card
