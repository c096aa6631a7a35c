"""Accounts at providers as the pollers share them: whose turn it is to look at all open orders, and what is open.

Effects and locks: the SQL function of the same name. No transaction is open while a provider is asked.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class AccountLook:
    """An account as it was when it was claimed, or found claimed by another or not due.

    leased_until: by the database's clock; None if it was not claimed. is_covered: its orders need no look one by one.
    """

    provider: str
    leased_until: datetime | None
    is_covered: bool


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that waits for an SMS. age: since its purchase. is_watched: its user is likely to be looking."""

    id: UUID
    provider_order_id: str
    age: timedelta
    is_watched: bool


async def claim_account_looks(pool: Pool, providers: Collection[str], *, lease: timedelta) -> list[AccountLook]:
    """Lease the accounts that are due; tells of all of them."""
    rows = await pool.fetch("select * from claim_account_looks($1, $2)", list(providers), lease)
    return [AccountLook(**row) for row in rows]


async def finish_account_look(
    pool: Pool, look: AccountLook, *, pause: timedelta, covered: timedelta | None = None
) -> None:
    """Give the lease back: the account is due again after the pause.

    covered: so long its orders need no look one by one; None if this look was not answered.
    """
    await pool.execute(
        "select finish_account_look($1, $2, now() + $3::interval, now() + $4::interval)",
        look.provider,
        look.leased_until,
        pause,
        covered,
    )


async def read_open_orders(pool: Pool, provider: str, *, just_now: timedelta) -> list[OpenOrder]:
    """All orders of the account that wait for an SMS. just_now: so young an order is watched."""
    rows = await pool.fetch("select * from read_open_orders($1, $2)", provider, just_now)
    return [OpenOrder(*row) for row in rows]


async def hint_absent(pool: Pool, activation_ids: Collection[UUID], *, every: timedelta, limit: int) -> int:
    """Have orders looked at one by one that a look at all did not tell of."""
    hinted: int = await pool.fetchval("select hint_absent($1, $2, $3)", list(activation_ids), every, limit)
    return hinted


async def uncover_orders(pool: Pool, provider: str, *, within: timedelta) -> int:
    """Let an account's orders be due one by one again."""
    uncovered: int = await pool.fetchval("select uncover_orders($1, $2)", provider, within)
    return uncovered


async def hint_order(pool: Pool, provider: str, provider_order_id: str) -> bool:
    """There may be news of this order. False: no open order of ours is it."""
    known: bool = await pool.fetchval("select hint_order($1, $2)", provider, provider_order_id)
    return known


async def note_presence(pool: Pool, user_ids: Collection[UUID], *, lasts: timedelta) -> int:
    """These users are connected; returns how many of them have open orders."""
    noted: int = await pool.fetchval("select note_presence($1, now() + $2::interval)", list(user_ids), lasts)
    return noted
