"""`python -m notifier`: follow the outbox and publish, until SIGTERM or SIGINT. Several may run: one leads."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping

import structlog
import uvloop

from notifier.bus import BusUnavailable, open_bus
from notifier.follower import Follower
from notifier.listening import PortTaken
from notifier.probes import serving_probes
from notifier.settings import NotifierSettings
from wallet_db.connect import DatabaseUnavailable, connect, database
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.logs import configure
from wallet_db.migrate import MigrationError, migrate
from wallet_db.roles import NOTIFIER
from wallet_db.settings import load
from wallet_db.tracing import configure_tracing

log = structlog.get_logger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> int:
    """Run the process; returns its exit status."""
    argparse.ArgumentParser(
        prog="python -m notifier",
        description="Follow the outbox of events and publish them to the gateways' bus.",
        epilog="Settings come from the environment: DATABASE_URL, DATA_DIR, BUS (postgres, local, nats), NATS_URL,"
        " FOLLOWER_POLL_S, FOLLOWER_IDLE_S, FOLLOWER_SWEEP_S, FOLLOWER_STANDBY_S, METRICS_HOST, METRICS_PORT.",
    ).parse_args()
    settings = load(NotifierSettings)
    configure("notifier", settings)
    configure_tracing("notifier", settings)
    for number in SIGNALS:
        # Until the loop takes them over: starting an embedded server takes a moment.
        signal.signal(number, lambda *_: sys.exit(0))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            if settings.bus == "local":
                runner.run(_idle(settings))
                return 0
            with database(settings) as url:
                runner.run(_serve(settings, url))
        except (BusUnavailable, DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


async def _idle(settings: NotifierSettings) -> None:
    async def checks() -> Mapping[str, bool]:
        return {}

    signalled = _signalled()
    async with serving_probes(settings.metrics_host, settings.metrics_port, checks):
        log.info("notifier.idle", reason="BUS=local: the follower runs inside the gateway, there is nothing to do here")
        await signalled.wait()


async def _serve(settings: NotifierSettings, url: str) -> None:
    stop = asyncio.create_task(_signalled().wait())
    work = asyncio.create_task(_work(settings, url))
    await asyncio.wait((stop, work), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    log.info("notifier.stopped")


async def _work(settings: NotifierSettings, url: str) -> None:
    await migrate(url)
    # What a follower would try again and again, because it passes by itself, at the start is for a person to mend.
    await (await connect(url, "notifier", role=NOTIFIER)).close()
    bus = open_bus(settings.bus, url, nats_url=settings.nats_url.get_secret_value())
    follower = Follower(url, bus.publish, settings.tempo, channel=bus.channel)

    async def checks() -> Mapping[str, bool]:
        return {"database": follower.connected.is_set()}

    try:
        async with serving_probes(settings.metrics_host, settings.metrics_port, checks):
            await bus.open()
            await follower.run()
    finally:
        await bus.close()


def _signalled() -> asyncio.Event:
    signalled = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    return signalled


if __name__ == "__main__":
    raise SystemExit(main())
