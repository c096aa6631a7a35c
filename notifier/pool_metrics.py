"""How long one waits for a connection of a process's pool, and how many of its connections are at work.

Once a second somebody asks for a connection, measures how long that took, and gives it back: what a request would have
waited at that moment. So nothing is measured on anybody's way, and a pool that is exhausted shows as what it is.
"""

import asyncio
import time

from prometheus_client import Gauge, Histogram

from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Pool

EVERY_S = 1.0

WAIT_S = Histogram(
    "onesms_pool_wait_seconds",
    "Waiting for a connection of the pool, tried once a second.",
    ["pool"],
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30),
)
CONNECTIONS = Gauge("onesms_pool_connections", "Connections of the pool: busy, idle.", ["pool", "state"])
CONNECTIONS_MAX = Gauge("onesms_pool_connections_max", "So many connections the pool may have.", ["pool"])


async def measure_pool(pool: Pool, name: str, *, every_s: float = EVERY_S) -> None:
    """Until cancelled."""
    CONNECTIONS_MAX.labels(name).set(pool.get_max_size())
    while True:
        begun_s = time.monotonic()
        try:
            async with pool.acquire():
                WAIT_S.labels(name).observe(time.monotonic() - begun_s)
                idle = pool.get_idle_size()
                CONNECTIONS.labels(name, "busy").set(pool.get_size() - idle - 1)  # not this one
                CONNECTIONS.labels(name, "idle").set(idle + 1)
        except DATABASE_FAULTS:
            pass  # nobody gets one now: told by what asks the database anything
        await asyncio.sleep(every_s)
