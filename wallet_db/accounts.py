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
    """An order that waits for an SMS, its first or one more.

    age: since it waits. is_watched: its user is likely to be looking. codes, texts: of the SMS that have come already.
    """

    id: UUID
    provider_order_id: str
    age: timedelta
    is_watched: bool
    codes: Collection[str] = ()
    texts: Collection[str] = ()
    request_id: str | None = None
    """Of the HTTP request that placed it."""


@dataclass(frozen=True, slots=True)
class ClosedOrder:
    """A number given back, or a closed order somebody hinted at, that is worth another look."""

    id: UUID
    provider_order_id: str
    is_hinted: bool
    """It is to be asked about by itself."""
    leased_until: datetime
    request_id: str | None = None


async def claim_account_looks(pool: Pool, providers: Collection[str], *, lease: timedelta) -> list[AccountLook]:
    """Lease the accounts that are due; tells of all of them."""
    rows = await pool.fetch("select * from claim_account_looks($1, $2)", list(providers), lease)
    return [AccountLook(**row) for row in rows]


async def finish_account_look(
    pool: Pool,
    look: AccountLook,
    *,
    pause: timedelta,
    covered: timedelta | None = None,
    hints_after: timedelta | None = None,
) -> None:
    """Give the lease back: the account is due again after the pause.

    covered: so long its orders need no look one by one; None if this look was not answered. hints_after: after so long
    a hint makes it due; None: not before the pause is over.
    """
    await pool.execute(
        "select finish_account_look($1, $2, now() + $3::interval, now() + $4::interval, now() + $5::interval)",
        look.provider,
        look.leased_until,
        pause,
        covered,
        hints_after,
    )


async def read_open_orders(pool: Pool, provider: str, *, just_now: timedelta) -> list[OpenOrder]:
    """All orders of the account that wait for an SMS. just_now: who waits for so short a time is watched."""
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


async def claim_late_looks(pool: Pool, provider: str, *, every: timedelta, limit: int) -> list[ClosedOrder]:
    """Up to `limit` closed orders of the account that are due for another look; each is due again after `every`."""
    rows = await pool.fetch("select * from claim_late_looks($1, $2, $3)", provider, every, limit)
    return [ClosedOrder(*row) for row in rows]


async def finish_late_looks(pool: Pool, orders: Collection[ClosedOrder]) -> None:
    """These have been looked at: those whose time is over are looked at no more."""
    for leased_until in {order.leased_until for order in orders}:  # one, if they were claimed together
        ids = [order.id for order in orders if order.leased_until == leased_until]
        await pool.execute("select finish_late_looks($1, $2)", ids, leased_until)


async def was_hinted(pool: Pool, activation_id: UUID, due_at: datetime) -> bool:
    """Whether an order that was due at that time was so because of `hint_order`."""
    hinted: bool = await pool.fetchval("select was_hinted($1, $2)", activation_id, due_at)
    return hinted


async def hint_order(pool: Pool, provider: str, provider_order_id: str) -> bool:
    """There may be news of this order. False: no order of ours is it, or it closed long ago."""
    known: bool = await pool.fetchval("select hint_order($1, $2)", provider, provider_order_id)
    return known


async def note_presence(pool: Pool, user_ids: Collection[UUID], *, lasts: timedelta) -> int:
    """These users are connected; returns how many of them have open orders."""
    noted: int = await pool.fetchval("select note_presence($1, now() + $2::interval)", list(user_ids), lasts)
    return noted
