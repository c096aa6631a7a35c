"""Periodic jobs as rows, and what they do to wallets and events.

Effects, locks and refusals: the SQL function of the same name.

`periodic_jobs` is the schedule and the memory of it: who runs a job claims its row under a lease, and leaves there what
came of it, for the metrics to tell whichever process ran it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from wallet_db.connect import Connection, Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """A row of `periodic_jobs`. Claimed, it is the claimer's until `due_at`."""

    name: str
    every: timedelta
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: Mapping[str, Any]
    """Of the last run that finished; empty before the first."""


@dataclass(frozen=True, slots=True)
class WalletHealth:
    """A row of `v_frozen_balance_health`. Money is decimal strings."""

    user_id: str
    status: str
    """OK, WARNING or CRITICAL."""
    problem: str | None
    balance: str
    frozen: str
    available: str
    held: str
    """The sum of its open holds, `held_for_orders` of those that name an order."""
    held_for_orders: str
    ordered: str
    """What its open orders say they hold."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What `correct_frozen_balance` found, did and left."""

    before: WalletHealth
    after: WalletHealth
    operations: tuple[int, ...]
    """The numbers of the user's operations that corrected it; none: nothing was, or could be, corrected."""
    alerted: bool
    """The operators were told of it now, and not before."""


async def claim_periodic_jobs(pool: Pool, names: Iterable[str], *, limit: int, lease: timedelta) -> list[PeriodicJob]:
    """Lease up to `limit` due jobs of these names."""
    rows = await pool.fetch("select * from claim_periodic_jobs($1, $2, $3)", list(names), limit, lease)
    return [_job(row) for row in rows]


async def finish_periodic_job(pool: Pool, job: PeriodicJob, result: Mapping[str, int]) -> None:
    """Keep what came of it; due again after its interval."""
    await pool.execute("select finish_periodic_job($1, $2, $3)", job.name, job.due_at, orjson.dumps(result).decode())


async def read_periodic_jobs(pool: Pool) -> list[PeriodicJob]:
    """All of them, by name."""
    return [_job(row) for row in await pool.fetch("select * from periodic_jobs order by name")]


async def expire_holds(pool: Pool, limit: int) -> int:
    """Refund up to `limit` holds whose time is over; how many it were."""
    with refusals():
        expired: int = await pool.fetchval("select expire_holds($1)", limit)
    return expired


async def forget_events(pool: Pool, limit: int, *, kept: timedelta, after: int) -> tuple[int, int]:
    """Delete up to `limit` of the oldest events with ids above `after`, none younger than `kept`.

    How many it were, and the id to go on after.
    """
    with refusals():
        row = await pool.fetchrow("select forgotten, last_id from forget_events($1, $2, $3)", kept, limit, after)
    return (row["forgotten"], row["last_id"]) if row else (0, after)


async def redact_events(pool: Pool, limit: int, *, closed_for: timedelta) -> int:
    """Take codes and texts out of the events of up to `limit` orders closed that long ago; how many orders it were."""
    with refusals():
        redacted: int = await pool.fetchval("select redact_events($1, $2)", closed_for, limit)
    return redacted


async def tell_overdue(pool: Pool, *, after: timedelta) -> int:
    """Tell the operators of orders still open that long after their end, once a day; how many there are."""
    overdue: int = await pool.fetchval("select tell_overdue($1)", after)
    return overdue


async def find_faulty_wallets(connection: Connection | Pool) -> tuple[int, list[UUID]]:
    """How many wallets there are, and whose are not OK."""
    row = await connection.fetchrow(
        "select count(*) as wallets,"
        " coalesce(array_agg(user_id order by user_id) filter (where status <> 'OK'), '{}') as faulty"
        " from v_frozen_balance_health"
    )
    return (row["wallets"], row["faulty"]) if row else (0, [])


async def read_wallet_health(connection: Connection | Pool, user_id: UUID) -> WalletHealth | None:
    """One wallet's; None: no such user."""
    text = await connection.fetchval("select wallet_health($1)", user_id)
    return WalletHealth(**orjson.loads(text)) if text is not None else None


async def correct_frozen_balance(connection: Connection | Pool, user_id: UUID) -> Correction:
    """Set right what can be known, in a transaction of its own; raises UnknownUser."""
    with refusals():
        made = orjson.loads(await connection.fetchval("select correct_frozen_balance($1)", user_id))
    return Correction(
        WalletHealth(**made["before"]), WalletHealth(**made["after"]), tuple(made["operations"]), made["alerted"]
    )


def _job(row: asyncpg.Record) -> PeriodicJob:
    columns = dict(row)
    result = columns.pop("result")
    return PeriodicJob(**columns, result=orjson.loads(result) if result is not None else {})
