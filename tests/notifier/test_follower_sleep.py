"""How the follower falls asleep and is woken: nobody who may have skipped the bell is left unheard."""

import asyncio
from typing import Any

from notifier.outbox import AWAKE, DOORBELL
from notifier.tempo import Tempo
from tests.notifier.support import DEADLINE_S, NEVER_S, append, create_users, following, session, signalled, terminate

SLEEPY = Tempo(idle_s=0.02, sweep_s=NEVER_S)
"""Falls asleep soon, and only the bell can wake it."""


async def holds_awake(connection: Any) -> bool:
    """Whether somebody holds the lock that lets writers skip the bell."""
    holds: bool = await connection.fetchval(
        "select exists (select from pg_locks where locktype = 'advisory' and granted and mode = 'ExclusiveLock'"
        " and database = (select oid from pg_database where datname = current_database())"
        " and classid = $1 and objid = $2)",
        *AWAKE,
    )
    return holds


async def until_awake(connection: Any, wanted: bool) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await holds_awake(connection) is not wanted:
            pass


class Doorbell:
    """Hears the bell as the follower would. `rings` sends a mark behind what was rung, and so needs no waiting."""

    def __init__(self, listening: Any, marking: Any) -> None:
        self._listening, self._marking = listening, marking
        self._heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen(self) -> None:
        for channel in (DOORBELL, "test_mark"):
            await self._listening.add_listener(channel, lambda *heard: self._heard.put_nowait(heard[2]))

    async def rings(self) -> int:
        """How often it rang since it was asked last."""
        await self._marking.execute("notify test_mark")
        count = 0
        async with asyncio.timeout(DEADLINE_S):
            while await self._heard.get() != "test_mark":
                count += 1
        return count


def test_asleep_the_bell_wakes_it(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with following(database_url, SLEEPY) as (follower, published), session(database_url) as a:
            for seq in range(1, 21):
                await signalled(follower.asleep)
                await append(a, user)
                await published.until_seq(user, seq)

    asyncio.run(scenario())


def test_who_saw_it_awake_and_commits_while_it_falls_asleep_is_waited_for(database_url: str) -> None:
    async def scenario() -> None:
        slow, quick = await create_users(database_url, 2)
        async with (
            session(database_url) as a,
            session(database_url) as b,
            session(database_url) as c,
            following(database_url, Tempo(idle_s=0.5, sweep_s=NEVER_S)) as (follower, published),
        ):
            bell = Doorbell(c, b)
            await bell.listen()
            while True:
                await append(b, quick)
                await until_awake(b, True)
                transaction = a.transaction()
                await transaction.start()
                await append(a, slow)
                if await holds_awake(b):
                    break
                await transaction.rollback()
            await until_awake(b, False)
            assert not follower.asleep.is_set()
            await bell.rings()
            await transaction.commit()
            assert await bell.rings() == 0, "control: nothing would have woken it"
            await published.until_seq(slow, 1)
            await signalled(follower.asleep)

    asyncio.run(scenario())


def test_a_transaction_that_begins_awake_and_writes_again_asleep_rings(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with following(database_url, SLEEPY) as (follower, published), session(database_url) as a:
            transaction = a.transaction()
            await transaction.start()
            await signalled(follower.asleep)
            await append(a, user)
            await append(a, user)
            await transaction.commit()
            await published.until_seq(user, 2)

    asyncio.run(scenario())


def test_awake_no_bell_is_rung(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with session(database_url) as a, session(database_url) as b, session(database_url) as c:
            bell = Doorbell(b, c)
            await bell.listen()
            async with following(database_url) as (_, published):
                await until_awake(c, True)
                for _ in range(50):
                    await append(a, user)
                await published.until_seq(user, 50)
                assert await bell.rings() == 0
            await until_awake(c, False)
            await append(a, user)
            assert await bell.rings() == 1, "control: with nobody looking it rings"

    asyncio.run(scenario())


def test_a_lost_listening_connection_is_noticed_asleep(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with following(database_url, SLEEPY) as (follower, published), session(database_url) as a:
            await signalled(follower.asleep)
            assert await terminate(a, "onesms-follower-bell") == 1
            await append(a, user)
            await published.until_seq(user, 1)
            await signalled(follower.asleep)
            await append(a, user)
            await published.until_seq(user, 2)

    asyncio.run(scenario())


def test_after_a_restored_backup_it_finds_its_place_anew(database_url: str) -> None:
    async def scenario() -> None:
        before, after = await create_users(database_url, 2)
        async with following(database_url, SLEEPY) as (follower, published), session(database_url) as a:
            for _ in range(5):
                await append(a, before)
            await published.until_seq(before, 5)
            # As a restore does: what came since the backup is gone, and ids begin below the one read last.
            await a.execute("delete from events; update users set event_seq = 0; select new_epoch()")
            await a.execute("alter table events alter column id restart with 1")
            await signalled(follower.asleep)
            await append(a, after)
            await published.until_seq(after, 1)

    asyncio.run(scenario())
