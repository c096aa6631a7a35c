"""The processes of a soak, and what kills them."""

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
from pollers.settings import FIVESIM, HEROSMS, SMS_ACTIVATE
from pollers.simulator.limits import OWN_LIMITS

POLLERS = 2
ACCOUNTS = (SMS_ACTIVATE, HEROSMS, FIVESIM)
SHORT_LIVES = {"LEASE_S": "30", "ORDERING_MAX_S": "15", "ORDER_WAIT_S": "1"}
RATE_SHARE = 0.5
"""Of what a provider allows in a second: a second's burst and a second's rate stay within it together. By default it is
a fifth and less; thousands of orders would wait for their turns, and a wait shows nothing of what goes wrong."""
RATES = {f"{name.upper()}_REQUESTS_PER_S": f"{OWN_LIMITS[name].per_s * RATE_SHARE:g}" for name in ACCOUNTS}


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
        **RATES,
    }
    gateway = Kept("gateway", "gateway", environment, logs)
    others = [Kept("notifier", "notifier", environment, logs)]
    pollers = [Kept(f"poller-{number}", "pollers", environment, logs) for number in range(1, POLLERS + 1)]
    async with running(process.keep() for process in (gateway, *others, *pollers)) as tasks:
        yield System(gateway, others, pollers, port, key, environment, tasks)


async def hit(plan: Plan, system: System, database: Database) -> None:
    """Kill something now and then, until cancelled. A database that is being restarted is waited for."""
    chance = plan.chance("hits")
    turns: list[str] = []
    while True:
        await asyncio.sleep(plan.hit_every_s)
        turns = turns or chance.sample(HITS, len(HITS))  # each has its turn, in whichever order
        what = turns.pop()
        if what == "postgres":
            with suppress(TimeoutError):
                await database.restart_immediately()
        else:
            process = system.gateway if what == "gateway" else chance.choice(system.pollers)
            if not process.signal(signal.SIGKILL):
                continue
        system.hits[what] += 1
