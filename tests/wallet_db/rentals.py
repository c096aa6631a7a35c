"""What the tests of rentals share: rentals ordered and running, at 0.25 an hour."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from tests.wallet_db.support import MINUTE, NOW, Database, call

HOURS = 24
PRICE = Decimal("6.00")
ENDS_AT = NOW + timedelta(hours=HOURS)


async def sell_rentals(db: Database) -> None:
    """WhatsApp is for rent afterwards."""
    await db.execute("update services set rental_price_hour = 0.25 where service = 'whatsapp'")


async def rent(db: Database, user: UUID, **arguments: object) -> dict[str, Any]:
    """What create_rental answers, for a day of WhatsApp in Indonesia."""
    wanted = {"p_service": "whatsapp", "p_country": "indonesia", "p_hours": HOURS, "p_now": NOW, **arguments}
    answer: dict[str, Any] = await call(db, "create_rental", p_user_id=user, **wanted)
    return answer


async def running(db: Database, user: UUID) -> UUID:
    """A rental whose number is rented, since NOW."""
    rental = UUID((await rent(db, user))["id"])
    assert await call(db, "begin_rental_purchase", p_rental_id=rental, p_provider="p", p_seen=[], p_now=NOW)
    assert await record(db, rental)
    return rental


async def record(db: Database, rental: UUID) -> bool:
    recorded: bool = await call(
        db,
        "record_rental_purchase",
        p_rental_id=rental,
        p_provider_order_id=uuid4().hex,
        p_phone="6281234567890",
        p_cost=Decimal("1.5"),
        p_ends_at=ENDS_AT,
        p_due_at=NOW + MINUTE,
        p_now=NOW,
    )
    return recorded


async def extend(db: Database, user: UUID, rental: UUID, hours: int = 4, **arguments: object) -> dict[str, Any]:
    """What request_extension answers."""
    answer: dict[str, Any] = await call(
        db,
        "request_extension",
        **{"p_user_id": user, "p_rental_id": rental, "p_hours": hours, "p_now": NOW, **arguments},
    )
    return answer


async def apply(db: Database, rental: UUID, *messages: tuple[str, str]) -> int:
    """Apply messages, each an id and a text; how many were new."""
    told = [{"id": id_, "code": "", "text": text} for id_, text in messages]
    applied: int = await call(db, "apply_rental_sms", p_rental_id=rental, p_messages=json.dumps(told), p_now=NOW)
    return applied


async def close(db: Database, rental: UUID, status: str, **arguments: object) -> bool:
    closed: bool = await call(db, "close_rental", p_rental_id=rental, p_status=status, p_now=NOW, **arguments)
    return closed


async def row(db: Database, rental: UUID) -> Any:
    return await db.fetchrow("select * from rentals where id = $1", rental)


async def health(db: Database, user: UUID) -> str:
    """OK, WARNING or CRITICAL."""
    return str(await db.fetchval("select status from v_frozen_balance_health where user_id = $1", user))
