"""The hub on real rows: what its subscribers get, whatever the bus does.

The test is the bus: it hands events over in whichever order it wants, or does not.
"""

import asyncio
import itertools
from functools import partial

from notifier.event import Event
from notifier.hub import Hub
from tests.notifier.support import DEADLINE_S, Recorder, create_users, live, running, running_hub
from wallet_db.connect import pool
from wallet_db.events import read_heads, read_streams


def test_an_event_reaches_every_subscriber_of_its_user_and_nobody_else(shared_database_url: str) -> None:
    async def scenario() -> None:
        user, other = await create_users(shared_database_url, 2)
        async with running_hub(shared_database_url) as bench:
            one, two, stranger = [await live(bench, whose) for whose in (user, user, other)]
            await bench.append(user, 3)
            bench.hub.receive(list((await bench.events(user)).values()))
            assert one.seqs == two.seqs == [1, 2, 3]
            assert stranger.seqs == []
            assert bench.queries == []

    asyncio.run(scenario())


def test_doubles_and_disorder_on_the_bus_are_not_seen_by_subscribers(shared_database_url: str) -> None:
    async def scenario() -> None:
        users = await create_users(shared_database_url, 24)
        async with running_hub(shared_database_url) as bench:
            for user, order in zip(users, itertools.permutations((1, 2, 3, 4)), strict=True):
                recorder = await live(bench, user)
                await bench.append(user, 4)
                events = await bench.events(user)
                for seq in (*order, *order):
                    bench.hub.receive([events[seq]])
                assert recorder.seqs == [1, 2, 3, 4]

    asyncio.run(scenario())


