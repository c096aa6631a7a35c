"""What the gateway counts of connections, streams, deliveries and its pool, as its `/metrics` tells it."""

import asyncio
from urllib.parse import urlsplit

import httpx

from gateway.realtime.close_codes import CLOSE_CODES
from tests.conftest import execute
from tests.gateway.clients import LONG_POLL, SSE, WEBSOCKET
from tests.gateway.support import end_of, events, in_a_loop, new_user, own_gateway, ready
from tests.gateway.test_metrics import figures
from tests.system import System, running_system, wait_until


async def told(url: str) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/metrics", timeout=10)
    assert answer.status_code == 200
    return figures(answer.text)


async def until(url: str, name: str, value: float) -> None:
    """The connection's end is noticed a moment after the client has gone."""
    async with asyncio.timeout(10):
        while (await told(url))[name] != value:  # noqa: ASYNC110 - it is another process's
            await asyncio.sleep(0.02)


@in_a_loop
async def test_connections_are_told_by_transport_and_gone_when_they_are(system: System) -> None:
    with own_gateway(system) as url:
        async with new_user(system) as user:
            async with WEBSOCKET.connect(url, user.token, None) as one, SSE.connect(url, user.token, None) as two:
                await ready(one)
                await ready(two)
                seen = await told(url)
                assert seen["onesms_connections websocket"] == seen["onesms_connections sse"] == 1
                assert seen["onesms_connections poll"] == 0
                assert seen["onesms_users_connected"] == 1
            await until(url, "onesms_connections websocket", 0)
            await until(url, "onesms_connections sse", 0)
            seen = await told(url)
            assert seen["onesms_connections_opened_total websocket"] == 1
            assert seen["onesms_users_connected"] == 0
            for transport in ("websocket", "sse", "poll"):
                for code in CLOSE_CODES:  # they went by themselves
                    assert seen[f"onesms_connections_closed_total {code.name} {transport}"] == 0


@in_a_loop
async def test_streams_are_told_by_where_they_began(system: System) -> None:
    with own_gateway(system) as url:
        async with new_user(system) as user:
            async with SSE.connect(url, user.token, None) as stream:
                cursor = (await ready(stream))["cursor"]
                await user.append(2)
                await events(stream, 2)
            async with SSE.connect(url, user.token, cursor) as stream:
                await ready(stream)
                await events(stream, 2)
            async with SSE.connect(url, user.token, "rubbish") as stream:
                await ready(stream)
            await user.append(100)  # more than memory keeps
            async with SSE.connect(url, user.token, None) as stream:
                await ready(stream)
            async with SSE.connect(url, user.token, cursor) as stream:
                await ready(stream)
            seen = await told(url)
            began = {
                source: seen[f"onesms_streams_begun_total {source}"] for source in ("memory", "void_cursor", "new")
            }
            assert began == {"memory": 1, "void_cursor": 1, "new": 2}
            assert seen["onesms_streams_begun_total rows"] == 1


@in_a_loop
async def test_whoever_is_sent_away_is_counted_by_why(system: System) -> None:
    with own_gateway(system, CONNECTIONS_PER_USER_MAX="1") as url:
        async with new_user(system) as user, WEBSOCKET.connect(url, user.token, None) as stream:
            await ready(stream)
            async with WEBSOCKET.connect(url, user.token, None) as refused:
                assert await end_of(refused) == 4003
            async with WEBSOCKET.connect(url, "rubbish", None) as stranger:
                assert await end_of(stranger) == 4500
            seen = await told(url)
            assert seen["onesms_connections_closed_total too_many_connections websocket"] == 1
            assert seen["onesms_connections_closed_total unauthorized websocket"] == 1
            assert seen["onesms_connections websocket"] == 1


@in_a_loop
async def test_the_delay_of_a_delivery_is_measured_once_in_a_while(system: System) -> None:
    with own_gateway(system) as url:
        async with new_user(system) as user, SSE.connect(url, user.token, None) as stream:
            await ready(stream)
            for _ in range(3):
                await user.append(1)
                await events(stream, 1)
            count = (await told(url))["onesms_delivery_delay_seconds_count"]
            assert 1 <= count <= 3
            await user.append(50)
            await events(stream, 50)
            seen = await told(url)
            assert seen["onesms_delivery_delay_seconds_count"] < count + 50
            assert 0 < seen["onesms_delivery_delay_seconds_sum"] < 5
            assert seen["onesms_hub_events_healed_total"] == 0


@in_a_loop
async def test_a_poll_counts_while_it_waits(system: System) -> None:
    with own_gateway(system) as url:
        async with new_user(system) as user, LONG_POLL.connect(url, user.token, None) as stream:
            await ready(stream)
            waiting = asyncio.create_task(stream.next())
            await until(url, "onesms_connections poll", 1)
            await user.append(1)
            assert (await waiting)["type"] == "test"
            await until(url, "onesms_connections poll", 0)
            seen = await told(url)
            assert seen["onesms_connections_opened_total poll"] == 2


@in_a_loop
async def test_the_pool_is_told(system: System) -> None:
    with own_gateway(system, DATABASE_CONNECTIONS_MAX="3") as url:
        seen = await told(url)
        assert seen["onesms_pool_connections_max gateway"] == 3
        assert seen["onesms_pool_wait_seconds_count gateway"] >= 1
        assert seen["onesms_pool_connections gateway busy"] >= 0
        assert seen["onesms_database_reachable"] == 1


def test_without_the_database_a_process_still_tells_of_itself(server_url: str, database_url: str) -> None:
    name = urlsplit(database_url).path[1:]
    with running_system(database_url) as system:
        system.gateway.tolerates = ("for want of the database", "database probe failed", "asyncpg.pool")

        def seen() -> dict[str, float]:
            return asyncio.run(told(system.url))

        assert seen()["onesms_database_reachable"] == 1
        asyncio.run(execute(server_url, f'alter database "{name}" allow_connections false'))
        try:
            ended = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"  # noqa: S608
            asyncio.run(execute(server_url, ended))
            wait_until(lambda: seen()["onesms_database_reachable"] == 0, "it is told that the database is away")
            away = seen()
            assert away["onesms_connections websocket"] == 0
            assert away["process_resident_memory_bytes"] > 0
        finally:
            asyncio.run(execute(server_url, f'alter database "{name}" allow_connections true'))
        wait_until(lambda: seen()["onesms_database_reachable"] == 1, "and that it is back")
