"""A gateway and a follower, with a bus between them as they come: what `make run` starts, without the pollers."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from bench.delivery.clients import Client, Face
from bench.delivery.gateways import all_answer, ready_gateway
from bench.peers.contract import Running, Stage, Write
from bench.wallet.server import live_follower, session_on
from gateway.auth import Authenticator


@dataclass(frozen=True, slots=True)
class Ours:
    """One gateway, or several on one port."""

    gateways: int = 1
    name: str = "ours"
    title: str = "OneSMS"
    faces: tuple[Face, ...] = ("ws", "sse", "poll")
    write: Write = "event"
    connections_max: None = None

    def lacks(self) -> str | None:
        """Nothing: it is here."""
        return None

    async def install(self, cache: Path) -> dict[str, str]:
        """Nothing to install."""
        del cache
        return {}

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """Each client has a token of its user's; nothing else is set up unlike `make run`."""
        authenticator = Authenticator(secret := secrets.token_hex(32))
        environment = os.environ | {
            "DATABASE_URL": stage.url,
            "BUS": "postgres",
            "DEMO": "0",
            "JWT_SECRET": secret,
            "CONNECTIONS_PER_USER_MAX": "0",
            "PORT_SHARED": str(int(self.gateways > 1)),
        }
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(session_on(stage.url))
            follower = await stack.enter_async_context(live_follower(stage.url, session))
            front = [
                await stack.enter_async_context(ready_gateway(stage.port, environment)) for _ in range(self.gateways)
            ]
            await all_answer(stage.port, self.gateways)
            yield Running(
                lambda face, user, tally, source: Client(
                    face, stage.port, authenticator.issue(UUID(user)), tally, source
                ),
                tuple(front),
                (psutil.Process(follower.pid),),
            )