def test_what_the_bus_lost_is_read_from_the_rows_once(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorders = [await live(bench, user) for _ in range(3)]
            await bench.append(user, 10)
            events = await bench.events(user)
            bench.hub.receive([events[1], events[2]])
            bench.hub.receive([events[6]])
            bench.hub.receive([events[8], events[10]])
            for recorder in recorders:
                await recorder.until_seq(10)
                assert recorder.seqs == list(range(1, 11))
            assert bench.queries == [1]

    asyncio.run(scenario())


def test_a_gap_longer_than_a_page_is_read_page_by_page(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url, page_events_max=10) as bench:
            recorder = await live(bench, user)
            await bench.append(user, 35)
            bench.hub.receive([(await bench.events(user))[35]])
            await recorder.until_seq(35)
            assert recorder.seqs == list(range(1, 36))
            assert bench.queries == [1, 1, 1, 1]

    asyncio.run(scenario())


def test_a_hint_is_fetched(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorder = await live(bench, user)
            await bench.append(user, 2)
            events = await bench.events(user)
            bench.hub.receive([Event(user, 1, "", "", ""), events[2]])
            await recorder.until_seq(2)
            assert recorder.seqs == [1, 2]
            assert recorder.messages == ["test", "test"]

    asyncio.run(scenario())


def test_a_lost_newest_event_is_found_by_the_sweep(shared_database_url: str) -> None:
    async def scenario() -> None:
        users = await create_users(shared_database_url, 50)
        async with running_hub(shared_database_url) as bench:
            recorders = [await live(bench, user) for user in users]
            for user in users:
                await bench.append(user, 2)
            bench.hub.sweep_soon()
            for recorder in recorders:
                await recorder.until_seq(2)
                assert recorder.seqs == [1, 2]
            assert len(bench.queries) == 1, "all in one query"

    asyncio.run(scenario())


def test_an_event_the_rows_do_not_know_means_another_history(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorder = await live(bench, user)
            bench.hub.receive([Event(user, 99, "test", "", "{}")])
            await recorder.until_reset()
            again = await live(bench, user)
            await bench.append(user)
            bench.hub.receive([(await bench.events(user))[1]])
            assert again.seqs == [1]
            assert recorder.seqs == []

    asyncio.run(scenario())


def test_an_epoch_that_is_new_at_the_first_sweep_resets_as_well(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with pool(shared_database_url, "test") as rows:
            hub: Hub[str] = Hub(
                lambda event: event.type, partial(read_streams, rows), partial(read_heads, rows), "before"
            )
            recorder = Recorder()
            hub.attach(user, recorder)
            async with running(hub.run()):
                await recorder.until_reset()
            assert hub.epoch != "before"

    asyncio.run(scenario())


def test_a_new_epoch_resets_every_subscriber(database_url: str) -> None:
    async def scenario() -> None:
        users = await create_users(database_url, 3)
        async with running_hub(database_url) as bench:
            recorders = [await live(bench, user) for user in users]
            replaying = Recorder()
            waiting = bench.hub.attach(users[0], replaying)
            woken = asyncio.Event()
            bench.hub.watch(users[0], woken.set)
            before = bench.hub.epoch
            epoch = await bench.rows.fetchval("select new_epoch()")
            bench.hub.sweep_soon()
            for recorder in (*recorders, replaying):
                await recorder.until_reset()
            assert woken.is_set()
            assert before != epoch == bench.hub.epoch
            await waiting.start(0, read_now=False)
            await bench.append(users[0])
            bench.hub.receive(list((await bench.events(users[0])).values()))
            assert all(recorder.seqs == [] for recorder in (*recorders, replaying))

    asyncio.run(scenario())


def test_a_subscriber_that_raises_is_detached_and_disturbs_no_other(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            before, bad, after = [await live(bench, user) for _ in range(3)]

            def fail(seq: int) -> None:
                if seq == 2:
                    raise RuntimeError("on purpose")

            bad.on_deliver = fail
            await bench.append(user, 4)
            bench.hub.receive(list((await bench.events(user)).values()))
            assert before.seqs == after.seqs == [1, 2, 3, 4]
            assert bad.seqs == [1, 2]

    asyncio.run(scenario())


def test_subscribers_may_detach_and_attach_during_a_delivery(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorders = [Recorder() for _ in range(4)]
            subscriptions = [bench.hub.attach(user, recorder) for recorder in recorders]
            for subscription in subscriptions:
                await subscription.start(0, read_now=True)

            def leave(seq: int) -> None:
                if seq == 2:
                    for index in (0, 1, 2):
                        subscriptions[index].detach()
                    bench.hub.attach(user, Recorder())

            recorders[1].on_deliver = leave
            await bench.append(user, 3)
            bench.hub.receive(list((await bench.events(user)).values()))
            assert [recorder.seqs for recorder in recorders] == [[1, 2], [1, 2], [1], [1, 2, 3]]
            assert [subscription.position for subscription in subscriptions] == [2, 2, 1, 3]

    asyncio.run(scenario())


def test_a_database_that_fails_is_asked_again_and_subscribers_stay(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            recorder = await live(bench, user)
            await bench.append(user, 3)
            events = await bench.events(user)
            bench.failures = 2
            bench.hub.receive([events[3]])
            await recorder.until_seq(3)
            assert recorder.seqs == [1, 2, 3]
            assert (bench.failures, recorder.resets) == (0, 0)

    asyncio.run(scenario())


def test_a_watcher_is_woken_by_any_event_until_it_ends(shared_database_url: str) -> None:
    async def scenario() -> None:
        user, other = await create_users(shared_database_url, 2)
        async with running_hub(shared_database_url) as bench:
            wakes: list[str] = []

            def fail() -> None:
                raise RuntimeError("on purpose")

            bench.hub.watch(user, fail)
            end = bench.hub.watch(user, lambda: wakes.append("any"))
            bench.hub.watch(user, lambda: wakes.append("after 1"), after=1)
            bench.hub.receive([Event(user, 1, "test", "", "{}"), Event(other, 1, "test", "", "{}")])
            assert wakes == ["any"]
            bench.hub.receive([Event(user, 2, "", "", "")])
            assert wakes == ["any", "any", "after 1"]
            end()
            end()
            bench.hub.receive([Event(user, 3, "test", "", "{}")])
            assert wakes == ["any", "any", "after 1", "after 1"]

    asyncio.run(scenario())


def test_a_watcher_that_says_what_it_knows_is_woken_by_the_sweep(shared_database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(shared_database_url, 1)
        async with running_hub(shared_database_url) as bench:
            woken, ignorant = asyncio.Event(), asyncio.Event()
            bench.hub.watch(user, woken.set, after=0)
            bench.hub.watch(user, ignorant.set)
            await bench.append(user)
            bench.hub.sweep_soon()
            async with asyncio.timeout(DEADLINE_S):
                await woken.wait()
            assert not ignorant.is_set()

    asyncio.run(scenario())
