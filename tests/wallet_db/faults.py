"""Wallets broken behind the functions' back, and how they look then.

A fault is made as a superuser would make it, with triggers and foreign keys off; figures that the table's constraints
forbid, with those dropped and put back for all later rows, as they would be found.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson

from wallet_db.connect import Pool
from wallet_db.events import OPERATORS

CONSTRAINTS = {
    "users_frozen_not_negative": "frozen_balance >= 0",
    "users_frozen_within_balance": "frozen_balance <= balance",
}


async def tamper(db: Pool, statement: str, *arguments: object) -> None:
    """Change rows with every trigger and foreign key off."""
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        assert not (await connection.execute(statement, *arguments)).endswith(" 0"), "nothing was tampered with"


async def set_figures(db: Pool, user: UUID, *, balance: str | None = None, frozen: str | None = None) -> None:
    """Write figures into a wallet that its constraints may forbid."""
    for name in CONSTRAINTS:
        await db.execute(f"alter table users drop constraint {name}")
    await tamper(
        db,
        "update users set balance = coalesce($2, balance), frozen_balance = coalesce($3, frozen_balance) where id = $1",
        user,
        Decimal(balance) if balance else None,
        Decimal(frozen) if frozen else None,
    )
    for name, rule in CONSTRAINTS.items():
        await db.execute(f"alter table users add constraint {name} check ({rule}) not valid")


async def health(db: Pool, user: UUID) -> Any:
    return await db.fetchrow("select * from v_frozen_balance_health where user_id = $1", user)


async def status_of(db: Pool, user: UUID) -> str:
    return str((await health(db, user))["status"])


async def alerts(db: Pool) -> list[Any]:
    rows = await db.fetch("select type, payload from events where user_id = $1 order by seq", UUID(OPERATORS))
    assert {row["type"] for row in rows} <= {"admin.alert"}
    return [orjson.loads(row["payload"]) for row in rows]


async def untouched(db: Pool, user: UUID) -> Any:
    """All of a user's rows that a correction could change."""
    return await db.fetchrow(
        "select u.*, (select count(*) from balance_operations where user_id = u.id) as operations,"
        " (select jsonb_agg(h order by transaction_id) from wallet_holds h where user_id = u.id) as holds,"
        " (select jsonb_agg(a order by id) from activations a where user_id = u.id) as orders"
        " from users u where id = $1",
        user,
    )


async def close_behind_the_back(db: Pool, activation: UUID, status: str) -> None:
    """The order ends and its hold does not."""
    await tamper(
        db,
        "update activations set status = $2, frozen_amount = 0,"
        " closed_at = case when $2 = 'received' then null else now() end,"
        " due_at = case when $2 = 'received' then due_at end where id = $1",
        activation,
        status,
    )


async def rental(db: Pool, user: UUID, status: str, amount: str = "7.00") -> UUID:
    """A rental with its hold; closed, it is one whose hold was forgotten."""
    rental_id, price, is_open = uuid4(), Decimal(amount), status == "active"
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "insert into rentals (id, user_id, service, country, status, hours, price, frozen_amount)"
            " values ($1, $2, 'whatsapp', 'indonesia', 'active', 4, $3, $3)",
            rental_id,
            user,
            price,
        )
        await connection.fetchval(
            "select atomic_freeze($1, $2, $3, p_rental_id => $4)", user, price, f"rental:{rental_id}", rental_id
        )
    if not is_open:
        await tamper(
            db,
            "update rentals set status = $2, frozen_amount = 0, closed_at = now(), due_at = null where id = $1",
            rental_id,
            status,
        )
    return rental_id
