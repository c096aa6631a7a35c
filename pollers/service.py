"""The pollers' frame: the pool, the provider account, the loops over due activations and periodic jobs, and news
from the bus."""

import asyncio
import signal
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import structlog

from notifier.bus import open_bus
from notifier.event import Event
from pollers.activations import ActivationWorker
from pollers.loop import DueLoop
from pollers.periodic import periodic_loop
from pollers.providers.sms_activate.client import SmsActivate
from pollers.settings import PollerSettings
from wallet_db.connect import pool
from wallet_db.jobs import ActivationJob, claim_activations
from wallet_db.roles import POLLERS

log = structlog.get_logger()

PROVIDER = "sms_activate"


async def run(settings: PollerSettings, database_url: str, stop: asyncio.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stop`. Raises DatabaseUnavailable."""
    url, key = settings.provider_address()
    # A request for every order worked on, none waiting for a connection: waiting counts as the provider's failing.
    limits = httpx.Limits(max_connections=settings.concurrency_max, max_keepalive_connections=settings.concurrency_max)
    async with (
        pool(database_url, "pollers", role=POLLERS, connections_max=settings.database_connections_max) as connections,
        httpx.AsyncClient(limits=limits) as client,
        asyncio.TaskGroup() as tasks,
    ):
        worker = ActivationWorker(connections, SmsActivate(url, key, client), PROVIDER, settings)
        lease = timedelta(seconds=settings.lease_s)

        async def claim(limit: int) -> Sequence[ActivationJob]:
            return await claim_activations(connections, limit=limit, lease=lease)

        loop = DueLoop(claim, worker.work, concurrency_max=settings.concurrency_max, poll_s=settings.poll_s)
        periodic = periodic_loop(connections, settings)
        tasks.create_task(periodic.run())
        bus = open_bus(settings.bus, database_url, POLLERS, nats_url=settings.nats_url.get_secret_value())
        listening = tasks.create_task(bus.listen(partial(_hear, loop)))
        stopping = tasks.create_task(_stop_when_told(stop or asyncio.Event(), loop, periodic))
        log.info("working", provider=url)
        await loop.run()
        listening.cancel()
        stopping.cancel()


def _hear(loop: DueLoop[ActivationJob], events: Sequence[Event]) -> None:
    """A new order, or one whose owner wants it cancelled, is due now."""
    if any(event.type.startswith("activation.") for event in events):
        loop.wake()


async def _stop_when_told(stop: asyncio.Event, *loops: DueLoop[Any]) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
        for loop in loops:
            loop.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            running.remove_signal_handler(number)
