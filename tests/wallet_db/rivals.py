"""Two callers in a fixed order, and functions with a safeguard taken out: what races need to be shown on demand.

`overlap` makes the second caller meet the first's open transaction, so an outcome depends on code and not on chance.
`sabotage` takes the function from its own file, so a control goes with the code it controls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import wallet_db
from tests.wallet_db.support import Database, outcomes
from wallet_db.connect import Connection, Pool

FUNCTIONS = Path(wallet_db.__file__).parent / "sql" / "functions"
LOOK_S = 0.002
Caller = Callable[[Database], Awaitable[Any]]


async def overlap(db: Pool, first: Caller, second: Caller) -> tuple[Any, Any]:
    """What both met, an answer or a refusal: `second` starts inside `first`'s transaction, which commits as soon as
    `second` waits for it, or is done without waiting."""
    async with db.acquire() as one, db.acquire() as two, asyncio.TaskGroup() as group:
        async with one.transaction():
            [met_first] = await outcomes([first(one)])
            follower = group.create_task(outcomes([second(two)]))
            await until_waiting(db, two, follower)
        [met_second] = await follower
    return met_first, met_second


async def until_waiting(db: Pool, connection: Connection, call: asyncio.Task[Any]) -> None:
    """Until the call that runs on the connection waits for somebody's lock, or has ended."""
    pid = connection.get_server_pid()
    async with asyncio.timeout(20):
        while not call.done():
            if await db.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid):
                return
            await asyncio.sleep(LOOK_S)


async def sabotage(db: Pool, function: str, *replacements: tuple[str, str]) -> None:
    """Replace parts of a function, each of which occurs once in its file, in this database only."""
    source = (FUNCTIONS / f"{function}.sql").read_text(encoding="utf-8")
    for healthy, sick in replacements:
        assert source.count(healthy) == 1, f"{function} has changed: {healthy!r}"
        source = source.replace(healthy, sick)
    await db.execute(source)


async def drop_checks(db: Pool, table: str) -> None:
    """Take a table's CHECK constraints away: they are the last net, and a control wants to see the fall."""
    rows = await db.fetch("select conname from pg_constraint where conrelid = $1::regclass and contype = 'c'", table)
    for (name,) in rows:
        await db.execute(f'alter table {table} drop constraint "{name}"')
