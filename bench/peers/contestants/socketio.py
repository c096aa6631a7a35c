"""Socket.IO with `pg`: a room for each user. With its Postgres adapter the rows come from a second process."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.delivery.clients import Face
from bench.peers.clients import SocketIoClient
from bench.peers.contract import Running, Stage, Write
from bench.peers.node import install_packages, lacks_node, node_feeder, node_server


@dataclass(frozen=True, slots=True)
class SocketIo:
    """Over its WebSocket transport."""

    adapter: bool = False
    faces: tuple[Face, ...] = ("ws",)
    write: Write = "row"
    connections_max: None = None

    @property
    def name(self) -> str:
        """Two contestants."""
        return "socketio-adapter" if self.adapter else "socketio"

    @property
    def title(self) -> str:
        """Two contestants."""
        return "Socket.IO, Postgres adapter" if self.adapter else "Socket.IO + pg"

    def lacks(self) -> str | None:
        """Node and npm."""
        return lacks_node()

    async def install(self, cache: Path) -> dict[str, str]:
        """By npm."""
        return await install_packages(cache, "socket.io", "@socket.io/postgres-adapter", "pg")

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """`servers/socketio.js`, and for the adapter `servers/socketio_feeder.js`."""
        environment = os.environ | {"ADAPTER": str(int(self.adapter))}
        async with AsyncExitStack() as stack:
            front = await stack.enter_async_context(node_server(stage, "socketio.js", environment))
            behind = (
                await stack.enter_async_context(node_feeder(stage, "socketio_feeder.js", environment))
                if self.adapter
                else ()
            )
            yield Running(
                lambda face, user, tally, source: SocketIoClient(face, user, stage.port, tally, source),
                front,
                behind,
            )
