"""python-socketio under uvicorn, with asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.delivery.clients import Face
from bench.peers.clients import SocketIoClient
from bench.peers.contract import Running, Stage, Write
from bench.peers.python import install_packages, python_server


@dataclass(frozen=True, slots=True)
class PythonSocketIo:
    """One process, over the WebSocket transport."""

    name: str = "python-socketio"
    title: str = "python-socketio + asyncpg"
    faces: tuple[Face, ...] = ("ws",)
    write: Write = "row"
    connections_max: None = None

    def lacks(self) -> str | None:
        """Nothing that pip does not bring."""
        return None

    async def install(self, cache: Path) -> dict[str, str]:
        """By pip."""
        return await install_packages(cache, "python-socketio", "uvicorn", "asyncpg", "websockets")

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """`servers/python_socketio.py`."""
        async with python_server(stage, "python_socketio:app") as front:
            yield Running(
                lambda face, user, tally, source: SocketIoClient(face, user, stage.port, tally, source),
                front,
            )
