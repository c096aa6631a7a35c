"""The contract of buses, for each of them; then what is peculiar to PostgreSQL's. NATS has a file of its own."""

import asyncio
from collections.abc import Sequence

import pytest

from notifier.bus import BUSES, NATS_URL, Bus, BusUnavailable, PostgresBus, open_bus
from notifier.event import Event
from tests.notifier.support import DEADLINE_S, Collector, running, session, terminate

USER = "6c7b1c1e-9f5d-4b0c-8f3e-0a4f5f1f2a11"


def events(*seqs: int, payload: str = '{"a": "é"}') -> list[Event]:
    return [Event(USER, seq, "test", "2026-11-21T01:02:03.456Z", payload) for seq in seqs]


@pytest.fixture(params=list(BUSES))
def bus(request: pytest.FixtureRequest, shared_database_url: str) -> Bus:
    nats_url = request.getfixturevalue("shared_nats").url if request.param == "nats" else NATS_URL
    return open_bus(request.param, shared_database_url, nats_url=nats_url)


async def ready(signal: asyncio.Event) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await signal.wait()


def test_everybody_who_listens_gets_what_is_published_in_order(bus: Bus) -> None:
    async def scenario() -> None:
        first, second = Collector(), Collector()
        signals = asyncio.Event(), asyncio.Event()
        async with running(bus.listen(first.receive, signals[0].set), bus.listen(second.receive, signals[1].set)):
            for signal in signals:
                await ready(signal)
            await bus.publish(events(1, 2))
            await bus.publish([])
            await bus.publish(events(*range(3, 300)))
            for collector in (first, second):
                await collector.until_seq(USER, 299)
                assert collector.events == events(*range(1, 300))
        await bus.close()

    asyncio.run(scenario())


def test_a_receiver_that_raises_is_called_again(bus: Bus) -> None:
    async def scenario() -> None:
        collector, signal = Collector(), asyncio.Event()

        def receive(batch: Sequence[Event]) -> None:
            collector.receive(batch)
            if batch[0].seq == 1:
                raise RuntimeError("on purpose")

        async with running(bus.listen(receive, signal.set)):
            await ready(signal)
            await bus.publish(events(1))
            await bus.publish(events(2))
            await collector.until_seq(USER, 2)
        await bus.close()

    asyncio.run(scenario())


def test_publishing_to_nobody_is_no_fault(bus: Bus) -> None:
    async def scenario() -> None:
        await bus.open()
        await bus.publish(events(1))
        await bus.close()
        await bus.publish(events(2))
        await bus.close()

    asyncio.run(scenario())


def test_an_unknown_bus_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown bus 'pigeons', expected one of postgres, local, nats"):
        open_bus("pigeons", "postgresql://localhost/nowhere")


def test_postgres_an_event_too_long_arrives_as_a_hint(shared_database_url: str) -> None:
    async def scenario() -> None:
        bus, collector, signal = PostgresBus(shared_database_url), Collector(), asyncio.Event()
        async with running(bus.listen(collector.receive, signal.set)):
            await ready(signal)
            await bus.publish([*events(1), *events(2, payload='{"a": "' + "x" * 9000 + '"}'), *events(3)])
            await collector.until_seq(USER, 3)
            assert [(event.seq, event.is_hint) for event in collector.events] == [(1, False), (2, True), (3, False)]
        await bus.close()

    asyncio.run(scenario())


def test_postgres_a_lost_listener_hears_again(shared_database_url: str) -> None:
    async def scenario() -> None:
        bus, collector, signal = PostgresBus(shared_database_url), Collector(), asyncio.Event()
        async with running(bus.listen(collector.receive, signal.set)), session(shared_database_url) as connection:
            for seq in range(1, 4):
                await ready(signal)
                await bus.publish(events(seq))
                await collector.until_seq(USER, seq)
                signal.clear()
                assert await terminate(connection, "onesms-bus-listen") == 1
            await ready(signal)
        await bus.close()

    asyncio.run(scenario())


def test_postgres_a_lost_publisher_says_so_and_connects_again(shared_database_url: str) -> None:
    async def scenario() -> None:
        bus, collector, signal = PostgresBus(shared_database_url), Collector(), asyncio.Event()
        async with running(bus.listen(collector.receive, signal.set)), session(shared_database_url) as connection:
            await ready(signal)
            await bus.publish(events(1))
            assert await terminate(connection, "onesms-bus-publish") == 1
            with pytest.raises(BusUnavailable):
                await bus.publish(events(2))
            await bus.publish(events(2))
            await collector.until_seq(USER, 2)
        await bus.close()

    asyncio.run(scenario())


def test_postgres_publishing_does_not_wait_for_the_disk(shared_database_url: str) -> None:
    async def scenario() -> None:
        bus = PostgresBus(shared_database_url)
        await bus.publish(events(1))
        assert bus._publisher is not None
        assert await bus._publisher.fetchval("show synchronous_commit") == "off"
        await bus.close()

    asyncio.run(scenario())


def test_postgres_noise_on_the_channel_costs_nothing_else(shared_database_url: str) -> None:
    async def scenario() -> None:
        bus, collector, signal = PostgresBus(shared_database_url), Collector(), asyncio.Event()
        async with running(bus.listen(collector.receive, signal.set)), session(shared_database_url) as connection:
            await ready(signal)
            await connection.execute("notify onesms_events, 'noise'; notify onesms_events")
            await bus.publish(events(1))
            await collector.until_seq(USER, 1)
            assert collector.events == events(1)
        await bus.close()

    asyncio.run(scenario())
