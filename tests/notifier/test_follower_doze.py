"""The follower of a bus within the database: while bells are few they bring their events, and it only glances."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from notifier.bells import FEW, RATE_MAX, RATE_MIN, WAITING_MAX, Bells
from notifier.bus import PostgresBus
from notifier.follower import Follower
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


# --- how many are too many


def test_many_a_second_are_too_many_whoever_waits() -> None:
    bells = Bells()
    assert not bells.are_too_many(int(RATE_MAX * 0.9), 1.0, 0)
    assert bells.are_too_many(int(RATE_MAX * 1.2), 1.0, 0)


def test_a_line_seen_twice_is_too_many_and_remembered() -> None:
    bells, crowd = Bells(), WAITING_MAX + 1
    assert not bells.are_too_many(10, 0.05, crowd), "once is an accident"
    assert not bells.are_too_many(10, 0.05, 0)
    assert not bells.are_too_many(10, 0.05, crowd)
    assert bells.are_too_many(10, 0.05, crowd)
    assert bells.allowed == pytest.approx(200 * FEW)
    assert not bells.would_be_few(50, 0.25), "as many as were too many"
    assert bells.would_be_few(5, 0.25)


def test_a_slow_disk_is_forgotten_in_time() -> None:
    bells = Bells()
    for _ in range(2):
        bells.are_too_many(1, 1.0, WAITING_MAX + 1)
    assert bells.allowed == RATE_MIN
    seconds = 0
    while bells.allowed < RATE_MAX:
        bells.would_be_few(10_000, 1.0)
        seconds += 1
        assert seconds < 60
    assert seconds > 10
