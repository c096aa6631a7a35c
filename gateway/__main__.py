"""`python -m gateway`: one gateway process. See the README for its settings."""

import argparse
import asyncio
import sys

import uvloop

from gateway.server import listen, serve
from gateway.settings import GatewaySettings
from notifier.listening import PortTaken
from wallet_db.connect import DatabaseUnavailable, database
from wallet_db.demo import set_demo_prices
from wallet_db.embedded import EmbeddedPostgresError
from wallet_db.logs import configure
from wallet_db.migrate import MigrationError, migrate
from wallet_db.no_dumps import refuse_core_dumps
from wallet_db.settings import load
from wallet_db.tracing import configure_tracing


async def run(settings: GatewaySettings, database_url: str) -> int:
    """Migrate, then serve."""
    with listen(settings) as listener:
        await migrate(database_url)
        if settings.demo:
            await set_demo_prices(database_url)
        return await serve(settings, database_url, listener)


def main() -> int:
    """The process's exit status: 0 told to stop, 1 could not go on, 2 wrong settings."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="Serve the page, the HTTP API and the realtime transports. Settings come from the environment: "
        "PORT, DATABASE_URL, JWT_SECRET, BUS, DEMO and others; the README lists them.",
    )
    parser.parse_args()
    refuse_core_dumps()
    settings = load(GatewaySettings)
    configure("gateway", settings)
    configure_tracing("gateway", settings)
    try:
        with database(settings) as database_url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(settings, database_url))
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
