"""What is peculiar to NATS: a connection ends with its first fault, and hubs heal what was lost meanwhile."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import nats
import pytest

from notifier.bus import BusUnavailable
from notifier.bus.hearing import UNREADABLE
from notifier.bus.nats import BATCH_BYTES_MAX, PENDING_BYTES_MAX, SUBJECT, NatsBus
from notifier.event import Event
from tests.nats_server import NatsServer, nats_server
from tests.notifier.support import DEADLINE_S, Collector, create_users, live, running, running_hub, signalled

USER = "6c7b1c1e-9f5d-4b0c-8f3e-0a4f5f1f2a12"
PROMPTLY_S = 3.0


def events(*seqs: int, payload: str = '{"a": "é"}') -> list[Event]:
    return [Event(USER, seq, "test", "2026-11-21T01:02:03.456Z", payload) for seq in seqs]


class Listener(Collector):
    """A collector that also says when hearing begins and ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = asyncio.Event()
        self.lost = asyncio.Event()


@asynccontextmanager
async def listening(bus: NatsBus) -> AsyncIterator[Listener]:
    """A listener that hears, with the bus closed afterwards."""
    listener = Listener()
    async with running(bus.listen(listener.receive, listener.ready.set, listener.lost.set)):
        await signalled(listener.ready)
        yield listener
    await bus.close()


async def stranger(server: NatsServer) -> nats.aio.client.Client:
    """A client of the library's own; its round trips come after what it has published."""
    return await nats.connect(server.url, pending_size=1)


async def heard_anew(listener: Listener) -> None:
    await signalled(listener.lost)
    listener.lost.clear()
    await signalled(listener.ready)


def test_a_hub_heals_what_was_lost_while_the_server_was_away(shared_database_url: str) -> None:
    async def scenario(server: NatsServer) -> None:
        [user] = await create_users(shared_database_url, 1)
        bus, ready, lost = NatsBus(server.url), asyncio.Event(), asyncio.Event()
        async with running_hub(shared_database_url) as bench:
            recorder = await live(bench, user)

            def hears() -> None:
                ready.set()
                if lost.is_set():  # the first hearing's sweep might come as late as the loss below, and hide it
                    bench.hub.sweep_soon()

            async def publish(seq: int) -> None:
                await bus.publish([(await bench.events(user))[seq]])

            async with running(bus.listen(bench.hub.receive, hears, lost.set)):
                await signalled(ready)
                await bench.append(user)
                await publish(1)
                await recorder.until_seq(1)

                ready.clear()
                server.kill()
                await signalled(lost)
                await bench.append(user, 2)
                with pytest.raises(BusUnavailable, match="no connection to NATS"):
                    await publish(2)
                assert recorder.seqs == [1]
                server.start()
                await signalled(ready)
                await recorder.until_seq(3)  # the sweep that hearing anew asks for

                await bench.append(user, 2)
                await publish(5)
                await recorder.until_seq(5)  # and the gap that the bus shows
                assert recorder.seqs == [1, 2, 3, 4, 5]
            await bus.close()

    with nats_server() as server:
        asyncio.run(scenario(server))


def test_a_publisher_whose_server_was_replaced_says_so_once(shared_nats: NatsServer) -> None:
    async def scenario(server: NatsServer) -> None:
        bus = NatsBus(server.url)
        async with listening(bus) as listener:
            await bus.publish(events(1))
            listener.ready.clear()
            server.kill()
            server.start()
            with pytest.raises(BusUnavailable):
                await bus.publish(events(2))
            await heard_anew(listener)
            await bus.publish(events(2))
            await listener.until_seq(USER, 2)
            assert listener.seqs(USER) == [1, 2]

    with nats_server() as server:
        asyncio.run(scenario(server))


def test_a_batch_not_answered_for_is_not_known_to_be_published(shared_nats: NatsServer) -> None:
    async def scenario() -> None:
        bus = NatsBus(shared_nats.url)
        async with listening(bus) as listener:
            await bus.publish(events(1))
            with shared_nats.frozen(), pytest.raises(BusUnavailable, match="no answer within 5 s"):
                await bus.publish(events(2))
            await bus.publish(events(2))
            await bus.publish(events(3))
            await listener.until_seq(USER, 3)
            assert [seq for seq in listener.seqs(USER) if seq != 2] == [1, 3]
            assert not listener.lost.is_set()

    asyncio.run(scenario())


