"""Requests sent ahead, before an application that answers when it is told to: nothing is read while they wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.http import HttpProtocol
from gateway.services import open_services
from gateway.settings import GatewaySettings
from tests.gateway.support import in_a_loop
from tests.system import JWT_SECRET
from wallet_db.settings import load

REQUEST_S = 1.0
SLOW = b"GET /slow HTTP/1.1\r\nhost: t\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nhost: t\r\n\r\n"
LARGE_BYTES = 32_000_000
"""More than the kernel takes."""
HALF = b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n{"


class Gate:
    """The application, its client, and the connection between them."""

    def __init__(self) -> None:
        self.open = asyncio.Semaphore(0)
        """As many slow requests as this are answered; others take their body and are."""
        self.state = ServerState()

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        if scope["path"] == "/slow":
            await self.open.acquire()
        elif scope["path"] == "/large":
            body = bytes(LARGE_BYTES)
        else:
            while (await receive()).get("more_body"):
                pass
        size = [(b"content-length", b"%d" % len(body))] if body else []
        await send({"type": "http.response.start", "status": 200 if body else 204, "headers": size})
        await send({"type": "http.response.body", "body": body})

    @property
    def connection(self) -> HttpProtocol:
        [connection] = self.state.connections
        assert isinstance(connection, HttpProtocol)
        return connection


@asynccontextmanager
async def sent(
    monkeypatch: pytest.MonkeyPatch, database_url: str, data: bytes
) -> AsyncIterator[tuple[Gate, asyncio.StreamReader, asyncio.StreamWriter]]:
    for name, value in {"JWT_SECRET": JWT_SECRET, "BUS": "local", "REQUEST_S": str(REQUEST_S)}.items():
        monkeypatch.setenv(name, value)
    gate = Gate()
    config = uvicorn.Config(
        gate.application, http=HttpProtocol, ws="none", interface="asgi3", lifespan="off", log_config=None
    )
    config.load()
    async with open_services(load(GatewaySettings), database_url, pytest.fail) as services:
        state = {"realtime": services.realtime}
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpProtocol(config=config, server_state=gate.state, app_state=state), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(data)
        try:
            yield gate, reader, writer
        finally:
            writer.close()
            server.close()


async def answer(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


@in_a_loop
async def test_time_in_which_nothing_is_read_is_not_the_client_s(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of a request that waited has as long to come as another's, from when it is read on."""
    async with sent(monkeypatch, database_url, SLOW + HALF) as (gate, reader, writer):
        await asyncio.sleep(1.8 * REQUEST_S)  # it is the passing of time that must not matter
        gate.open.release()
        assert (await answer(reader)).startswith(b"HTTP/1.1 204 ")
        await asyncio.sleep(0.5 * REQUEST_S)
        writer.write(b"}")
        assert (await answer(reader)).startswith(b"HTTP/1.1 204 ")


@in_a_loop
async def test_nothing_is_read_before_the_last_that_waited_has_its_turn(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sent(monkeypatch, database_url, SLOW * 3) as (gate, reader, _):
        for is_paused in (True, False):
            gate.open.release()
            await answer(reader)
            assert gate.connection.flow.read_paused is is_paused


@in_a_loop
async def test_application_at_work_hears_that_its_client_is_gone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though others wait behind its request; those are not begun."""
    async with sent(monkeypatch, database_url, HALF + b"}" + SLOW * 3) as (gate, reader, _):
        await answer(reader)
        at_work = gate.connection.answering
        assert at_work is not None
        gate.connection.transport.abort()
        assert await reader.read() == b""
        assert at_work.disconnected
        assert len(gate.state.tasks) == 1
        gate.open.release()


@in_a_loop
async def test_who_waits_to_write_when_its_request_is_refused_is_let_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer before is not taken off the connection, and what is missing of this request does not come."""
    slow = HALF.replace(b"POST / ", b"POST /slow ")
    async with sent(monkeypatch, database_url, LARGE + slow) as (gate, _, _):
        gate.open.release()
        async with asyncio.timeout(10 * REQUEST_S):
            while not gate.state.tasks:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.01)
            connection = gate.connection
            while connection.answering is not None:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
            assert not gate.state.connections
            while gate.state.tasks:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
