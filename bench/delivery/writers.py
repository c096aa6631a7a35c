"""Who makes the events: deposits of a cent, at an even rate, and when each was acknowledged as committed."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from wallet_db.connect import Pool

SESSIONS = 8


async def write(pool: Pool, users: Sequence[str], *, rate: float, seconds: float, name: str) -> dict[str, float]:
    """Deposits into random wallets, `rate` a second for so long; time.monotonic() of each commit by transaction id.

    A session that cannot keep up skips no turn: it is late, and the rate comes out lower.
    """
    committed: dict[str, float] = {}
    began, total = time.monotonic(), int(rate * seconds)
    turns = iter(range(total))

    async def session() -> None:
        async with pool.acquire() as connection:
            statement = await connection.prepare("select atomic_deposit($1::text::uuid, 0.01, $2, 'bench')")
            for turn in turns:
                if (wait_s := began + turn / rate - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                transaction_id = f"{name}-{turn}"
                await statement.fetchval(random.choice(users), transaction_id)  # noqa: S311 - spreads load
                committed[transaction_id] = time.monotonic()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SESSIONS):
            tasks.create_task(session())
    return committed


@asynccontextmanager
async def held_open(pool: Pool, user: str) -> AsyncIterator[None]:
    """This user's transaction has written an event and does not end; it is undone afterwards."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("select atomic_deposit($1::text::uuid, 0.01, gen_random_uuid()::text, 'bench')", user)
        yield
        await transaction.rollback()


async def listen(pool: Pool, *, rate: float, seconds: float) -> list[float]:
    """The floor: seconds from a commit that notifies to a bare LISTEN session in this process, `rate` a second."""
    heard: dict[str, float] = {}
    sent: dict[str, float] = {}
    all_heard = asyncio.Event()
    total = max(1, int(rate * seconds))

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        heard[str(payload)] = time.monotonic()
        if len(heard) >= total:
            all_heard.set()

    async with pool.acquire() as listener, pool.acquire() as notifier:
        await listener.add_listener("bench_floor", hear)
        for turn in range(total):
            await asyncio.sleep(1 / rate)
            await notifier.execute("select pg_notify('bench_floor', $1)", str(turn))
            sent[str(turn)] = time.monotonic()
        async with asyncio.timeout(5):
            await all_heard.wait()
        await listener.remove_listener("bench_floor", hear)
    return [heard[turn] - at for turn, at in sent.items()]
