"""The follower of a bus within the database: while bells are few they bring their events, and it only glances."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from notifier.bells import RATE_MAX
from notifier.bus import PostgresBus
from notifier.follower import Follower
from notifier.missing import Ranges
from notifier.outbox import AWAKE, DOORBELL, Look, look_at_outbox
from notifier.tempo import Tempo
from tests.notifier.support import (
    ALWAYS_AWAKE,
    DEADLINE_S,
    NEVER_S,
    Collector,
    append,
    create_users,
    running,
    session,
    signalled,
)
from tests.notifier.test_follower_sleep import holds_awake, until_awake

DOZY = Tempo(idle_s=0.02, glance_s=0.01, glance_s_max=0.02)
UNMOVED = Tempo(idle_s=0.02, glance_s=NEVER_S)
"""Dozes off, and never looks again."""


@asynccontextmanager
async def relaying(url: str, tempo: Tempo) -> AsyncIterator[tuple[Follower, Collector, "asyncio.Task[None]"]]:
    """A follower, what a session of its own hears on the bus, and the follower's task."""
    collector, listening, bus = Collector(), asyncio.Event(), PostgresBus(url)
    follower = Follower(url, bus.publish, tempo, channel=bus.channel)
    async with running(bus.listen(collector.receive, listening.set)):
        await signalled(listening)
        task = asyncio.create_task(follower.run())
        try:
            await signalled(follower.leading)
            yield follower, collector, task
        finally:
            task.cancel()
            await asyncio.wait({task})
            await bus.close()


async def insert(connection: Any, user: str, count: int) -> None:
    """Events in one transaction."""
    await connection.execute(
        "select append_event($1::text::uuid, 'test', '{}') from generate_series(1, $2)", user, count
    )


def test_asleep_events_arrive_without_it(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, UNMOVED) as (follower, heard, task), session(database_url) as a:
            await signalled(follower.asleep)
            for seq in range(1, 6):
                await append(a, user)
                await heard.until_seq(user, seq)
            task.cancel()
            await asyncio.wait({task})
            await append(a, user)
            await heard.until_seq(user, 6)
            assert heard.seqs(user) == [1, 2, 3, 4, 5, 6]

    asyncio.run(scenario())


def test_what_its_writer_has_sent_is_not_sent_again_when_it_wakes(database_url: str) -> None:
    async def scenario() -> None:
        first, second = await create_users(database_url, 2)
        tempo = Tempo(idle_s=0.02, glance_s=0.01)
        async with relaying(database_url, tempo) as (follower, heard, _), session(database_url) as a:
            await signalled(follower.asleep)
            await append(a, first)
            await heard.until_seq(first, 1)
            flood = int(RATE_MAX * 5)
            await insert(a, second, flood)
            await until_awake(a, True)
            await until_awake(a, False)
            await signalled(follower.asleep)
            await append(a, first)
            await heard.until_seq(first, 2)
            assert heard.seqs(first) == [1, 2]
            assert set(heard.seqs(second)) == set(range(1, flood + 1))

    asyncio.run(scenario())


def test_awake_it_sends_and_nobody_rings(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, ALWAYS_AWAKE) as (_, heard, _), session(database_url) as a:
            await until_awake(a, True)
            for seq in range(1, 51):
                await append(a, user)
                await heard.until_seq(user, seq)
            assert heard.seqs(user) == list(range(1, 51))

    asyncio.run(scenario())


def test_who_saw_it_awake_and_commits_while_it_falls_asleep_is_waited_for(database_url: str) -> None:
    async def scenario() -> None:
        slow, quick = await create_users(database_url, 2)
        async with (
            session(database_url) as a,
            session(database_url) as b,
            relaying(database_url, Tempo(idle_s=0.5, glance_s=NEVER_S)) as (follower, heard, _),
        ):
            await until_awake(b, True)
            transaction = a.transaction()
            await transaction.start()
            await append(a, slow)
            assert await holds_awake(b), "it rang no bell"
            await until_awake(b, False)
            await append(b, quick)
            await heard.until_seq(quick, 1)
            assert not follower.asleep.is_set()
            assert heard.seqs(slow) == []
            await transaction.commit()
            await heard.until_seq(slow, 1)
            await signalled(follower.asleep)

    asyncio.run(scenario())


def test_who_saw_it_awake_is_sent_for_although_read_only_now_and_then(database_url: str) -> None:
    """So many rolled back after it that its id is an old gap when it commits, and nothing comes afterwards."""
    tempo = Tempo(idle_s=0.5, glance_s=NEVER_S, recent_ids_max=2, old_read_s=NEVER_S)

    async def scenario() -> None:
        slow, quick = await create_users(database_url, 2)
        async with (
            session(database_url) as a,
            session(database_url) as b,
            relaying(database_url, tempo) as (follower, heard, _),
        ):
            await until_awake(b, True)
            transaction = a.transaction()
            await transaction.start()
            await append(a, slow)
            for _ in range(5):
                rolled_back = b.transaction()
                await rolled_back.start()
                await append(b, quick)
                await rolled_back.rollback()
                await append(b, quick)
            assert await holds_awake(b), "it rang no bell"
            await heard.until_seq(quick, 5)
            await until_awake(b, False)
            assert not follower.asleep.is_set()
            await transaction.commit()
            await heard.until_seq(slow, 1)

    asyncio.run(scenario())


