"""The processes of a soak, what kills them, and the bending of time.

Time bends on our side only, by moving an order's times into the past: its expiry then comes before the provider's, as
it is meant to, and the provider's last word is asked for in the product's own way.
"""

import asyncio
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.loss.database import Database
from bench.loss.processes import Kept, running
from bench.loss.proxy import free_ports
from bench.soak.plan import HITS, Plan

POLLERS = 2
IN_FLIGHT_S = 17
"""A request to a provider ends within 15 s; what was begun longer ago gets no answer any more."""
SHORT_LIVES = {"LEASE_S": "20", "ORDERING_MAX_S": "10", "ORDER_WAIT_S": "1"}


@dataclass(slots=True)
class System:
    """What may be hit."""

    gateway: Kept
    others: list[Kept]
    pollers: list[Kept]
    port: int
    key: str
    environment: dict[str, str]
    tasks: list["asyncio.Task[None]"]
    hits: Counter[str] = field(default_factory=Counter)

    @property
    def restarts(self) -> int:
        """How often a process was started again."""
        return sum(process.starts - 1 for process in (self.gateway, *self.others, *self.pollers))


@asynccontextmanager
async def running_system(database_url: str, simulator_url: str, logs: Path) -> AsyncIterator[System]:
    """Everything, running; the gateway may not answer yet."""
    key, (port,) = secrets.token_urlsafe(32), free_ports(1)
    environment = {
        "DATABASE_URL": database_url,
        "DEMO": "1",
        "SIM_PORT": str(urlsplit(simulator_url).port),
        "JWT_SECRET": key,
        "PORT": str(port),
        **SHORT_LIVES,
    }
    gateway = Kept("gateway", "gateway", environment, logs)
    others = [Kept("notifier", "notifier", environment, logs)]
    pollers = [Kept(f"poller-{number}", "pollers", environment, logs) for number in range(1, POLLERS + 1)]
    async with running(process.keep() for process in (gateway, *others, *pollers)) as tasks:
        yield System(gateway, others, pollers, port, key, environment, tasks)


async def hit(plan: Plan, system: System, database: Database) -> None:
    """Kill something now and then, until cancelled. A database that is being restarted is waited for."""
    chance = plan.chance("hits")
    while True:
        await asyncio.sleep(plan.hit_every_s)
        what = chance.choice(HITS)
        if what == "postgres":
            with suppress(TimeoutError):
                await database.restart_immediately()
        else:
            process = system.gateway if what == "gateway" else chance.choice(system.pollers)
            if not process.signal(signal.SIGKILL):
                continue
        system.hits[what] += 1


async def bend_time(database: Database) -> int:
    """Let purchases without an answer pass their window, and once none is left all numbers their lives.

    Returns how many orders are open still.
    """
    async with database.session() as session:
        await session.execute(
            "update activations set purchase_started_at = purchase_started_at - interval '31 seconds', due_at = now()"
            " where status = 'ordering' and purchase_started_at < now() - make_interval(secs => $1)"
            "   and purchase_started_at > now() - interval '31 seconds'",
            IN_FLIGHT_S,
        )
        ordering: int = await session.fetchval("select count(*) from activations where status = 'ordering'")
        if not ordering:
            await session.execute(
                "update activations set expires_at = now() - interval '1 second', due_at = now()"
                " where status in ('pending', 'received') and expires_at > now()"
            )
        left: int = await session.fetchval("select count(*) from activations where closed_at is null")
    return left
