"""Ended connections leave nothing for Python's collector: looking for circles among thousands stops the process."""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
import uvloop

from gateway.auth import Authenticator
from gateway.realtime.realtime import Realtime
from gateway.server import listen, server_of
from gateway.services import open_services
from gateway.settings import GatewaySettings
from tests.system import JWT_SECRET, free_port
from wallet_db.connect import connect
from wallet_db.settings import load

CONNECTIONS = 20
SENT_AHEAD = 10
WITHIN_S = 30
OURS = ("gateway", "notifier", "uvicorn", "websockets", "uvloop")
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PONG, CLOSE = b"\x8a\x80\x00\x00\x00\x00", b"\x88\x82\x00\x00\x00\x00\x03\xe8"  # masked with zeros


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was, afterwards."""
    yield
    gc.set_debug(0)
    gc.enable()


def left_behind() -> Counter[str]:
    """The types of ours that only the collector could free."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.garbage if type(each).__module__.startswith(OURS))
    gc.set_debug(0)
    gc.garbage.clear()
    gc.collect()
    return found


async def opened(
    port: int, path: str, token: str, more: str = "", version: str = "1.1", count: int = 1
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, with so many requests sent ahead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    one = f"GET {path} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    writer.write(one.encode() * count)
    return reader, writer


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize(
    "face",
    [
        "ws",
        "ws closed in order",
        "sse",
        "poll",
        "poll answered",
        "api",
        "api by HTTP/1.0",
        "api gone in mid-request",
        "api pipelined and answered",
        "api pipelined and gone",
    ],
)
def test_ended_connections_leave_no_circles(database_url: str, face: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    for name, value in {"PORT": str(port), "JWT_SECRET": JWT_SECRET, "BUS": "local", "LEAVE_S": "0"}.items():
        monkeypatch.setenv(name, value)
    settings = load(GatewaySettings)
    user_id = uuid4()
    token = Authenticator(JWT_SECRET).issue(user_id)

    async def some(realtime: Realtime, tasks: set[asyncio.Task[None]]) -> None:
        """Connections that get their first message, say something, and go."""
        streams = []
        for _ in range(CONNECTIONS):
            if face.startswith("api"):
                version, count = "1.0" if "1.0" in face else "1.1", SENT_AHEAD if "pipelined" in face else 1
                streams.append(await opened(port, "/api/wallet", token, version=version, count=count))
                if "gone" in face:
                    while not tasks:  # noqa: ASYNC110 - it can only be asked
                        await asyncio.sleep(0)
                    streams[-1][1].transport.abort()
                    continue
                for _ in range(count):
                    await streams[-1][0].readuntil(b"HTTP/1.1 ")  # be it a refusal: these are many
            elif face.startswith("poll"):
                reader, writer = await opened(port, "/realtime/poll", token)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                cursor = json.loads(await reader.readexactly(length))["cursor"]
                path = f"/realtime/poll?cursor={cursor}" + ("&wait=0.3" if face == "poll answered" else "")
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
                streams.append((reader, writer))
            else:
                upgrade = UPGRADE if face.startswith("ws") else ""
                streams.append(await opened(port, f"/realtime/{face.split(maxsplit=1)[0]}", token, upgrade))
                await streams[-1][0].readuntil(b'"ready"')
        # Who is answered may be so before the last has come.
        all_wait = face != "poll answered" and not face.startswith("api")
        async with asyncio.timeout(WITHIN_S):
            while all_wait and realtime.connections < CONNECTIONS:  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.01)
        for reader, writer in streams:
            if face == "poll answered":
                await reader.readuntil(b'"events":[]')
            if face.startswith("ws"):
                writer.write(PONG)
            if face == "ws closed in order":
                writer.write(CLOSE)
                await reader.read()
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        async with asyncio.timeout(WITHIN_S):
            while realtime.connections or tasks:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # what has closed is let go of in the turns that follow

    async def main() -> None:
        db = await connect(database_url, "test")
        await db.execute("insert into users (id) values ($1)", user_id)
        await db.close()
        async with open_services(settings, database_url, pytest.fail) as services:
            server = server_of(services)
            with listen(settings) as listener:
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                await some(services.realtime, server.server_state.tasks)  # what is made once is not counted
                left_behind()
                gc.disable()
                await some(services.realtime, server.server_state.tasks)
                found = left_behind()
                server.should_exit = True
                await serving
        assert not found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
