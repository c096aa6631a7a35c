"""The hub on real rows: attaching, resuming from memory or from rows, and being forgotten."""

import asyncio
import itertools
from typing import Any

import pytest

from notifier.event import Event
from notifier.hub import Subscription
from tests.notifier.support import DEADLINE_S, Bench, Recorder, create_users, live, running_hub


def test_a_short_absence_is_made_up_from_memory(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url, ring_events_max=5) as bench:
            await live(bench, user)
            await bench.append(user, 20)
            bench.hub.receive(list((await bench.events(user)).values()))
            for after, queries in ((15, 0), (20, 0), (14, 1), (0, 1)):
                bench.queries.clear()
                recorder = Recorder()
                subscription = bench.hub.attach(user, recorder)
                assert await subscription.resume(after)
                assert recorder.seqs == []
                await subscription.start(after, read_now=False)
                assert recorder.seqs == list(range(after + 1, 21))
                assert len(bench.queries) == queries

    asyncio.run(scenario())


def test_a_long_absence_is_made_up_page_by_page_at_the_subscribers_pace(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url, page_events_max=10, ring_events_max=4) as bench:
            await bench.append(user, 45)
            events = await bench.events(user)
            recorder, delivered_before_drain = Recorder(), []

            async def drain() -> None:
                delivered_before_drain.append(len(recorder.seqs))
                bench.hub.receive([events[seq] for seq in (43, 44, 45)])

            recorder.on_drain = drain
            subscription = bench.hub.attach(user, recorder)
            assert await subscription.resume(3)
            await subscription.start(3, read_now=False)
            assert recorder.seqs == list(range(4, 46))
            assert delivered_before_drain == [10, 20, 30, 40, 42][: len(delivered_before_drain)]
            assert len(delivered_before_drain) >= 4

    asyncio.run(scenario())


