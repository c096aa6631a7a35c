"""A database that takes no connections, for whatever reason: come again, on every way in; and then all is as before."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.responses import EXCEPTION_HANDLERS
from gateway.realtime.close_codes import INTERNAL_ERROR
from tests.conftest import execute
from tests.gateway.api import refusal
from tests.gateway.clients import SSE, WEBSOCKET, Closed
from tests.gateway.support import events, in_a_loop, new_user, ready, seqs
from tests.system import TLS, running_system
from wallet_db.connect import DatabaseUnavailable

END_ALL_OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and application_name <> 'onesms-test'"
)


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.CannotConnectNowError("57P03: the database system is starting up"),
        asyncpg.AdminShutdownError("57P01: terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("53300: sorry, too many clients already"),
        asyncpg.ObjectNotInPrerequisiteStateError("55000: database is not currently accepting connections"),
        asyncpg.InvalidCatalogNameError("3D000: database does not exist"),
        asyncpg.ConnectionDoesNotExistError("08003: connection was closed in the middle of operation"),
        asyncpg.InternalClientError("got result for unknown protocol state"),
        DatabaseUnavailable("postgresql://127.0.0.1/x", ConnectionRefusedError()),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_whatever_says_that_the_database_is_away_is_answered_by_when_to_come_again(fault: Exception) -> None:
    async def route(_: Request) -> Response:
        raise fault

    async def ask() -> httpx.Response:
        app = Starlette(routes=[Route("/", route)], exception_handlers=EXCEPTION_HANDLERS)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get("/")

    answer = asyncio.run(ask())
    refusal(answer, 503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


@in_a_loop
async def test_database_that_takes_no_connections_costs_time_and_nothing_else(
    server_url: str, database_url: str
) -> None:
    name = urlsplit(database_url).path[1:]
    async with AsyncExitStack() as stack:
        system = await asyncio.to_thread(stack.enter_context, running_system(database_url))
        system.gateway.tolerates = ("for want of the database", "database probe failed", "asyncpg.pool")
        user = await stack.enter_async_context(new_user(system))
        streams = [
            await stack.enter_async_context(each.connect(system.url, user.token, None)) for each in (WEBSOCKET, SSE)
        ]
        for stream in streams:
            await ready(stream)
        other = {"authorization": f"Bearer {system.token()}"}  # whom this process does not know yet
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=system.url, headers=other, verify=TLS, trust_env=False)
        )
        await execute(server_url, f'alter database "{name}" allow_connections false')
        try:
            await user.db.execute(END_ALL_OTHERS)
            for path in ("/api/wallet", "/realtime/poll"):
                answer = await client.get(path)
                refusal(answer, 503, "UNAVAILABLE")
                assert answer.headers["retry-after"] == "1"
            for transport in (WEBSOCKET, SSE):
                with pytest.raises(Closed) as end:
                    async with transport.connect(system.url, system.token(), None) as stream:
                        await stream.next()
                assert end.value.code == INTERNAL_ERROR.code  # which says: come back
        finally:
            await execute(server_url, f'alter database "{name}" allow_connections true')
        await asyncio.to_thread(system.wait_until_ready)
        await user.append()
        for stream in streams:
            assert seqs(await events(stream, 1)) == [1]
