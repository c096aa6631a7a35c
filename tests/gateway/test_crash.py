"""Break it on purpose: whatever dies, each client has every event once, and in order.

Each test runs a system of its own. Clients come back with their cursor as soon as there is somebody to come back to.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest

from tests.gateway.clients import CUT_OFF, LONG_POLL, SSE, TRANSPORTS, WEBSOCKET, Closed, Message, Stream, Transport
from tests.gateway.support import User, events, in_a_loop, new_user, ready, seqs
from tests.system import System, running_system, wait_until
from wallet_db.connect import Pool, pool

SERVICE_RESTART = 1012


@pytest.fixture
def own_system(database_url: str) -> Iterator[System]:
    """Without pollers: orders stay `ordering`, and nobody waits for them."""
    with running_system(database_url, environment={"ORDER_WAIT_S": "0"}) as running:
        yield running


class Follower:
    """A client that never gives up: it collects events over one transport, through however many connections."""

    def __init__(self, transport: Transport, url: str, token: str, up: asyncio.Event) -> None:
        self.received: list[Message] = []
        self.connections = 0
        self._transport = transport
        self._url = url
        self._token = token
        self._up = up
        """Set while there is a gateway to connect to: what a client's backoff would find out."""

    async def follow(self, count: int) -> None:
        """Return when that many events have come."""
        cursor: str | None = None
        while len(self.received) < count:
            await self._up.wait()
            try:
                async with self._transport.connect(self._url, self._token, cursor) as stream:
                    first = await ready(stream)
                    assert first["resumed"] is (cursor is not None)
                    cursor = first["cursor"]
                    self.connections += 1
                    while len(self.received) < count:
                        [event] = await events(stream, 1)
                        self.received.append(event)
                        cursor = event["cursor"]
            except Closed as end:
                if end.code not in (CUT_OFF, SERVICE_RESTART):
                    raise

    async def until(self, count: int) -> None:
        """Return when so many have come, without waiting for more."""
        await asyncio.to_thread(wait_until, lambda: len(self.received) >= count, f"{count} events")


@asynccontextmanager
async def writing(user: User, count: int) -> AsyncIterator[None]:
    """So many events are written, one transaction after another, while the block runs; all are at its end."""

    async def write() -> None:
        for number in range(count):
            await user.append(1, json.dumps({"number": number}))

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        await task


@in_a_loop
async def test_gateway_killed_in_mid_stream_loses_and_doubles_nothing(own_system: System) -> None:
    kills, between = 2, 500
    count = 1 + between * (kills + 1)
    up = asyncio.Event()
    up.set()
    async with new_user(own_system) as user:
        followers = [Follower(transport, own_system.url, user.token, up) for transport in TRANSPORTS]
        following = asyncio.gather(*(follower.follow(count) for follower in followers))
        await _until_all_connected(own_system, user, followers)
        for kill in range(kills):
            async with writing(user, between):
                for follower in followers:
                    await follower.until(kill * between + 100)
                up.clear()
                own_system.gateway.kill()
                await asyncio.to_thread(own_system.restart_gateway)
                up.set()
        async with writing(user, between):  # so that all have to come back
            await following
    for follower in followers:
        assert seqs(follower.received) == list(range(1, count + 1))
        assert follower.connections > kills


async def _until_all_connected(system: System, user: User, followers: list[Follower]) -> None:
    """A first event for each, so that all began before what they are to follow."""
    wait = asyncio.to_thread(wait_until, lambda: all(follower.connections for follower in followers), "connections")
    await wait
    await user.append()


@in_a_loop
async def test_sigterm_sends_everybody_away_in_order(own_system: System) -> None:
    async with new_user(own_system) as user, AsyncExitStack() as stack:
        streams: dict[str, Stream] = {}
        for transport in (WEBSOCKET, SSE):
            streams[transport.name] = await stack.enter_async_context(
                transport.connect(own_system.url, user.token, None)
            )
            cursor = (await ready(streams[transport.name]))["cursor"]
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=own_system.url))
        polling = asyncio.create_task(
            client.get(
                "/realtime/poll",
                params={"cursor": cursor, "wait": 25, "access_token": user.token},
                timeout=25,
            )
        )
        await _until_polling(client)
        own_system.gateway.terminate()

        for name, stream in streams.items():
            with pytest.raises(Closed) as end:
                await stream.next()
            assert end.value.code == SERVICE_RESTART, name
        answer = await polling
        assert answer.status_code == 200
        assert (answer.json()["events"], answer.json()["cursor"]) == ([], cursor)
        assert await asyncio.to_thread(own_system.gateway.wait, within_s=4.0) == 0

        await user.append(2)  # while there is nobody
        await asyncio.to_thread(own_system.restart_gateway)
        for transport in TRANSPORTS:
            async with transport.connect(own_system.url, user.token, cursor) as stream:
                assert (await ready(stream))["resumed"] is True
                assert seqs(await events(stream, 2)) == [1, 2]


