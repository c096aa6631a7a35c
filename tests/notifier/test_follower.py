"""The follower on a real PostgreSQL. Interleavings are made by hand, with a connection for each transaction.

Beside what must not be lost stands a control: a reader that lacks the precaution, losing it.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from structlog.testing import capture_logs

from notifier.bus import BusUnavailable
from notifier.event import Event
from notifier.follower import Follower
from notifier.missing import Ranges, Unread
from notifier.outbox import read_outbox, take_horizon
from notifier.tempo import Tempo
from tests.notifier.support import (
    ALWAYS_AWAKE,
    DEADLINE_S,
    NEVER_S,
    Collector,
    append,
    create_users,
    following,
    running,
    session,
    terminate,
)


def test_a_transaction_left_open_delays_nobody_and_is_published_when_it_commits(database_url: str) -> None:
    async def scenario() -> None:
        slow, *quick = await create_users(database_url, 4)
        async with following(database_url) as (_, published), session(database_url) as a, session(database_url) as b:
            transaction = a.transaction()
            await transaction.start()
            await append(a, slow)
            await append(a, slow)
            for seq in range(1, 31):
                for user in quick:
                    await append(b, user)
                    await published.until_seq(user, seq)
            assert published.seqs(slow) == []
            await transaction.commit()
            await append(b, slow)
            await published.until_seq(slow, 3)
            assert published.seqs(slow) == [1, 2, 3]
            assert all(published.seqs(user) == list(range(1, 31)) for user in quick)

    asyncio.run(scenario())


def test_control_a_reader_of_newer_ids_only_loses_what_commits_late(database_url: str) -> None:
    async def scenario() -> None:
        slow, quick = await create_users(database_url, 2)
        async with session(database_url) as reading, session(database_url) as a, session(database_url) as b:
            transaction = a.transaction()
            await transaction.start()
            await append(a, slow)
            await append(b, quick)
            unread = Unread(0)
            read = await read_outbox(reading, unread.ranges(), events_max=10)
            unread.note(read.look.ids, read.look.xmin, complete=read.look.complete)
            await transaction.commit()
            newer = Ranges(unread.ranges().firsts[-1:], unread.ranges().lasts[-1:])
            assert (await read_outbox(reading, newer, events_max=10)).events == []
            with_gaps = await read_outbox(reading, unread.ranges(), events_max=10)
            assert [event.user_id for event in with_gaps.events] == [slow]

    asyncio.run(scenario())


def test_a_transaction_above_the_snapshots_xmax_is_waited_for(database_url: str) -> None:
    """It began last and drew the lower id; the one that ended has the lower xid. The snapshot does not know of it."""

    async def scenario() -> bool:
        """Whether it came about: of all the server's transactions none began later and has ended."""
        slow, quick = await create_users(database_url, 2)
        async with session(database_url) as reading, session(database_url) as a, session(database_url) as b:
            other, transaction = b.transaction(), a.transaction()
            await other.start()
            await b.execute("select pg_current_xact_id()")
            await transaction.start()
            await append(a, slow)
            began_last, low = await a.fetchrow("select pg_current_xact_id()::text::bigint, max(id) from events")
            await append(b, quick)
            await other.commit()

            naive, unread = Unread(low - 1), Unread(low - 1)
            read = await read_outbox(reading, unread.ranges(), events_max=10)
            xmax = await reading.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            if xmax > began_last:
                await transaction.rollback()
                return False
            for one in (naive, unread):
                assert one.note(read.look.ids, read.look.xmin, complete=read.look.complete)
            naive.bound(xmax)
            again = await read_outbox(reading, naive.ranges(), events_max=10)
            naive.note(again.look.ids, again.look.xmin, complete=again.look.complete)
            assert naive.missing == 0, "control: with xmax as the horizon the open transaction's id is given up"

            unread.bound(await take_horizon(reading))
            again = await read_outbox(reading, unread.ranges(), events_max=10)
            unread.note(again.look.ids, again.look.xmin, complete=again.look.complete)
            assert unread.missing == 1
            await transaction.commit()
            assert (await read_outbox(reading, unread.ranges(), events_max=10)).look.ids == [low]
            return True

    assert any(asyncio.run(scenario()) for _ in range(5))


def test_ids_rolled_back_are_dropped_when_the_last_who_might_hold_them_has_ended(database_url: str) -> None:
    async def scenario() -> None:
        first, second = await create_users(database_url, 2)
        async with session(database_url) as reading, session(database_url) as a, session(database_url) as b:
            stuck = a.transaction()
            await stuck.start()
            await a.execute("select pg_current_xact_id()")
            for _ in range(5):
                rolled_back = b.transaction()
                await rolled_back.start()
                await append(b, first)
                await rolled_back.rollback()
            await append(b, second)
            unread = Unread(0)
            read = await read_outbox(reading, unread.ranges(), events_max=10)
            assert unread.note(read.look.ids, read.look.xmin, complete=read.look.complete)
            unread.bound(await take_horizon(reading))
            missing = []
            for end in (None, stuck):
                if end is not None:
                    await end.rollback()
                read = await read_outbox(reading, unread.ranges(), events_max=10)
                unread.note(read.look.ids, read.look.xmin, complete=read.look.complete)
                missing.append(unread.missing)
            assert missing == [5, 0]

    asyncio.run(scenario())