def test_a_cursor_that_cannot_be_continued_is_refused(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        nobody = "00000000-0000-0000-0000-000000000000"
        async with running_hub(shared_database_url) as bench:
            await bench.append(user, 5)
            await bench.rows.execute("delete from events where user_id = $1::text::uuid and seq <= 2", user)
            answers = {}
            for whose, after in ((user, 1), (user, 2), (user, 5), (user, 6), (user, -1), (nobody, 0)):
                subscription = bench.hub.attach(whose, Recorder())
                answers[after if whose == user else whose] = await subscription.resume(after)
                subscription.detach()
            assert answers == {1: False, 2: True, 5: True, 6: False, -1: False, nobody: False}

    asyncio.run(scenario())


def test_a_start_that_cannot_be_continued_resets_the_subscriber(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            await bench.append(user, 5)
            await bench.rows.execute("delete from events where user_id = $1::text::uuid and seq <= 2", user)
            recorder = Recorder()
            await bench.hub.attach(user, recorder).start(0, read_now=False)
            assert (recorder.resets, recorder.seqs) == (1, [])

    asyncio.run(scenario())


def splits() -> list[tuple[int, ...]]:
    """How far the rows, and behind them the bus, had come at four moments: rows first, then bus, each growing."""
    moments = 4
    paths = [path for path in itertools.product(range(4), repeat=moments) if list(path) == sorted(path)]
    return [
        (*rows, *bus)
        for rows in paths
        if rows[0] in (0, 1)
        for bus in paths
        if all(there <= committed for there, committed in zip(bus, rows, strict=True))
    ]


@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("cursor", ["snapshot", "resume"])
def test_attaching_amid_traffic_misses_and_doubles_nothing(
    shared_database_url: str, cursor: str, company: bool
) -> None:
    """Every way in which three events can fall around attach, reading, start and the first page."""

    async def scenario() -> None:
        cases = splits()
        users = await create_users(shared_database_url, len(cases))
        async with running_hub(shared_database_url, page_events_max=2, ring_events_max=2) as bench:
            for user, case in zip(users, cases, strict=True):
                friend = await live(bench, user) if company else None
                await attach_amid(bench, user, case[:4], case[4:], cursor)
                assert friend is None or friend.seqs == [1, 2, 3, 4, 5]

    asyncio.run(scenario())


async def attach_amid(bench: Bench, user: str, rows: tuple[int, ...], bus: tuple[int, ...], cursor: str) -> None:
    committed = delivered = 0
    events: dict[int, Event] = {}

    async def advance(rows_to: int, bus_to: int) -> None:
        nonlocal committed, delivered, events
        if rows_to > committed:
            await bench.append(user, rows_to - committed)
            committed = rows_to
            events = await bench.events(user)
        bench.hub.receive([events[seq] for seq in range(delivered + 1, bus_to + 1)])
        delivered = max(delivered, bus_to)

    recorder = Recorder()
    await advance(rows[0], bus[0])
    after = position = committed
    subscription = bench.hub.attach(user, recorder)
    await advance(rows[1], bus[1])
    if cursor == "resume":
        assert await subscription.resume(after)
    else:
        after = position = committed
    await advance(rows[2], bus[2])

    async def drain() -> None:
        await advance(rows[3], bus[3])

    recorder.on_drain = drain
    await subscription.start(position, read_now=cursor == "snapshot")
    await advance(rows[3], bus[3])
    await advance(5, 5)
    await recorder.until(lambda: len(recorder.seqs) >= 5 - after)
    assert recorder.seqs == list(range(after + 1, 6)), (rows, bus)
    subscription.detach()


def test_thousands_who_return_at_once_cost_a_few_queries(shared_database_url: str) -> None:
    async def scenario() -> None:
        users = await create_users(shared_database_url, 2000)
        async with running_hub(shared_database_url) as bench:
            await bench.rows.execute(
                "select append_event(id::uuid, 'test', '{}') from unnest($1::text[]) as id, generate_series(1, 3)",
                users,
            )
            recorders = [Recorder() for _ in users]

            async def come_back(user: str, recorder: Recorder) -> None:
                subscription = bench.hub.attach(user, recorder)
                assert await subscription.resume(1)
                await subscription.start(1, read_now=False)

            await asyncio.gather(*map(come_back, users, recorders))
            assert all(recorder.seqs == [2, 3] for recorder in recorders)
            assert len(bench.queries) <= 4
            assert max(bench.queries) <= 1000

    asyncio.run(scenario())


def test_one_user_asked_for_at_several_positions_gets_each_answered(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url, ring_events_max=0) as bench:
            await bench.append(user, 8)
            recorders = [Recorder() for _ in range(9)]

            async def come_back(after: int, recorder: Recorder) -> None:
                subscription = bench.hub.attach(user, recorder)
                assert await subscription.resume(after)
                await subscription.start(after, read_now=False)

            await asyncio.gather(*(come_back(after, recorder) for after, recorder in enumerate(recorders)))
            assert [recorder.seqs for recorder in recorders] == [list(range(after + 1, 9)) for after in range(9)]

    asyncio.run(scenario())


def test_a_stream_outlives_its_last_subscriber_and_is_then_forgotten(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        for linger_s, remembered in ((3600.0, True), (0.0, False)):
            async with running_hub(shared_database_url, linger_s=linger_s) as bench:
                await bench.append(user)
                events = await bench.events(user)
                newest = max(events)
                recorder = Recorder()
                subscription = bench.hub.attach(user, recorder)
                await subscription.start(newest - 1, read_now=True)
                bench.hub.receive([events[newest]])
                subscription.detach()
                await swept(bench)
                again = bench.hub.attach(user, Recorder())
                assert await again.resume(newest - 1)
                assert (bench.queries == []) is remembered

    asyncio.run(scenario())


async def swept(bench: Bench) -> None:
    """Return after a whole sweep: a marker that only a sweep finds has been found."""
    [marker] = await create_users(bench.url, 1)
    recorder = await live(bench, marker)
    await bench.append(marker)
    bench.hub.sweep_soon()
    await recorder.until_seq(1)
    bench.queries.clear()


def test_a_lingering_stream_with_a_gap_is_not_resumed_from(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorder = Recorder()
            subscription = bench.hub.attach(user, recorder)
            await subscription.start(0, read_now=True)
            subscription.detach()
            await bench.append(user, 3)
            bench.hub.receive([(await bench.events(user))[3]])
            again = Recorder()
            resumed: Subscription[str] = bench.hub.attach(user, again)
            assert await resumed.resume(0)
            await resumed.start(0, read_now=False)
            assert again.seqs == [1, 2, 3]
            assert recorder.seqs == []

    asyncio.run(scenario())


def test_whoever_stops_waiting_for_a_page_spoils_it_for_nobody(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            await bench.append(user, 3)
            waits: list[Any] = [bench.hub.attach(user, Recorder()).resume(1) for _ in range(3)]
            tasks = [asyncio.create_task(wait) for wait in waits]
            await asyncio.sleep(0)
            tasks[0].cancel()
            async with asyncio.timeout(DEADLINE_S):
                assert await asyncio.gather(*tasks[1:]) == [True, True]
            assert bench.queries == [1]

    asyncio.run(scenario())


def test_a_snapshot_newer_than_the_bus_is_not_followed_by_what_it_holds(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            early = await live(bench, user)
            await bench.append(user, 4)
            events = await bench.events(user)
            bench.hub.receive([events[1]])
            late = await live(bench, user, 3)
            bench.hub.receive([events[2], events[3], events[4]])
            assert early.seqs == [1, 2, 3, 4]
            assert late.seqs == [4]

    asyncio.run(scenario())
