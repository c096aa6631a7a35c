"""Many writers at once, against one follower; and a leader killed among them, end to end through the hub."""

import asyncio
import random
from collections import Counter

import asyncpg
import pytest

from notifier.bus import PostgresBus
from notifier.follower import Follower
from notifier.tempo import Tempo
from tests.notifier.support import DEADLINE_S, Collector, Recorder, append, create_users, running, running_hub, session

WRITERS = 32


class RolledBack(Exception):
    pass


async def write(url: str, users: list[str], transactions: int, seed: int) -> None:
    """Transactions of one to three events that stay open for 0-3 ms; one in twenty is rolled back."""
    randomness = random.Random(seed)
    async with session(url) as connection:
        for _ in range(transactions):
            try:
                async with connection.transaction():
                    # In one order, so that no two wait for each other.
                    for user in sorted(randomness.sample(users, randomness.choice([1, 1, 1, 2, 3]))):
                        await append(connection, user)
                    await asyncio.sleep(randomness.uniform(0, 0.003))
                    if randomness.random() < 0.05:
                        raise RolledBack
            except RolledBack:
                pass


async def heads(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    rows = await connection.fetch("select id::text, event_seq from users where event_seq > 0")
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize(
    "tempo",
    [Tempo(), Tempo(idle_s=0.001, sweep_s=3600.0), Tempo(batch_events_max=5, recent_ids_max=2, old_read_s=0.02)],
    ids=["as it is", "falling asleep at once", "tiny bounds"],
)
def test_everything_committed_is_published_once_and_in_order(database_url: str, tempo: Tempo) -> None:
    async def scenario() -> None:
        users = await create_users(database_url, 100)
        collector = Collector()
        follower = Follower(database_url, collector.publish, tempo)
        async with running(follower.run()), session(database_url) as connection:
            async with asyncio.timeout(DEADLINE_S):
                await follower.leading.wait()
            async with asyncio.TaskGroup() as tasks:
                for number in range(WRITERS):
                    tasks.create_task(write(database_url, users, 60, number))
            committed = await heads(connection)
            await collector.until(lambda: len(collector.events) >= sum(committed.values()))
            assert Counter(event.user_id for event in collector.events) == committed
            for user in users:
                assert collector.seqs(user) == list(range(1, committed.get(user, 0) + 1))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "tempo",
    [
        Tempo(),
        Tempo(idle_s=0.001, glance_s=0.001),
        Tempo(idle_s=0.05, glance_s=0.01, batch_events_max=5, recent_ids_max=2, old_read_s=0.02),
    ],
    ids=["as it is", "falling asleep at once", "tiny bounds"],
)
def test_everything_committed_is_heard_whoever_sent_it(database_url: str, tempo: Tempo) -> None:
    """By its writer, or by the follower; now and then by both. Nothing but the bus brings it here."""

    async def scenario() -> None:
        users = await create_users(database_url, 100)
        collector, listening = Collector(), asyncio.Event()
        bus = PostgresBus(database_url)
        follower = Follower(database_url, bus.publish, tempo, channel=bus.channel)
        async with (
            running(bus.listen(collector.receive, listening.set), follower.run()),
            session(database_url) as connection,
        ):
            async with asyncio.timeout(DEADLINE_S):
                await listening.wait()
                await follower.leading.wait()
            async with asyncio.TaskGroup() as tasks:
                for number in range(WRITERS):
                    tasks.create_task(write(database_url, users, 60, number))
            committed = await heads(connection)
            expected = {(user, seq) for user, head in committed.items() for seq in range(1, head + 1)}
            await collector.until(lambda: {(event.user_id, event.seq) for event in collector.events} >= expected)
            assert {(event.user_id, event.seq) for event in collector.events} == expected
        await bus.close()

    asyncio.run(scenario())


def test_a_killed_leader_is_replaced_and_every_subscriber_gets_everything(database_url: str) -> None:
    async def scenario() -> None:
        users = await create_users(database_url, 20)
        tempo = Tempo(standby_s=0.05)
        buses = [PostgresBus(database_url) for _ in range(3)]
        followers = [Follower(database_url, bus.publish, tempo, channel=bus.channel) for bus in buses[:2]]
        listening = asyncio.Event()
        async with (
            running_hub(database_url, sweep_s=0.5) as bench,
            running(buses[2].listen(bench.hub.receive, listening.set)),
            session(database_url) as connection,
        ):
            recorders = {user: Recorder() for user in users}
            for user, recorder in recorders.items():
                await bench.hub.attach(user, recorder).start(0, read_now=True)
            tasks = [asyncio.create_task(follower.run()) for follower in followers]
            async with asyncio.timeout(DEADLINE_S):
                await listening.wait()
                await asyncio.wait(
                    [asyncio.create_task(follower.leading.wait()) for follower in followers],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                first = 0 if followers[0].leading.is_set() else 1
                async with asyncio.TaskGroup() as writing:
                    for number in range(8):
                        writing.create_task(write(database_url, users, 60, number))
                    await recorders[users[0]].until_seq(5)
                    await connection.execute(
                        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                        " and classid = 20307 and objid = 2"
                        " and database = (select oid from pg_database where datname = current_database())"
                    )
                    tasks[first].cancel()
                    await followers[1 - first].leading.wait()
            committed = await heads(connection)
            for user, recorder in recorders.items():
                await recorder.until_seq(committed[user])
                assert recorder.seqs == list(range(1, committed[user] + 1))
            tasks[1 - first].cancel()
            await asyncio.wait(tasks)
        for bus in buses:
            await bus.close()

    asyncio.run(scenario())