def test_a_users_next_event_does_not_overtake_one_that_is_read_only_now_and_then(database_url: str) -> None:
    tempo = Tempo(idle_s=NEVER_S, recent_ids_max=2, old_read_s=NEVER_S)

    async def scenario() -> None:
        slow, quick = await create_users(database_url, 2)
        async with (
            following(database_url, tempo) as (_, published),
            session(database_url) as a,
            session(database_url) as b,
        ):
            transaction = a.transaction()
            await transaction.start()
            await append(a, slow)
            for seq in range(1, 6):
                rolled_back = b.transaction()
                await rolled_back.start()
                await append(b, quick)
                await rolled_back.rollback()
                await append(b, quick)
                await published.until_seq(quick, seq)
            await transaction.commit()
            await append(b, quick)
            await published.until_seq(quick, 6)
            assert published.seqs(slow) == [], "control: it is not part of every read any more"
            await append(b, slow)
            await published.until_seq(slow, 2)
            assert published.seqs(slow) == [1, 2]

    asyncio.run(scenario())


def test_a_lost_reading_connection_is_replaced_and_nothing_is_lost(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with following(database_url) as (_, published), session(database_url) as a:
            for seq in range(1, 6):
                await append(a, user)
                assert await terminate(a, "onesms-follower") == 1
                await append(a, user)
                await published.until_seq(user, 2 * seq)
                await published.until_seq(user, 2 * seq - 1)

    asyncio.run(scenario())


def test_a_bus_that_is_away_delays_and_loses_nothing(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        collector, refusals = Collector(), 3

        async def publish(events: Sequence[Event]) -> None:
            nonlocal refusals
            if refusals:
                refusals -= 1
                raise BusUnavailable("away")
            await collector.publish(events)

        follower = Follower(database_url, publish, ALWAYS_AWAKE)
        async with running(follower.run()), session(database_url) as a:
            for _ in range(5):
                await append(a, user)
            await collector.until_seq(user, 5)
            assert collector.seqs(user) == [1, 2, 3, 4, 5]
            assert refusals == 0

    asyncio.run(scenario())


def test_a_new_leader_publishes_again_what_is_newest(database_url: str) -> None:
    tempo = Tempo(idle_s=NEVER_S, lookback_events_min=3, lookback_s=0.0)

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with session(database_url) as a:
            for _ in range(10):
                await append(a, user)
        async with following(database_url, tempo) as (_, published):
            await published.until_seq(user, 10)
            assert published.seqs(user) == [8, 9, 10]
        async with following(database_url) as (_, published):
            await published.until_seq(user, 10)
            assert published.seqs(user) == list(range(1, 11))

    asyncio.run(scenario())


def test_batches_are_bounded_and_follow_one_another(database_url: str) -> None:
    tempo = Tempo(idle_s=NEVER_S, batch_events_max=7)

    async def scenario() -> None:
        users = await create_users(database_url, 5)
        batches: list[int] = []
        collector = Collector()

        async def publish(events: Sequence[Event]) -> None:
            batches.append(len(events))
            await collector.publish(events)

        async with session(database_url) as a, session(database_url) as b:
            open_one = b.transaction()
            await open_one.start()
            for user in users[1:]:
                await append(b, user)
            async with a.transaction():
                for _ in range(100):
                    await append(a, users[0])
            follower = Follower(database_url, publish, tempo)
            async with running(follower.run()):
                await collector.until_seq(users[0], 100)
                await open_one.commit()
                for user in users[1:]:
                    await collector.until_seq(user, 1)
            assert max(batches) == 7
            assert collector.seqs(users[0]) == list(range(1, 101))

    asyncio.run(scenario())


def test_one_of_two_followers_leads_and_the_other_takes_over(database_url: str) -> None:
    tempo = Tempo(idle_s=NEVER_S, standby_s=0.05)

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        published = Collector()
        second = Follower(database_url, published.publish, tempo)
        async with session(database_url) as a:
            async with following(database_url, tempo) as (_, first_published), running(second.run()):
                await append(a, user)
                await first_published.until_seq(user, 1)
                first_pid = await leader_pid(a)
                assert not second.leading.is_set()
                assert published.events == []
            second = Follower(database_url, published.publish, tempo)
            async with running(second.run()):
                await append(a, user)
                await published.until_seq(user, 2)
                assert published.seqs(user) == [1, 2]
                assert await leader_pid(a) not in (first_pid, None)

    asyncio.run(scenario())


async def leader_pid(connection: Any) -> int | None:
    pid: int | None = await connection.fetchval(
        "select pid from pg_locks where locktype = 'advisory' and granted and classid = 20307 and objid = 2"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    return pid


def test_a_database_out_of_reach_is_waited_for_with_one_line_in_the_log(database_url: str, server_url: str) -> None:
    name = urlsplit(database_url).path.removeprefix("/")

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        collector = Collector()
        follower = Follower(database_url, collector.publish, ALWAYS_AWAKE)
        async with session(server_url) as admin:
            await admin.execute(f'alter database "{name}" allow_connections false')
            with capture_logs() as lines:
                async with running(follower.run()), asyncio.timeout(DEADLINE_S):
                    while not lines:
                        await admin.execute("select")
                    await admin.execute(f'alter database "{name}" allow_connections true')
                    async with session(database_url) as a:
                        await append(a, user)
                    await collector.until_seq(user, 1)
        assert [line["event"] for line in lines] == ["follower.database_lost", "follower.leads"]

    asyncio.run(scenario())
