"""A WebSocket made by `websockets`, past its first message: for what only this transport has."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import websockets

from tests.gateway.support import BESIDE_THE_STREAM, User


@asynccontextmanager
async def connected(url: str, user: User, **options: Any) -> AsyncIterator[websockets.ClientConnection]:
    """Past `ready`."""
    options = {"compression": None, "ping_interval": None, "proxy": None} | options
    address = f"{url.replace('http', 'ws')}/realtime/ws?access_token={user.token}"
    async with websockets.connect(address, **options) as connection:
        assert (await answer(connection))["type"] == "ready"
        yield connection


async def answer(connection: websockets.ClientConnection) -> dict[str, Any]:
    """The next message that is one of the stream, or an answer."""
    while (message := json.loads(await connection.recv()))["type"] in BESIDE_THE_STREAM:
        pass
    return dict(message)


async def to_the_close(connection: websockets.ClientConnection) -> list[dict[str, Any]]:
    """All that comes before the server's close frame."""
    said = []
    with suppress(websockets.ConnectionClosed):
        while True:
            said.append(json.loads(await connection.recv()))
    return said


async def close_code(connection: websockets.ClientConnection) -> int:
    """The code it is closed with; what is said before does not matter."""
    await to_the_close(connection)
    assert connection.close_code
    return connection.close_code
