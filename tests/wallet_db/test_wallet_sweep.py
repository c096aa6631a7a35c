"""The sweep of holds that have run out, against a foreground at work: it waits for nobody, so nothing deadlocks.

`WALLET_SOAK_S` (seconds, 3 unless told) is how long the two work against each other.
"""

import asyncio
import os
import random
from collections import Counter
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from tests.wallet_db.books import assert_sound
from tests.wallet_db.rivals import sabotage, until_waiting
from tests.wallet_db.support import MINUTE, NOW, Database, call, new_user, outcomes, run, tally
from tests.wallet_db.wallet_calls import freeze_until, sweep
from wallet_db import errors
from wallet_db.connect import Connection, Pool, pool

SOAK_S = float(os.environ.get("WALLET_SOAK_S", "3"))
CALLERS = 6
SWEEPERS = 2
WALLETS = 5
SKIPPING = ("for no key update skip locked;", "for no key update;")
IMPATIENT = ("set lock_timeout = '50ms'", "set lock_timeout = '20s'")


def test_the_sweep_passes_by_a_wallet_that_is_worked_on(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        busy, idle = await new_user(db), await new_user(db)
        await freeze_until(db, busy, "busy", NOW - MINUTE)
        await freeze_until(db, idle, "idle")
        async with db.acquire() as foreground, foreground.transaction():
            await call(foreground, "lock_user_wallet", p_user_id=busy)
            assert await sweep(db) == 1
        assert await sweep(db) == 1
        await assert_sound(db, busy, idle)

    run(database_url, scenario)


async def deadlocks(db: Pool) -> int:
    found: int = await db.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    return found


async def work(db: Database, users: list[UUID], chance: random.Random, names: "count[int]") -> list[Any]:
    """One to three operations of a wallet, then of those that come after it; within the caller's transaction."""
    results: list[Any] = []
    for user in sorted(chance.sample(users, chance.choice([1, 1, 2, 3]))):
        for _ in range(chance.randint(1, 3)):
            number = next(names)
            expires_at = NOW - chance.randint(0, 9) * MINUTE
            made = freeze_until(db, user, f"h{number}", expires_at, chance.choice(["5.00", "0.01"]))
            if chance.random() < 0.4:
                made.close()
                ending = chance.choice(["atomic_commit", "atomic_refund"])
                older = f"h{chance.randint(max(0, number - 30), number)}"
                made = call(db, ending, p_user_id=user, p_transaction_id=older)
            await db.execute("savepoint operation")
            results += await outcomes([made])
            if isinstance(results[-1], Exception):
                await db.execute("rollback to operation")
    return results


@pytest.mark.timeout(SOAK_S + 60)
def test_the_sweep_does_not_deadlock_with_the_foreground(database_url: str) -> None:
    """Freezes and settlements in transactions, some of several wallets; and sweeps of all of them."""
    names, met = count(), Counter[str]()

    async def foreground(db: Pool, users: list[UUID], seed: int, end: float) -> None:
        chance = random.Random(seed)
        async with db.acquire() as connection:
            while asyncio.get_running_loop().time() < end:
                async with connection.transaction():
                    results = await work(connection, users, chance, names)
                met.update(tally(results))

    async def sweeper(db: Pool, end: float) -> None:
        while asyncio.get_running_loop().time() < end:
            met["swept"] += await sweep(db, limit=50)

    async def depositor(db: Pool, users: list[UUID], end: float) -> None:
        while asyncio.get_running_loop().time() < end:
            for user in users:
                deposit = {"p_amount": Decimal(5), "p_transaction_id": f"d{next(names)}"}
                await call(db, "atomic_deposit", p_user_id=user, **deposit)

    async def main() -> None:
        async with pool(database_url, "soak", connections_max=CALLERS + SWEEPERS + 2) as db:
            users = [await new_user(db, "50.00") for _ in range(WALLETS)]
            end = asyncio.get_running_loop().time() + SOAK_S
            async with asyncio.timeout(SOAK_S + 50), asyncio.TaskGroup() as group:
                for seed in range(CALLERS):
                    group.create_task(foreground(db, users, seed, end))
                for _ in range(SWEEPERS):
                    group.create_task(sweeper(db, end))
                group.create_task(depositor(db, users, end))
            await sweep(db, limit=1_000_000)
            assert await db.fetchval("select count(*) from wallet_holds where state = 'held'") == 0
            await assert_sound(db, *users)

    async def deadlocks(db: Pool) -> None:
        found = await db.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
        assert found == 0

    asyncio.run(main())
    run(database_url, deadlocks)
    assert met.keys() >= {"done", "AlreadySettled"}, met
    assert met["swept"] > 0


async def meet_crosswise(db: Pool) -> tuple[Any, Any, tuple[UUID, UUID]]:
    """The foreground holds the second wallet and then wants the first, which the sweep has already; what each met."""
    first, second = await new_user(db), await new_user(db)
    await freeze_until(db, first, f"of-{first}", NOW - MINUTE)
    await freeze_until(db, second, f"of-{second}")

    async def work(connection: Connection) -> Any:
        return await call(connection, "atomic_deposit", p_user_id=first, p_amount=1, p_transaction_id=f"d-{first}")

    async with db.acquire() as foreground, db.acquire() as sweeper, asyncio.TaskGroup() as group:
        for connection in (foreground, sweeper):
            await connection.execute("set deadlock_timeout = '20ms'")
        ours, theirs = foreground.transaction(), sweeper.transaction()
        await ours.start()
        await theirs.start()
        await call(foreground, "lock_user_wallet", p_user_id=second)
        sweeping = group.create_task(met_or_busy(sweep(sweeper)))
        await until_waiting(db, sweeper, sweeping)
        working = group.create_task(met_or_busy(work(foreground)))
        await until_waiting(db, foreground, working)
        swept = await sweeping
        await (theirs.rollback() if isinstance(swept, errors.WalletBusy) else theirs.commit())
        worked = await working
        await (ours.rollback() if isinstance(worked, errors.WalletBusy) else ours.commit())
    return swept, worked, (first, second)


async def met_or_busy(work: Any) -> Any:
    try:
        return await work
    except errors.WalletBusy as busy:
        return busy


def test_a_sweep_met_crosswise_lets_the_foreground_wait_and_never_waits_itself(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        swept, worked, users = await meet_crosswise(db)
        assert swept == 1
        assert worked["balance"] == "37.00"
        assert await sweep(db) == 1
        await assert_sound(db, *users)

    run(database_url, scenario)


def test_control_a_sweep_that_waits_deadlocks(database_url: str) -> None:
    """The meeting above without SKIP LOCKED, nor an end of waiting: each has what the other wants."""

    async def scenario(db: Pool) -> None:
        await sabotage(db, "expire_holds", SKIPPING, IMPATIENT)
        swept, worked, users = await meet_crosswise(db)
        [busy] = [met for met in (swept, worked) if isinstance(met, errors.WalletBusy)]
        assert busy.sqlstate == "40P01"
        await assert_sound(db, *users)

    run(database_url, scenario)
