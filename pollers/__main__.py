"""`python -m pollers`: one poller process. `python -m pollers simulator`: a provider to try everything against.
`python -m pollers reconcile`: our books beside the providers'; `reconcile-cards`: our cards; `card-rules`: their rules.
`python -m pollers alert-test`: try the ways to tell."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine

import uvloop

from notifier.listening import PortTaken
from pollers import alerts, reconcile, service, simulator
from pollers.alert_settings import AlertSettings
from pollers.cards import reconcile as reconcile_cards
from pollers.cards import rules_command
from pollers.settings import PollerSettings
from wallet_db.connect import DatabaseUnavailable, database
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.logs import configure
from wallet_db.migrate import MigrationError, migrate
from wallet_db.no_dumps import refuse_core_dumps
from wallet_db.settings import DatabaseSettings, load
from wallet_db.tracing import configure_tracing


async def run(settings: PollerSettings, database_url: str) -> int:
    """Migrate, then work; 0 when told to stop."""
    await migrate(database_url)
    await service.run(settings, database_url)
    return 0


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
    reconcile_cards.add_parser(commands)
    rules_command.add_parser(commands)
    alerts.add_parser(commands)
    chosen = parser.parse_args()
    if chosen.command == "simulator":
        simulator.run(load(simulator.SimulatorSettings))
        return 0
    if chosen.command == alerts.COMMAND:
        return asyncio.run(alerts.try_channels(load(AlertSettings)))
    if chosen.command == rules_command.COMMAND:
        return _on_database(load(DatabaseSettings), lambda url: rules_command.run(url, chosen))
    refuse_core_dumps()
    settings = load(PollerSettings)
    configure("pollers", settings)
    configure_tracing("pollers", settings)
    if chosen.command == "reconcile":
        return _on_database(settings, lambda url: reconcile.run(settings, url, chosen))
    if chosen.command == reconcile_cards.COMMAND:
        return _on_database(settings, lambda url: reconcile_cards.run(settings, url, chosen))
    return _on_database(settings, lambda url: run(settings, url))


def _on_database(settings: DatabaseSettings, work: Callable[[str], Coroutine[None, None, int]]) -> int:
    """What the work on the settings' database, by its URL, comes to; 1 if it is not there."""
    try:
        with database(settings) as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work(url))
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
