"""Node's `ws` with `pg`: the plain way to do it oneself."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.delivery.clients import Face
from bench.peers.clients import PeerClient
from bench.peers.contract import Running, Stage, Write
from bench.peers.node import install_packages, lacks_node, node_server


@dataclass(frozen=True, slots=True)
class NodeWs:
    """One process, which hears and sends."""

    name: str = "node-ws"
    title: str = "node ws + pg"
    faces: tuple[Face, ...] = ("ws",)
    write: Write = "row"
    connections_max: None = None

    def lacks(self) -> str | None:
        """Node and npm."""
        return lacks_node()

    async def install(self, cache: Path) -> dict[str, str]:
        """By npm."""
        return await install_packages(cache, "ws", "pg")

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """`servers/ws.js`."""
        async with node_server(stage, "ws.js", os.environ) as front:
            yield Running(
                lambda face, user, tally, source: PeerClient(face, f"/?user={user}", stage.port, tally, source), front
            )
