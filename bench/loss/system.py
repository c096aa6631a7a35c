"""All that takes part in a run, started and stopped together: processes, proxies, clients.

The processes are the product's own, with settings that let it notice things sooner: a short heartbeat, a small buffer.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import jwt

from bench.loss.account import Account, Ledger, Verdict
from bench.loss.client import HEARTBEAT_S, Client
from bench.loss.plan import Plan
from bench.loss.processes import Kept, running
from bench.loss.proxy import Proxy, free_ports
from bench.loss.result import Tally

GATEWAYS, FOLLOWERS = 2, 2
SETTINGS = {"HEARTBEAT_S": str(HEARTBEAT_S), "BUFFER_BYTES_MAX": "16384"}
ARRIVING_PER_S = 400
"""Clients' first connections are spread, so that a run does not begin with a storm; storms come later, on purpose."""


@dataclass(frozen=True, slots=True)
class System:
    """What may be hit."""

    gateways: list[Kept]
    followers: list[Kept]
    proxies: list[Proxy]
    """One before each gateway."""
    clients: list[tuple[UUID, Client]]
    """And whose they are."""
    tasks: list["asyncio.Task[None]"]
    """What keeps the processes and runs the clients: none ends by itself."""

    @property
    def processes(self) -> list[Kept]:
        """Gateways and followers."""
        return [*self.gateways, *self.followers]


def token(key: str, user: UUID, lifetime_s: float) -> str:
    """What a business's own sign-in would give the user: the gateway asks for no more (HS256, `sub`, `exp`)."""
    return jwt.encode({"sub": str(user), "exp": int(time.time() + lifetime_s)}, key, algorithm="HS256")


@asynccontextmanager
async def running_system(
    plan: Plan, database_url: str, logs: Path, ledgers: Mapping[UUID, Ledger], verdict: Verdict, tally: Tally
) -> AsyncIterator[System]:
    """Everything, running; clients may not have been greeted yet."""
    key = secrets.token_urlsafe(32)
    environment = {"DATABASE_URL": database_url, "JWT_SECRET": key, **SETTINGS}
    ports = free_ports(GATEWAYS)
    gateways = [
        Kept(f"gateway-{n}", "gateway", {**environment, "PORT": str(port)}, logs) for n, port in enumerate(ports, 1)
    ]
    followers = [Kept(f"follower-{n}", "notifier", environment, logs) for n in range(1, FOLLOWERS + 1)]
    async with AsyncExitStack() as stack:
        keepers = await stack.enter_async_context(running(process.keep() for process in (*gateways, *followers)))
        proxies = [await stack.enter_async_context(Proxy(port).listening()) for port in ports]
        reached_at = [proxy.port for proxy in proxies]

        def client_of(user: UUID, number: int) -> Client:
            def issue(lifetime_s: float) -> str:
                return token(key, user, lifetime_s)

            account, chance = Account(str(number), ledgers[user]), plan.chance(f"client/{user}/{number}")
            return Client(account, verdict, tally, issue, reached_at, chance)

        clients = [
            (user, client_of(user, number)) for user, count in plan.people().items() for number in range(1, count + 1)
        ]
        runs = (client.run(number / ARRIVING_PER_S) for number, (_, client) in enumerate(clients))
        tasks = [*keepers, *await stack.enter_async_context(running(runs))]
        yield System(gateways, followers, proxies, clients, tasks)
