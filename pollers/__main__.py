"""`python -m pollers`: one poller process. `python -m pollers simulator`: a provider to try everything against.
`python -m pollers reconcile`: our books beside the providers'. `python -m pollers alert-test`: try the ways to tell."""

import argparse
import asyncio
import sys

import uvloop

from notifier.listening import PortTaken
from pollers import alerts, reconcile, service, simulator
from pollers.alert_settings import AlertSettings
from pollers.settings import PollerSettings
from wallet_db.connect import DatabaseUnavailable, database
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.logs import configure
from wallet_db.migrate import MigrationError, migrate
from wallet_db.settings import load
from wallet_db.tracing import configure_tracing


async def run(settings: PollerSettings, database_url: str) -> None:
    """Migrate, then work."""
    await migrate(database_url)
    await service.run(settings, database_url)


def main() -> int:
    """The process's exit status: 0 told to stop, 1 could not go on, 2 wrong settings."""
    parser = argparse.ArgumentParser(
        prog="python -m pollers",
        description="Carry out orders with the providers. Settings come from the environment; the README lists them.",
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser(
        "simulator", help="serve the provider protocols on SIM_PORT, with numbers and SMS that cost nothing"
    )
    reconcile.add_parser(commands)
    alerts.add_parser(commands)
    chosen = parser.parse_args()
    if chosen.command == "simulator":
        simulator.run(load(simulator.SimulatorSettings))
        return 0
    if chosen.command == alerts.COMMAND:
        return asyncio.run(alerts.try_channels(load(AlertSettings)))
    settings = load(PollerSettings)
    configure("pollers", settings)
    configure_tracing("pollers", settings)
    try:
        with database(settings) as database_url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if chosen.command == "reconcile":
                return runner.run(reconcile.run(settings, database_url, chosen))
            runner.run(run(settings, database_url))
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