def test_publishing_to_a_server_that_stands_still_can_be_cancelled(shared_nats: NatsServer) -> None:
    async def scenario() -> None:
        bus = NatsBus(shared_nats.url)
        await bus.open()
        with shared_nats.frozen():
            # More than the sockets hold: the library waits where it swallows a cancellation.
            publishing = asyncio.create_task(bus.publish(events(*range(200), payload='"' + "x" * 200_000 + '"')))
            await asyncio.wait((publishing,), timeout=0.3)
            assert not publishing.done()
            publishing.cancel()
            await asyncio.wait((publishing,), timeout=PROMPTLY_S)
            assert publishing.cancelled()

    asyncio.run(scenario())


def test_the_server_is_asked_after_the_last_message_and_not_before() -> None:
    received = bytearray()
    greeted, reading, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"max_payload":1048576}\r\n')
        while data := await reader.read(65_536):
            received.extend(data)
            if received.endswith(b"PING\r\n"):
                writer.write(b"PONG\r\n")
                greeted.set()
                await reading.wait()
        writer.close()
        await writer.wait_closed()
        left.set()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            bus = NatsBus(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await bus.open()
            await signalled(greeted)
            received.clear()
            # More than the sockets hold: what comes last has to wait within this process.
            publishing = asyncio.create_task(bus.publish(events(*range(95), payload='"' + "x" * 200_000 + '"')))
            await asyncio.wait((publishing,), timeout=0.3)
            assert not publishing.done()
            reading.set()
            await publishing
            assert received.count(b"PUB ") == 95
            assert received.index(b"PING\r\n") > received.rindex(b"PUB ")
            await bus.close()
            await signalled(left)

    asyncio.run(scenario())


def test_batches_are_split_below_what_the_server_takes() -> None:
    async def scenario(server: NatsServer) -> None:
        bus, sizes = NatsBus(server.url), []

        async def measure(message: nats.aio.msg.Msg) -> None:
            sizes.append(len(message.data))

        async with await stranger(server) as raw:
            await raw.subscribe(SUBJECT, cb=measure)
            await raw.rtt()
            async with listening(bus) as listener:
                await bus.publish([*events(*range(1, 500)), *events(500, payload='"' + "x" * 5000 + '"'), *events(501)])
                await listener.until_seq(USER, 501)
                assert listener.seqs(USER) == list(range(1, 502))
                assert [event.seq for event in listener.events if event.is_hint] == [500]
            await raw.rtt()
        assert 3900 < max(sizes) <= 4096
        assert len(sizes) < 20

    with nats_server("max_payload: 4096") as server:
        asyncio.run(scenario(server))


def test_a_flood_arrives_whole_and_in_order(shared_nats: NatsServer) -> None:
    async def scenario() -> None:
        bus = NatsBus(shared_nats.url)
        async with listening(bus) as listener:
            for first in range(1, 20_001, 1000):
                await bus.publish(events(*range(first, first + 1000), payload='"' + "x" * 500 + '"'))
            await listener.until(lambda: len(listener.events) == 20_000)
            assert listener.seqs(USER) == list(range(1, 20_001))

    asyncio.run(scenario())


NOISE = (
    b"",
    b"noise",
    b"\xff\xfe\x00",
    b"\t\t\t\t",
    b'{"type":"sms.received"}',
    b"\n" * (BATCH_BYTES_MAX + 1),
    b"x" * 1_000_000,
)


def test_noise_on_the_subject_is_counted_and_costs_nothing_else(
    shared_nats: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        bus, before = NatsBus(shared_nats.url), UNREADABLE.labels("nats")._value.get()
        async with listening(bus) as listener, await stranger(shared_nats) as raw:
            for message in NOISE:
                await raw.publish(SUBJECT, message)
            await raw.publish(SUBJECT, b"noise", reply="answers", headers={"Nats-Msg-Id": "1", "é".encode().hex(): "é"})
            await raw.rtt()
            await bus.publish(events(1))
            await listener.until_seq(USER, 1)
            assert listener.events == events(1)
            assert not listener.lost.is_set()
        assert UNREADABLE.labels("nats")._value.get() - before == len(NOISE) + 1
        assert capsys.readouterr().out.count("bus.unreadable") <= 1

    asyncio.run(scenario())


def test_what_the_client_dropped_counts_as_lost() -> None:
    async def scenario(server: NatsServer) -> None:
        bus = NatsBus(server.url)
        async with listening(bus) as listener, await stranger(server) as raw:
            listener.ready.clear()
            await raw.publish(SUBJECT, b"x" * (PENDING_BYTES_MAX + 1))
            await heard_anew(listener)
            await bus.publish(events(1))
            await listener.until_seq(USER, 1)

    with nats_server(f"max_payload: {PENDING_BYTES_MAX + 4096}\nmax_pending: {4 * PENDING_BYTES_MAX}") as server:
        asyncio.run(scenario(server))


def test_a_listener_that_the_server_finds_slow_hears_again() -> None:
    def flood(port: int) -> None:
        """While the event loop, and with it the listener, stands still."""
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
            connection.sendall(b'CONNECT {"verbose":false}\r\n')
            message = b"PUB %b 200000\r\n%b\r\n" % (SUBJECT.encode(), b"x" * 200_000)
            for _ in range(200):
                connection.sendall(message)
            connection.sendall(b"PING\r\n")
            with connection.makefile("rb") as answers:
                while answers.readline() != b"PONG\r\n":
                    pass

    async def scenario(server: NatsServer) -> None:
        bus, listener = NatsBus(server.url), Listener()

        def receive_and_stall(batch: Sequence[Event]) -> None:
            listener.receive(batch)
            if batch[0].seq == 1:
                listener.ready.clear()
                flood(server.port)

        async with running(bus.listen(receive_and_stall, listener.ready.set, listener.lost.set)):
            await signalled(listener.ready)
            await bus.publish(events(1))
            await heard_anew(listener)
            await bus.publish(events(2))
            await listener.until_seq(USER, 2)
        await bus.close()

    with nats_server('max_pending: 1048576\nwrite_deadline: "200ms"') as server:
        asyncio.run(scenario(server))


ACCOUNTS = """
authorization {
    users = [
        { user: "gateway", password: "p@ss/w:ord" }
        { user: "deaf", password: "secret", permissions: { subscribe: "other" } }
        { user: "mute", password: "secret", permissions: { publish: "other" } }
    ]
}
"""


def test_credentials_come_with_the_url_and_show_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    async def refused(url: str, reason: str) -> None:
        with pytest.raises(BusUnavailable, match=reason) as caught:
            await NatsBus(url).open()
        assert "secret" not in str(caught.value)
        lost = asyncio.Event()
        async with running(NatsBus(url).listen(lambda _: None, None, lost.set)):
            await signalled(lost)

    async def scenario(server: NatsServer) -> None:
        place = server.url.removeprefix("nats://")
        bus = NatsBus(f"nats://gateway:p%40ss%2Fw%3Aord@{place}")
        async with listening(bus) as listener:
            await bus.publish(events(1))
            await listener.until_seq(USER, 1)
        await refused(f"nats://gateway:secret@{place}", "no connection to NATS at .*Authorization Violation")
        await refused(f"nats://secret@{place}", "Authorization Violation")
        await refused(server.url, "Authorization Violation")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens
            await refused(f"nats://gateway:secret@127.0.0.1:{taken.getsockname()[1]}", "Connect call failed|refused")
        output = capsys.readouterr()
        assert "bus.lost" in output.out
        assert not re.search("secret|p@ss|p%40", output.out + output.err)

    with nats_server(ACCOUNTS) as server:
        asyncio.run(scenario(server))


def test_a_token_is_a_user_without_password() -> None:
    async def scenario(server: NatsServer) -> None:
        bus = NatsBus(server.url.replace("//", "//t%6Fken@"))
        await bus.open()
        await bus.close()

    with nats_server('authorization { token: "token" }') as server:
        asyncio.run(scenario(server))


def test_what_an_account_may_not_do_is_said() -> None:
    async def scenario(server: NatsServer) -> None:
        place = server.url.removeprefix("nats://")
        bus, ready, lost = NatsBus(f"nats://deaf:secret@{place}"), asyncio.Event(), asyncio.Event()
        async with running(bus.listen(lambda _: None, ready.set, lost.set)):
            await signalled(lost)
            assert not ready.is_set()
        mute = NatsBus(f"nats://mute:secret@{place}")
        with pytest.raises(BusUnavailable, match="permissions violation for publish"):
            await mute.publish(events(1))

    with nats_server(ACCOUNTS) as server:
        asyncio.run(scenario(server))


def test_another_server_of_the_cluster_takes_over(shared_nats: NatsServer) -> None:
    async def scenario(other: NatsServer) -> None:
        both = f"{other.url},{shared_nats.url}"
        other.kill()
        bus = NatsBus(both)
        async with listening(bus) as listener:
            await bus.publish(events(1))
            await listener.until_seq(USER, 1)

    with nats_server() as other:
        asyncio.run(scenario(other))