def test_an_open_transaction_does_not_keep_many_writers_ringing(database_url: str) -> None:
    """It cannot fall asleep as long as that one is open; nor may it be up in between for ever."""

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with (
            session(database_url) as a,
            session(database_url) as b,
            relaying(database_url, DOZY) as (follower, _, _),
        ):
            transaction = a.transaction()
            await transaction.start()
            await a.execute("select pg_current_xact_id()")
            await until_awake(b, False)
            assert not follower.asleep.is_set()
            await insert(b, user, int(RATE_MAX))
            await until_awake(b, True)
            await transaction.rollback()
            await signalled(follower.asleep)

    asyncio.run(scenario())


def test_nobody_can_pass_for_an_awake_follower_while_it_dozes(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, UNMOVED) as (follower, heard, _), session(database_url) as a:
            await signalled(follower.asleep)
            async with asyncio.timeout(DEADLINE_S):
                while await a.fetchval("select pg_try_advisory_lock($1, $2)", *AWAKE):
                    await a.execute("select pg_advisory_unlock($1, $2)", *AWAKE)
            await append(a, user)
            await heard.until_seq(user, 1)

    asyncio.run(scenario())


def test_who_waits_to_commit_a_bell_is_counted(database_url: str) -> None:
    """A commit holds the lock as long as it waits for a standby; here for one that never comes."""

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with session(database_url) as a, session(database_url) as looking:
            await a.execute("alter system set synchronous_standby_names = 'nobody'")
            await a.execute("select pg_reload_conf()")
            try:
                async with session(database_url) as holder, asyncio.TaskGroup() as waiting:
                    await holder.execute("set synchronous_commit = on")
                    pid = await holder.fetchval("select pg_backend_pid()")
                    held = waiting.create_task(append(holder, user))
                    others = [await asyncpg.connect(database_url) for _ in range(3)]
                    async with asyncio.timeout(DEADLINE_S):
                        while (
                            await a.fetchval("select wait_event from pg_stat_activity where pid = $1", pid) != "SyncRep"
                        ):
                            pass
                        assert (await glance(looking)).waiting == 0
                        for other in others:
                            await other.execute("set synchronous_commit = local")
                            waiting.create_task(other.execute("notify onesms_events"))
                        while (await glance(looking)).waiting != len(others):
                            pass
                    await a.execute("select pg_cancel_backend($1)", pid)
                    await held
                assert (await glance(looking)).waiting == 0
                for other in others:
                    other.terminate()
            finally:
                await a.execute("alter system reset synchronous_standby_names")
                await a.execute("select pg_reload_conf()")

    asyncio.run(scenario())


async def glance(connection: Any) -> Look:
    return await look_at_outbox(connection, Ranges([1], [1]), channel=None, events_max=1, with_bells=True)


def test_batches_keep_below_what_a_notify_takes(database_url: str) -> None:
    lengths = [3780, 10, 3780, 3780, 200, 3780, 1500, 3780, *range(3000, 3780, 60), *range(20, 400, 7)]

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, ALWAYS_AWAKE) as (_, heard, _), session(database_url) as a:
            await until_awake(a, True)
            async with a.transaction():
                for length in lengths:
                    await append(a, user, payload=json.dumps({"x": "x" * length}))
            await heard.until_seq(user, len(lengths))
            assert heard.seqs(user) == list(range(1, len(lengths) + 1))
            assert not any(event.is_hint for event in heard.events)

    asyncio.run(scenario())


def test_for_another_bus_the_bell_carries_nothing(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        rung: asyncio.Queue[Any] = asyncio.Queue()
        collector = Collector()
        follower = Follower(database_url, collector.publish, Tempo(idle_s=0.02, sweep_s=NEVER_S))
        async with running(follower.run()), session(database_url) as a:
            await a.add_listener(DOORBELL, lambda *heard: rung.put_nowait(heard[3]))
            await signalled(follower.asleep)
            await append(a, user)
            await collector.until_seq(user, 1)
            async with asyncio.timeout(DEADLINE_S):
                assert await rung.get() == ""

    asyncio.run(scenario())


@pytest.mark.parametrize("awake", [True, False])
def test_events_of_any_length_are_heard_or_hinted_at(database_url: str, awake: bool) -> None:
    lengths = [0, 3000, 3786, 3788, 3999, 4000, 7000, 8000, 100_000, 10]

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, ALWAYS_AWAKE if awake else UNMOVED) as (follower, heard, _):
            async with session(database_url) as a:
                await (until_awake(a, True) if awake else signalled(follower.asleep))
                async with a.transaction():
                    for length in lengths:
                        await append(a, user, payload=json.dumps({"x": "é" * (length // 2)}, ensure_ascii=False))
            await heard.until_seq(user, len(lengths))
            assert heard.seqs(user) == list(range(1, len(lengths) + 1))
            for length, event in zip(lengths, heard.events, strict=True):
                assert event.is_hint == (length >= 3788), length
                if not event.is_hint:
                    assert json.loads(event.payload) == {"x": "é" * (length // 2)}

    asyncio.run(scenario())


def test_a_lost_connection_is_noticed_while_it_dozes(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with relaying(database_url, DOZY) as (follower, heard, _), session(database_url) as a:
            await signalled(follower.asleep)
            await a.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'onesms-follower' and datname = current_database()"
            )
            async with asyncio.timeout(DEADLINE_S):
                while follower.leading.is_set():
                    await a.execute("select")
            await append(a, user)
            await heard.until_seq(user, 1)
            await signalled(follower.leading)
            await signalled(follower.asleep)

    asyncio.run(scenario())