async def _until_polling(client: httpx.AsyncClient) -> None:
    """The gateway takes requests in their order: when this one is answered, the poll before it has begun."""
    assert (await client.get("/readyz")).status_code == 200


@in_a_loop
async def test_notifier_killed_is_replaced(own_system: System) -> None:
    async with new_user(own_system) as user, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(each.connect(own_system.url, user.token, None)) for each in TRANSPORTS
        ]
        for stream in streams:
            await ready(stream)
        await user.append(5)
        for stream in streams:
            assert seqs(await events(stream, 5)) == [1, 2, 3, 4, 5]
        own_system.notifier.kill()
        await user.append(5)
        await asyncio.to_thread(own_system.restart_notifier)
        await user.append(5)
        for stream in streams:
            assert seqs(await events(stream, 10)) == list(range(6, 16))


@in_a_loop
async def test_second_notifier_takes_over_at_once(own_system: System) -> None:
    second = own_system.start("notifier")
    await asyncio.to_thread(second.wait_until_it, "follower.stands_by")
    async with new_user(own_system) as user, WEBSOCKET.connect(own_system.url, user.token, None) as stream:
        await ready(stream)
        async with writing(user, 500):
            assert seqs(await events(stream, 100)) == list(range(1, 101))
            own_system.notifier.kill()
            assert seqs(await events(stream, 400)) == list(range(101, 501))


@in_a_loop
async def test_lost_database_connections_heal(own_system: System) -> None:
    """All at once, in mid-stream: no stream ends, nothing is missing, and requests are answered again."""
    own_system.gateway.tolerates = ("database probe failed",)
    async with new_user(own_system) as user, AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(each.connect(own_system.url, user.token, None)) for each in TRANSPORTS
        ]
        for stream in streams:
            await ready(stream)
        collecting = asyncio.gather(*(events(stream, 300) for stream in streams))
        for _ in range(3):
            async with writing(user, 100):
                await _terminate_connections(user.db)
                await asyncio.to_thread(own_system.wait_until_ready)
        for received in await collecting:
            assert seqs(received) == list(range(1, 301))
        async with LONG_POLL.connect(own_system.url, user.token, None) as stream:
            assert (await ready(stream))["resumed"] is False


@in_a_loop
async def test_purchase_cut_off_from_the_database_can_be_sent_again(own_system: System) -> None:
    own_system.gateway.tolerates = ("for want of the database",)
    user_id, token = await asyncio.to_thread(own_system.sign_in)
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "once"}
    async with (
        pool(own_system.database_url, "test") as db,
        httpx.AsyncClient(base_url=own_system.url, headers=headers) as client,
    ):
        order = {"service": "whatsapp", "country": "indonesia"}
        async with db.acquire() as connection, connection.transaction():
            await connection.execute("select lock_user_wallet($1::text::uuid)", user_id)
            buying = asyncio.create_task(client.post("/api/activations", json=order))
            await asyncio.to_thread(_wait_until_locked_out, own_system.database_url)
            await _terminate_connections(db)
            answer = await buying
        assert (answer.status_code, answer.json()["error_code"]) == (503, "UNAVAILABLE")
        answers = [await client.post("/api/activations", json=order) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].json() == answers[1].json()
        assert (await client.get("/api/wallet")).json()["frozen"] == "5.00"


def _wait_until_locked_out(database_url: str) -> None:
    """Return when some statement waits for a lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

    async def locked_out() -> bool:
        connection = await asyncpg.connect(database_url)
        try:
            return bool(await connection.fetchval(waiting))
        finally:
            await connection.close()

    wait_until(lambda: asyncio.run(locked_out()), "the purchase waits for the wallet")


async def _terminate_connections(db: Pool) -> None:
    """All of gateway and notifier: pool, listener, follower and its bell."""
    ended: list[str] = [
        row["application_name"]
        for row in await db.fetch(
            "select application_name, pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name like 'onesms-%'"
            "   and application_name <> 'onesms-test'"
        )
    ]
    assert ended
