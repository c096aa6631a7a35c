"""The run: start everything, write and break for a while, let it settle, and judge each client by the rows.

The order at the end is what the verdict rests on: no more faults, all put right, no more writers; then the heads are
read, and each client has a bounded time to come to its user's. Only then are connections closed and events compared.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path
from uuid import UUID

from bench.loss.account import Ledger
from bench.loss.control import Spoiler
from bench.loss.database import Database
from bench.loss.faults import Breaker
from bench.loss.plan import Plan
from bench.loss.processes import look_after, running
from bench.loss.result import Result
from bench.loss.schedule import schedule
from bench.loss.system import System, running_system
from bench.loss.writers import Writer, flood

WRITER_RATE, WRITERS_MAX = 60, 32
"""Operations a second that are asked of one writer, who often pauses within a transaction."""
BEGIN_S = 60.0
SETTLE_S = 90.0
LOOK_S = 0.1
LATE_S = 0.5
"""After all have come to the head: what comes once more comes now."""
SPOILED_AT = 20
"""The control spoils this event of one client."""
CREDIT = 1_000_000


class LossError(Exception):
    """No verdict was reached. The text says why."""


Show = Callable[[Result, float, str], None]
"""Is told the result so far, the seconds of writing, and what is going on."""


async def check(plan: Plan, database: Database, logs: Path, show: Show) -> Result:
    """Run, and judge. Raises LossError, DatabaseUnavailable."""
    result = Result(plan)
    loop = asyncio.get_running_loop()
    began = loop.time()
    ledgers = {user: Ledger(str(user), result.verdict) for user in plan.people()}
    await _credit(database, list(ledgers))
    async with running_system(plan, database.url, logs, ledgers, result.verdict, result.tally) as system:
        await _greeted(system, result, logs, show)
        if plan.control is not None:
            system.clients[0][1].spoiler = Spoiler(plan.control, SPOILED_AT)
        await _write_and_break(plan, database, system, result, show)
        heads = await _heads(database, list(ledgers))
        await _settled(system, heads, result, show)
    result.restarts = sum(process.starts - 1 for process in system.processes)
    result.unasked = sum(process.unasked for process in system.processes)
    for user, client in system.clients:
        account = client.account
        account.finish(heads[user])
        result.resets += account.resets
        result.covered += account.covered
    result.rows = await _compare(database, ledgers)
    result.seconds = loop.time() - began
    return result


async def _credit(database: Database, users: list[UUID]) -> None:
    async with database.session() as session:
        await session.execute("insert into users (id) select unnest($1::uuid[])", users)
        await session.execute(
            "select atomic_deposit(p_user_id => id, p_amount => $2, p_transaction_id => 'credit-' || id)"
            " from unnest($1::uuid[]) id",
            users,
            CREDIT,
        )


async def _greeted(system: System, result: Result, logs: Path, show: Show) -> None:
    try:
        async with asyncio.timeout(BEGIN_S):
            while not all(client.account.cursor for _, client in system.clients):
                look_after(system.tasks)
                show(result, 0, "clients are connecting")
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise LossError(f"expected every client to be greeted within {BEGIN_S:.0f} s: see the logs in {logs}") from None


async def _write_and_break(plan: Plan, database: Database, system: System, result: Result, show: Show) -> None:
    loop = asyncio.get_running_loop()
    breaker = Breaker(plan, database, system, result.faults)
    faults = schedule(plan.seed, plan.faults, plan.fault_every_s)
    fault = next(faults, None)
    async with _writing(plan, database, result) as writing:
        began = loop.time()
        while (now_s := loop.time() - began) < plan.seconds and not _is_enough(plan, result):
            while fault is not None and fault.at_s <= now_s:
                breaker.begin(fault)
                fault = next(faults, None)
            look_after((*system.tasks, *writing))
            show(result, now_s, breaker.last)
            await asyncio.sleep(LOOK_S)
        # Writers are stopped on a database that answers: one that is away could keep them from ending.
        await breaker.settle()
        await database.up()
    if plan.control is not None:  # enough for the one to be spoiled, and some after it
        async with database.session() as session:
            await flood(session, system.clients[0][0], "control", 2 * SPOILED_AT)


def _is_enough(plan: Plan, result: Result) -> bool:
    return plan.events is not None and result.tally.delivered >= plan.events


@asynccontextmanager
async def _writing(plan: Plan, database: Database, result: Result) -> AsyncIterator[list["asyncio.Task[None]"]]:
    users, count = list(plan.people()), min(ceil(plan.rate / WRITER_RATE), WRITERS_MAX)
    writers = [
        Writer(f"w{n}", database.url, users, plan.chance(f"writer/{n}"), plan.rate / count) for n in range(count)
    ]
    async with running(writer.run() for writer in writers) as tasks:
        yield tasks
    for writer in writers:
        result.transactions.update(writer.transactions)


async def _heads(database: Database, users: list[UUID]) -> dict[UUID, int]:
    async with database.session() as session:
        rows = await session.fetch("select id, event_seq from users where id = any($1::uuid[])", users)
    return {row["id"]: row["event_seq"] for row in rows}


async def _settled(system: System, heads: Mapping[UUID, int], result: Result, show: Show) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while any(client.account.seq < heads[user] for user, client in system.clients):
        result.settled_s = loop.time() - began
        if result.settled_s > SETTLE_S:
            return  # what has not come by now is lost, and is judged so
        look_after(system.tasks)
        show(result, result.plan.seconds, "settling")
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(LATE_S)


async def _compare(database: Database, ledgers: Mapping[UUID, Ledger]) -> int:
    """Judge every user by the rows, read with a statement that is nobody else's; returns how many there are."""
    count = 0
    async with database.session() as session, session.transaction():
        for user, ledger in ledgers.items():
            rows = await session.fetch(
                "select seq, type, to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), payload::text"
                "  from events where user_id = $1 order by seq",
                user,
            )
            ledger.compare((seq, kind, at, payload) for seq, kind, at, payload in rows)
            count += len(rows)
    return count
