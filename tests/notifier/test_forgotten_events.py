"""Events that are removed while others are followed, replayed and awaited: nobody loses what is kept."""

import asyncio

import pytest

from tests.notifier.support import (
    Recorder,
    append,
    create_users,
    execute,
    following,
    live,
    running_hub,
    session,
)

FORGET = "select forget_events('1 day', 1000000, 0, now() + interval '2 days')"


@pytest.fixture
def url(database_url: str) -> str:
    """A database of its own: everything in it is removed."""
    return database_url


def test_the_follower_goes_on_after_what_it_has_read_is_gone(url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(url, 1)
        async with session(url) as writer, following(url) as (_, collector):
            for seq in range(1, 6):
                assert await append(writer, user) == seq
                await collector.until_seq(user, seq)
                await writer.execute(FORGET)
                assert await writer.fetchval("select count(*) from events") == 0
        assert collector.seqs(user) == [1, 2, 3, 4, 5]

    asyncio.run(scenario())


def test_the_follower_still_gets_the_event_of_an_open_transaction(url: str) -> None:
    """Its id is missing, below others that have been read and removed since."""

    async def scenario() -> None:
        [slow, quick] = await create_users(url, 2)
        async with session(url) as late, session(url) as writer, following(url) as (_, collector):
            transaction = late.transaction()
            await transaction.start()
            await append(late, slow)
            await append(writer, quick)
            await collector.until_seq(quick, 1)
            await writer.execute(FORGET)
            await transaction.commit()
            await collector.until_seq(slow, 1)
        assert (collector.seqs(slow), collector.seqs(quick)) == ([1], [1])

    asyncio.run(scenario())


def test_a_new_leader_begins_though_nothing_is_left(url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(url, 1)
        async with session(url) as writer:
            for _ in range(3):
                await append(writer, user)
            await writer.execute(FORGET)
            async with following(url) as (_, collector):
                await append(writer, user)
                await collector.until_seq(user, 4)
                await append(writer, user)
                await collector.until_seq(user, 5)
        assert collector.seqs(user) == [4, 5]

    asyncio.run(scenario())


def test_a_replay_whose_next_page_is_gone_ends_in_a_reset(url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(url, 1)
        async with running_hub(url, page_events_max=10, ring_events_max=4) as bench:
            await bench.append(user, 45)
            recorder = Recorder()

            async def drain() -> None:
                if recorder.drains == 2:
                    await execute(url, FORGET)

            recorder.on_drain = drain
            subscription = bench.hub.attach(user, recorder)
            assert await subscription.resume(3)
            await subscription.start(3, read_now=False)
            assert (recorder.seqs, recorder.resets) == (list(range(4, 24)), 1)

    asyncio.run(scenario())


def test_rows_that_end_before_the_head_are_no_replay(url: str) -> None:
    """A row was lost in the middle, which no removal does: whoever replays is told, and not led past it."""

    async def scenario() -> None:
        [user] = await create_users(url, 1)
        async with running_hub(url, page_events_max=10) as bench:
            await bench.append(user, 20)
            await bench.rows.execute("delete from events where user_id = $1::text::uuid and seq = 15", user)
            recorder = Recorder()
            subscription = bench.hub.attach(user, recorder)
            assert await subscription.resume(2)
            await subscription.start(2, read_now=False)
            assert (recorder.seqs, recorder.resets) == (list(range(3, 13)), 1)
            assert not await bench.hub.attach(user, Recorder()).resume(14)
            assert await bench.hub.attach(user, Recorder()).resume(15)

    asyncio.run(scenario())


def test_who_is_live_is_told_of_a_gap_that_the_rows_do_not_fill(url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(url, 1)
        async with running_hub(url) as bench:
            recorder = await live(bench, user)
            await bench.append(user, 3)
            await execute(url, FORGET)
            await bench.append(user)
            bench.hub.receive([(await bench.events(user))[4]])
            await recorder.until_reset()
            assert recorder.seqs == []

    asyncio.run(scenario())
