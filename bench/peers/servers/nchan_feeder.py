"""Hears of each row of `peer_messages` by LISTEN, and posts it to its user's channel of Nchan. Run as a program:

    python -m bench.peers.servers.nchan_feeder DATABASE_URL PORT

A few connections that are kept open; a user's rows all take the same one, each after the answer to the one before, so
that they stay in order. It prints "ready" once it hears, and ends with an error if Nchan refuses a row.
"""

import asyncio
import json
import sys
from collections import deque

import uvloop

from wallet_db.connect import connect

CONNECTIONS = 16
LENGTH = b"\r\ncontent-length: "


class Publisher(asyncio.Protocol):
    """One connection to Nchan, and the rows that wait for it."""

    def __init__(self, ended: asyncio.Future[str]) -> None:
        self._waiting: deque[bytes] = deque()
        self._under_way = False
        self._answer = b""
        self._ended = ended
        self._transport: asyncio.Transport

    def publish(self, user: str, row: bytes) -> None:
        """Post it after those that came before."""
        self._waiting.append(
            b"POST /publish?user=%s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d"
            b"\r\n\r\n%s" % (user.encode(), len(row), row)
        )
        self._next()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may be used."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith((b"HTTP/1.1 201", b"HTTP/1.1 202")):
            self._end(f"Nchan answered {head[:100]!r}")
            return
        at = head.lower().find(LENGTH)
        if at >= 0 and len(body) < int(head[at + len(LENGTH) :].partition(b"\r\n")[0]):
            return
        self._answer = b""
        self._under_way = False
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody publishes without it."""
        self._end(f"Nchan is gone: {exc}")

    def _next(self) -> None:
        if self._waiting and not self._under_way:
            self._under_way = True
            self._transport.write(self._waiting.popleft())

    def _end(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)


async def feed(url: str, port: int) -> str:
    """Until it cannot go on; returns why."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()
    publishers = []
    for _ in range(CONNECTIONS):
        publisher = Publisher(ended)
        await loop.create_connection(lambda made=publisher: made, "127.0.0.1", port)  # type: ignore[misc]
        publishers.append(publisher)

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        row = str(payload)
        user = json.loads(row)["user_id"]
        publishers[hash(user) % CONNECTIONS].publish(user, row.encode())

    listener = await connect(url, "bench nchan")
    await listener.add_listener("peer_messages", hear)
    print("ready", flush=True)
    return await ended


if __name__ == "__main__":
    sys.exit(uvloop.run(feed(sys.argv[1], int(sys.argv[2]))))
