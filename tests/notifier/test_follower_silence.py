"""A session that asks nothing for too long is ended, so that who hangs loses the lead; who may be silent does not."""

import asyncio
from collections.abc import Sequence

import pytest

from notifier.event import Event
from notifier.follower import Follower
from notifier.outbox import AWAKE, HUNG_S, end_if_silent, open_session, try_lock
from notifier.relay import SIGN_OF_LIFE_S
from notifier.tempo import Tempo
from tests.notifier.support import (
    NEVER_S,
    Collector,
    append,
    create_users,
    following,
    running,
    session,
    signalled,
)
from tests.notifier.test_follower import leader_pid
from tests.notifier.test_follower_sleep import holds_awake, until_awake
from wallet_db.roles import NOTIFIER

TOO_LONG_S = HUNG_S + 1.0


def test_a_session_that_asks_nothing_is_ended_and_its_locks_are_free(database_url: str) -> None:
    async def scenario() -> None:
        async with open_session(database_url, "follower", NOTIFIER) as silent, session(database_url) as a:
            ended = asyncio.Event()
            silent.add_termination_listener(lambda _session: ended.set())
            assert await try_lock(silent, AWAKE)
            await end_if_silent(silent, 0.2)
            await silent.execute("select pg_sleep(0.5)")
            assert await holds_awake(a), "a statement that runs is no silence"
            await until_awake(a, False)
            await signalled(ended)

    asyncio.run(scenario())


def test_while_a_bus_takes_its_time_the_lead_is_kept(database_url: str) -> None:
    collector, asked, taken = Collector(), asyncio.Event(), asyncio.Event()

    async def publish(events: Sequence[Event]) -> None:
        asked.set()
        await taken.wait()
        await collector.publish(events)

    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        follower = Follower(database_url, publish, Tempo(idle_s=NEVER_S, sweep_s=0.1))
        async with session(database_url) as a, running(follower.run()):
            await signalled(follower.leading)
            leader = await leader_pid(a)
            await append(a, user)
            await signalled(asked)
            await a.execute("select pg_sleep($1)", TOO_LONG_S)
            assert await leader_pid(a) == leader
            taken.set()
            await collector.until_seq(user, 1)
            assert collector.seqs(user) == [1]
            assert await leader_pid(a) == leader

    asyncio.run(scenario())


def test_asleep_until_the_bell_wakes_it_the_lead_is_kept(database_url: str) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        async with (
            following(database_url, Tempo(idle_s=0.02, sweep_s=NEVER_S)) as (follower, published),
            session(database_url) as a,
        ):
            await signalled(follower.asleep)
            leader = await leader_pid(a)
            await a.execute("select pg_sleep($1)", TOO_LONG_S)
            assert await leader_pid(a) == leader
            await append(a, user)
            await published.until_seq(user, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("tempo", [Tempo(), Tempo(poll_s=1.0), Tempo(sweep_s=NEVER_S), Tempo(glance_s=NEVER_S)])
def test_it_means_to_be_silent_for_as_long_as_its_rhythm_says(tempo: Tempo) -> None:
    awake = max(tempo.poll_s, tempo.eager_s)
    assert tempo.silence_s_max(dozes=True) >= max(awake, tempo.glance_s, tempo.glance_s_max)
    assert tempo.silence_s_max(dozes=False) >= max(awake, tempo.sweep_s)
    assert SIGN_OF_LIFE_S < HUNG_S
