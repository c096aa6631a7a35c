"""The floor: one bare LISTEN session in the bench's own process, which hears everybody's rows. No server, no users."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.delivery.clients import Face, Tally
from bench.peers.clients import MARK
from bench.peers.contract import Running, Stage, Write
from wallet_db.connect import connect


class Listener:
    """The session."""

    def __init__(self, url: str, tally: Tally) -> None:
        self.tally = tally
        self._url = url
        self._session: asyncpg.Connection[asyncpg.Record] | None = None

    async def connect(self) -> bool:
        """LISTEN."""
        self._session = await connect(self._url, "bench listen")
        await self._session.add_listener("peer_messages", self._hear)
        self.tally.opened()
        return True

    def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            self._session.terminate()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        now = time.monotonic()
        row = str(payload).encode()
        at = row.index(MARK) + 1
        self.tally.arrived(row[at : row.index(b'"', at)], now)


@dataclass(frozen=True, slots=True)
class BareListen:
    """Nothing but PostgreSQL."""

    name: str = "listen"
    title: str = "bare LISTEN session"
    faces: tuple[Face, ...] = ("ws",)
    write: Write = "row"
    connections_max: int = 1

    def lacks(self) -> str | None:
        """Nothing."""
        return None

    async def install(self, cache: Path) -> dict[str, str]:
        """Nothing to install."""
        del cache
        return {}

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """There is no server to start."""
        yield Running(lambda _face, _user, tally, _source: Listener(stage.url, tally))
